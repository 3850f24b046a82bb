/// What a reader of JSON makes of a document's parts. Its `null`, `bool` and so on may be the cases of an enumeration.
public protocol JSONRepresentation {
    /// An object on its way.
    associatedtype Members

    static var null: Self { get }
    static func bool(_ value: Bool) -> Self
    /// A number without fraction and exponent that fits 64 bits.
    static func integer(_ value: Int) -> Self
    /// Any other number; always finite.
    static func number(_ value: Double) -> Self
    /// utf8: sound, escapes resolved.
    static func string(utf8: [UInt8]) -> Self
    static func array(_ values: [Self]) -> Self
    static func object(members: Members) -> Self

    static var noMembers: Members { get }
    /// Adds a member in the order of the text; false when the key is there already.
    static func append(_ key: [UInt8], _ value: Self, to members: inout Members) -> Bool
}

/// Why a text is no JSON that is taken here.
public enum JSONSyntaxError: Error, Equatable, Sendable {
    case malformed(offset: Int, problem: String)
    /// offset: of the second key.
    case duplicateKey(offset: Int, key: String)
    case tooDeep(offset: Int, limit: Int)
    case tooManyValues(offset: Int, limit: Int)
}

/// What a document may not have too much of.
public struct JSONLimits: Sendable {
    public var depth: Int
    public var valueCount: Int
    public var numberBytes: Int

    public init(depth: Int = 64, valueCount: Int = .max, numberBytes: Int = .max) {
        self.depth = depth
        self.valueCount = valueCount
        self.numberBytes = numberBytes
    }
}

/// Reads one document: RFC 8259, and stricter. Refused are duplicate keys, invalid UTF-8, lone surrogates, a byte-order
/// mark, numbers beyond a double and what goes beyond the limits. One pass; recursion ends at the depth.
public struct JSONScanner<Value: JSONRepresentation> {
    let bytes: [UInt8]
    let limits: JSONLimits
    var offset = 0
    private var depth = 0
    private var valueCount = 0

    public static func read(
        _ bytes: [UInt8], limits: JSONLimits = JSONLimits()
    ) throws(JSONSyntaxError) -> Value {
        var scanner = JSONScanner(bytes: bytes, limits: limits)
        let value = try scanner.value()
        scanner.skipSpace()
        if scanner.offset != bytes.count { throw scanner.error("text after the document") }
        return value
    }

    private init(bytes: [UInt8], limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    func error(_ problem: String, at offset: Int? = nil) -> JSONSyntaxError {
        .malformed(offset: offset ?? self.offset, problem: problem)
    }

    private mutating func value() throws(JSONSyntaxError) -> Value {
        skipSpace()
        valueCount += 1
        if valueCount > limits.valueCount { throw .tooManyValues(offset: offset, limit: limits.valueCount) }
        guard let first = peek() else { throw error("the text ends where a value is needed") }
        switch first {
        case UInt8(ascii: "{"): return .object(members: try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "\""): return .string(utf8: try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw error("no value starts with byte \(first)")
        }
    }

    private mutating func object() throws(JSONSyntaxError) -> Value.Members {
        try descend()
        var members = Value.noMembers
        skipSpace()
        if take(UInt8(ascii: "}")) {
            depth -= 1
            return members
        }
        while true {
            skipSpace()
            let start = offset
            guard peek() == UInt8(ascii: "\"") else { throw error("a key is needed") }
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw error("':' is needed") }
            guard Value.append(key, try value(), to: &members) else {
                throw .duplicateKey(offset: start, key: String(decoding: key, as: UTF8.self))
            }
            skipSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw error("',' or '}' is needed") }
            depth -= 1
            return members
        }
    }

    private mutating func array() throws(JSONSyntaxError) -> [Value] {
        try descend()
        var values: [Value] = []
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
    private mutating func descend() throws(JSONSyntaxError) {
        depth += 1
        if depth > limits.depth { throw .tooDeep(offset: offset, limit: limits.depth) }
        offset += 1
    }

    private mutating func literal(_ word: String, _ value: Value) throws(JSONSyntaxError) -> Value {
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
