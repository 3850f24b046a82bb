import IsterJSON

/// Why a text is no JSON that is taken here.
struct JSONError: Error, Equatable {
    var offset: Int
    var problem: String
}

/// Reads a request's body, as strictly as `JSONScanner` does.
enum JSONReader {
    /// Of all texts of one request: 4 million values would fit into 8 MiB. Bounds what the values take beside the bytes
    /// of their strings, which the body's size bounds.
    static let valueLimit = 1 << 19
    /// Longer numbers are no one's; this bounds the time to convert them.
    static let limits = JSONLimits(depth: 64, valueCount: valueLimit, numberBytes: 512)

    static func read(_ bytes: [UInt8], limits: JSONLimits = limits) throws(JSONError) -> JSONValue {
        do {
            return try JSONScanner.read(bytes, limits: limits)
        } catch {
            throw JSONError(error)
        }
    }
}

/// The values that the texts of one request may have together: a request can hold JSON in strings of its JSON.
struct JSONBudget {
    private(set) var valueCount = JSONReader.valueLimit

    /// Reads one text, at the budget's cost.
    mutating func read(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
        var limits = JSONReader.limits
        limits.valueCount = valueCount
        let value = try JSONReader.read(bytes, limits: limits)
        valueCount -= value.valueCount
        return value
    }
}

extension JSONValue {
    /// Itself and all values in it.
    fileprivate var valueCount: Int {
        switch self {
        case .array(let values): values.reduce(1) { $0 + $1.valueCount }
        case .object(let object): object.members.reduce(1) { $0 + $1.value.valueCount }
        default: 1
        }
    }
}

/// Members and, to find one that is there already, their keys.
struct JSONMembers {
    var object = JSONObject()
    var keys: Set<[UInt8]> = []
}

extension JSONValue: JSONRepresentation {
    static func string(utf8: [UInt8]) -> JSONValue { .string(String(decoding: utf8, as: UTF8.self)) }
    static func object(members: JSONMembers) -> JSONValue { .object(members.object) }
    static var noMembers: JSONMembers { JSONMembers() }

    static func append(_ key: [UInt8], _ value: JSONValue, to members: inout JSONMembers) -> Bool {
        guard members.keys.insert(key).inserted else { return false }
        members.object.append(String(decoding: key, as: UTF8.self), value)
        return true
    }
}

extension JSONError {
    init(_ error: JSONSyntaxError) {
        switch error {
        case .malformed(let offset, let problem): self.init(offset: offset, problem: problem)
        case .duplicateKey(let offset, _): self.init(offset: offset, problem: "a key appears twice in one object")
        case .tooDeep(let offset, let limit): self.init(offset: offset, problem: "more than \(limit) nested values")
        case .tooManyValues(let offset, let limit): self.init(offset: offset, problem: "more than \(limit) values")
        }
    }
}
