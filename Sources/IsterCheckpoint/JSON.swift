public import IsterJSON

/// One JSON value. Strings are UTF-8 bytes: Swift's `String` compares by canonical equivalence, which would merge
/// vocabulary pieces that differ in bytes.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number without fraction and exponent that fits 64 bits.
    case integer(Int)
    /// Any other number; always finite.
    case number(Double)
    case string([UInt8])
    case array([JSONValue])
    case object(JSONObject)

    /// A value takes up to twelve times its bytes. Gemma 3's tokenizer.json, the largest in use, has 2 million.
    public static let valueLimit = 8 << 20

    /// Reads one document, as strictly as `JSONScanner` does.
    public static func parse(
        _ bytes: [UInt8], depthLimit: Int = 64, valueLimit: Int = valueLimit
    ) throws(JSONError) -> JSONValue {
        do {
            return try JSONScanner.read(bytes, limits: JSONLimits(depth: depthLimit, valueCount: valueLimit))
        } catch {
            throw JSONError(error)
        }
    }

    /// The word for messages.
    public var kind: String {
        switch self {
        case .null: "null"
        case .bool: "boolean"
        case .integer: "integer"
        case .number: "number"
        case .string: "string"
        case .array: "array"
        case .object: "object"
        }
    }
}

extension JSONValue: JSONRepresentation {
    public static func string(utf8: [UInt8]) -> JSONValue { .string(utf8) }
    public static func object(members: JSONObject) -> JSONValue { .object(members) }
    public static var noMembers: JSONObject { JSONObject() }

    public static func append(_ key: [UInt8], _ value: JSONValue, to members: inout JSONObject) -> Bool {
        members.append(key, value)
    }
}

/// Members in the order of the file. Keys are bytes and unique.
public struct JSONObject: Sendable, Equatable {
    public struct Entry: Sendable, Equatable {
        public let key: [UInt8]
        public let value: JSONValue
    }

    public private(set) var entries: [Entry] = []
    /// Positions by key, kept only for objects beyond `scanLimit`: a vocabulary has 128,000 entries.
    private var positions: [ByteKey: Int] = [:]

    /// Up to this many keys a scan is as fast as hashing.
    private static let scanLimit = 8

    public init() {}

    /// Value of a key given as bytes; nil when absent.
    public func value(for key: [UInt8]) -> JSONValue? {
        position(of: key).map { entries[$0].value }
    }

    public subscript(_ key: String) -> JSONValue? { value(for: Array(key.utf8)) }

    /// Adds a member; false, and nothing changed, when the key is there already.
    mutating func append(_ key: [UInt8], _ value: JSONValue) -> Bool {
        if position(of: key) != nil { return false }
        entries.append(Entry(key: key, value: value))
        if entries.count == Self.scanLimit + 1 {
            for (index, entry) in entries.enumerated() { positions[ByteKey(bytes: entry.key)] = index }
        } else if entries.count > Self.scanLimit {
            positions[ByteKey(bytes: key)] = entries.count - 1
        }
        return true
    }

    private func position(of key: [UInt8]) -> Int? {
        if entries.count > Self.scanLimit { return positions[ByteKey(bytes: key)] }
        return entries.firstIndex { $0.key == key }
    }

    public static func == (left: JSONObject, right: JSONObject) -> Bool { left.entries == right.entries }
}

/// Hashes its bytes in one call; `[UInt8]` alone hashes them one by one.
private struct ByteKey: Hashable, Sendable {
    let bytes: [UInt8]

    func hash(into hasher: inout Hasher) {
        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
    }
}

public enum JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text is no JSON at this byte offset.
    case syntax(offset: Int, problem: String)
    case duplicateKey(offset: Int, key: String)
    case tooDeep(offset: Int, limit: Int)
    /// The document is sound but a key is not what its reader needs.
    case missing(key: String)
    case wrongType(key: String, wanted: String, found: String)

    init(_ error: JSONSyntaxError) {
        switch error {
        case .malformed(let offset, let problem): self = .syntax(offset: offset, problem: problem)
        case .duplicateKey(let offset, let key): self = .duplicateKey(offset: offset, key: key)
        case .tooDeep(let offset, let limit): self = .tooDeep(offset: offset, limit: limit)
        case .tooManyValues(let offset, let limit):
            self = .syntax(offset: offset, problem: "more than \(limit) values")
        }
    }

    public var description: String {
        switch self {
        case .syntax(let offset, let problem): "invalid JSON at byte \(offset): \(problem)"
        case .duplicateKey(let offset, let key): "JSON key \(quoted(key)) appears twice (byte \(offset))"
        case .tooDeep(let offset, let limit): "JSON nested deeper than \(limit) levels at byte \(offset)"
        case .missing(let key): "key \(quoted(key)) is missing"
        case .wrongType(let key, let wanted, let found): "key \(quoted(key)): need \(wanted), found \(found)"
        }
    }
}

/// A name from a file, for one line of a message: quoted, control characters escaped, cut at 80 characters.
func quoted(_ name: String) -> String {
    var out = "\""
    for scalar in name.unicodeScalars.prefix(80) {
        let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
        out += isControl ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
    }
    return out + (name.unicodeScalars.count > 80 ? "…\"" : "\"")
}
