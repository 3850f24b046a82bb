/// Why a text is no JSON that is taken here.
struct JSONError: Error, Equatable {
    var offset: Int
    var problem: String
}

/// Reads one document: RFC 8259, and stricter. Refused are duplicate keys, more than `depthLimit` nested values, invalid
/// UTF-8, lone surrogates, a byte-order mark and numbers beyond a double. One pass; recursion ends at `depthLimit`.
struct JSONReader {
    static let depthLimit = 64
    /// Bounds the memory: 4 million values fit into 8 MiB of text.
    static let valueLimit = 1 << 19
    /// Longer numbers are no one's; this bounds the time to convert them.
    static let numberByteLimit = 512

    let bytes: [UInt8]
    var offset = 0
    private var depth = 0
    private var valueCount = 0

    static func read(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var reader = JSONReader(bytes: bytes)
        let value = try reader.value()
        reader.skipSpace()
        if reader.offset != bytes.count { throw reader.error("text after the document") }
        return value
    }

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    func error(_ problem: String) -> JSONError { JSONError(offset: offset, problem: problem) }

    private mutating func value() throws(JSONError) -> JSONValue {
        skipSpace()
        valueCount += 1
        if valueCount > Self.valueLimit { throw error("more than \(Self.valueLimit) values") }
        guard let first = peek() else { throw error("the text ends where a value is needed") }
        switch first {
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", true)
        case UInt8(ascii: "f"): return try literal("false", false)
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error("no value starts like this")
        }
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        try descend()
        var object = JSONObject()
        var keys: Set<String> = []
        skipSpace()
        if take(UInt8(ascii: "}")) {
            depth -= 1
            return object
        }
        while true {
            skipSpace()
            guard peek() == UInt8(ascii: "\"") else { throw error("a key is needed") }
            let key = try string()
            guard keys.insert(key).inserted else { throw error("a key appears twice in one object") }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw error("':' is needed") }
            object.append(key, try value())
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw error("',' or '}' is needed") }
            depth -= 1
            return object
        }
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        try descend()
        var values: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) {
            depth -= 1
            return values
        }
        while true {
            values.append(try value())
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw error("',' or ']' is needed") }
            depth -= 1
            return values
        }
    }

    /// Steps over the bracket.
    private mutating func descend() throws(JSONError) {
        depth += 1
        if depth > Self.depthLimit { throw error("more than \(Self.depthLimit) nested values") }
        offset += 1
    }

    private mutating func literal(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
        guard bytes[offset...].starts(with: word.utf8) else { throw error("an unknown word") }
        offset += word.utf8.count
        return value
    }

    func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }
}
