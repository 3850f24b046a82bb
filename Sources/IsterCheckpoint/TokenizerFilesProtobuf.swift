/// Walks the fields of one protobuf message (protobuf.dev, "Encoding"). Every length is checked against the bytes
/// that remain.
struct ProtobufReader {
    enum Value {
        case varint(UInt64)
        case fixed32(UInt32)
        case fixed64(UInt64)
        /// Where the bytes are in the file.
        case bytes(Range<Int>)
    }

    let bytes: [UInt8]
    private(set) var offset: Int
    private let end: Int
    private let file: String

    init(_ bytes: [UInt8], _ range: Range<Int>, file: String) {
        self.bytes = bytes
        offset = range.lowerBound
        end = range.upperBound
        self.file = file
    }

    /// The next field's number and value; nil at the end.
    mutating func next() throws(TokenizerFileError) -> (field: UInt64, value: Value)? {
        if offset == end { return nil }
        let tag = try varint()
        let value: Value
        switch tag & 7 {
        case 0: value = .varint(try varint())
        case 1: value = .fixed64(try fixed(8))
        case 2:
            let length = try varint()
            guard length <= UInt64(end - offset) else { throw malformed("length") }
            let range = offset..<offset + Int(length)
            offset = range.upperBound
            value = .bytes(range)
        case 5: value = .fixed32(UInt32(truncatingIfNeeded: try fixed(4)))
        default: throw malformed("wire type")
        }
        return (tag >> 3, value)
    }

    private mutating func varint() throws(TokenizerFileError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard offset < end else { throw malformed("number") }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw malformed("number")
    }

    private mutating func fixed(_ count: Int) throws(TokenizerFileError) -> UInt64 {
        guard end - offset >= count else { throw malformed("number") }
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(bytes[offset + index]) << UInt64(index * 8) }
        offset += count
        return value
    }

    func malformed(_ what: String) -> TokenizerFileError {
        .malformed(file: file, what: "protobuf \(what)", offset: offset)
    }
}
