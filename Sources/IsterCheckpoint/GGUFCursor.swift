/// Reads the head of a GGUF file in order, little-endian. Every count is checked against the bytes that are left
/// before memory is taken for it.
struct GGUFCursor {
    let file: CheckpointFile
    private(set) var offset = 0
    private var window: [UInt8] = []
    private var windowStart = 0

    /// Read at once: metadata are mostly short strings.
    private static let windowBytes = 1 << 20

    /// Limits of one value; real files stay far below (longest: 262,144 tokens, templates of some KiB).
    static let stringLimit = 16 << 20
    static let arrayLimit = 4 << 20
    /// Of all that comes before the weights: bounds the memory that the metadata take together.
    static let headLimit = 256 << 20

    init(file: CheckpointFile) { self.file = file }

    var remaining: Int { file.size - offset }

    /// `what` names the thing in errors.
    mutating func bytes(_ count: Int, _ what: String) throws(CheckpointError) -> ArraySlice<UInt8> {
        try require(count, what)
        if offset < windowStart || offset + count > windowStart + window.count {
            windowStart = offset
            window = try file.bytes(at: offset, count: max(count, min(Self.windowBytes, remaining)))
        }
        let start = offset - windowStart
        offset += count
        return window[start..<start + count]
    }

    private mutating func skip(_ count: Int, _ what: String) throws(CheckpointError) {
        try require(count, what)
        offset += count
    }

    private func require(_ count: Int, _ what: String) throws(CheckpointError) {
        if count > remaining {
            throw .truncated(path: file.path, what: what, needBytes: count, foundBytes: remaining)
        }
        if count > Self.headLimit - offset {
            throw .malformed(
                path: file.path, what: "the end of \(what)", found: "byte \(offset + count)",
                need: "at most \(Self.headLimit) bytes before the weights")
        }
    }

    mutating func integer<T: FixedWidthInteger>(_ what: String, as type: T.Type = T.self) throws(CheckpointError) -> T {
        var result: T = 0
        for byte in try bytes(T.bitWidth / 8, what).reversed() { result = result << 8 | T(truncatingIfNeeded: byte) }
        return result
    }

    /// A count of records of at least `recordBytes`, at most `limit` of them.
    mutating func count(_ what: String, limit: Int, recordBytes: Int) throws(CheckpointError) -> Int {
        let count = try integer(what, as: UInt64.self)
        if count > UInt64(limit) {
            throw .malformed(path: file.path, what: what, found: "\(count)", need: "at most \(limit)")
        }
        if Int(count) > remaining / recordBytes {
            throw .truncated(
                path: file.path, what: what + " of \(count)", needBytes: Int(count) * recordBytes,
                foundBytes: remaining)
        }
        return Int(count)
    }

    mutating func string(_ what: String, limit: Int = stringLimit) throws(CheckpointError) -> [UInt8] {
        let count = try count("the length of " + what, limit: limit, recordBytes: 1)
        return Array(try bytes(count, what))
    }

    /// Keys and tensor names: visible ASCII, so that names are compared byte for byte.
    mutating func name(_ what: String, limit: Int) throws(CheckpointError) -> String {
        let bytes = try string(what, limit: limit)
        guard !bytes.isEmpty, bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw .malformed(
                path: file.path, what: what, found: quoted(String(decoding: bytes, as: UTF8.self)),
                need: "visible ASCII characters")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private mutating func type(_ key: String) throws(CheckpointError) -> GGUFValueType {
        let number = try integer("the type of \(quoted(key))", as: UInt32.self)
        if let type = GGUFValueType(rawValue: number) { return type }
        throw .malformed(path: file.path, what: "the type of \(quoted(key))", found: "\(number)", need: "0 to 12")
    }

    /// keepsArray: an array's elements are read; otherwise they are stepped over.
    mutating func value(_ key: String, keepsArray: Bool) throws(CheckpointError) -> GGUFValue {
        let type = try type(key)
        switch type {
        case .array: return try array(key, isKept: keepsArray)
        case .string: return .string(try string("the value of \(quoted(key))"))
        case .bool: return .bool(try bool(key))
        case .float32: return .float(Double(try float(key)), type)
        case .float64: return .float(try double(key), type)
        default: return .integer(try integer(key, type), type)
        }
    }

    private mutating func array(_ key: String, isKept: Bool) throws(CheckpointError) -> GGUFValue {
        let type = try type(key)
        let count = try count("the array \(quoted(key))", limit: Self.arrayLimit, recordBytes: type.minimumBytes)
        switch type {
        case .array:
            throw .wrongValueType(
                path: file.path, key: key, need: "at most one level of arrays", found: "an array of arrays")
        case _ where !isKept:
            try skipArray(key, type, count)
            return .skipped(type)
        case .string:
            return .strings(
                try repeated(count) { cursor throws(CheckpointError) in
                    try cursor.string("an element of \(quoted(key))")
                })
        case .bool: return .bools(try repeated(count) { cursor throws(CheckpointError) in try cursor.bool(key) })
        case .float32: return .floats(try repeated(count) { cursor throws(CheckpointError) in try cursor.float(key) })
        case .float64: return .doubles(try repeated(count) { cursor throws(CheckpointError) in try cursor.double(key) })
        default:
            return .integers(
                try repeated(count) { cursor throws(CheckpointError) in try cursor.integer(key, type) }, type)
        }
    }

    private mutating func skipArray(_ key: String, _ type: GGUFValueType, _ count: Int) throws(CheckpointError) {
        guard type == .string else { return try skip(count * type.minimumBytes, "the array \(quoted(key))") }
        let element = "an element of \(quoted(key))"
        for _ in 0..<count {
            let length = try self.count("the length of " + element, limit: Self.stringLimit, recordBytes: 1)
            try skip(length, element)
        }
    }

    private mutating func repeated<T>(
        _ count: Int, _ read: (inout GGUFCursor) throws(CheckpointError) -> T
    ) throws(CheckpointError) -> [T] {
        var out: [T] = []
        out.reserveCapacity(count)
        for _ in 0..<count { out.append(try read(&self)) }
        return out
    }

    private mutating func bool(_ key: String) throws(CheckpointError) -> Bool {
        let byte = try integer(key, as: UInt8.self)
        if byte > 1 {
            throw .malformed(path: file.path, what: "the boolean \(quoted(key))", found: "\(byte)", need: "0 or 1")
        }
        return byte == 1
    }

    private mutating func float(_ key: String) throws(CheckpointError) -> Float {
        Float(bitPattern: try integer(key, as: UInt32.self))
    }

    private mutating func double(_ key: String) throws(CheckpointError) -> Double {
        Double(bitPattern: try integer(key, as: UInt64.self))
    }

    private mutating func integer(_ key: String, _ type: GGUFValueType) throws(CheckpointError) -> Int {
        switch type {
        case .uint8: return Int(try integer(key, as: UInt8.self))
        case .int8: return Int(try integer(key, as: Int8.self))
        case .uint16: return Int(try integer(key, as: UInt16.self))
        case .int16: return Int(try integer(key, as: Int16.self))
        case .uint32: return Int(try integer(key, as: UInt32.self))
        case .int32: return Int(try integer(key, as: Int32.self))
        case .int64: return Int(try integer(key, as: Int64.self))
        default:
            let value = try integer(key, as: UInt64.self)
            if let value = Int(exactly: value) { return value }
            throw .settingOutOfRange(path: file.path, key: key, found: "\(value)", need: "below 2^63")
        }
    }
}
