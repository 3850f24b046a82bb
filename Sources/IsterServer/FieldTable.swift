/// What one field of a request may hold. null counts as absence everywhere.
struct Field: Sendable {
    enum Rule: Sendable {
        case integer(ClosedRange<Int>)
        case number(ClosedRange<Double>)
        case boolean
        case string(byteLimit: Int)
        case array
        case object
        /// Looked at by the code that reads it.
        case any
        /// Known to other servers; here it is accepted only with values that change nothing.
        case inert(@Sendable (JSONValue) -> Bool, only: String)
        /// Known to other servers, and it would change the answer.
        case unsupported
    }

    var name: String
    var rule: Rule

    init(_ name: String, _ rule: Rule) {
        self.name = name
        self.rule = rule
    }
}

/// The fields of one endpoint's requests.
struct FieldTable: Sendable {
    private let rules: [String: Field.Rule]
    private let required: [String]

    init(_ fields: [Field], required: [String]) {
        rules = Dictionary(fields.map { ($0.name, $0.rule) }) { first, _ in first }
        self.required = required
    }

    var names: [String] { rules.keys.sorted() }

    /// Refuses the first field that is unknown, unsupported, of a wrong type or out of its range.
    func check(_ object: JSONObject, isLenient: Bool, path: String = "") throws(APIError) -> Fields {
        var values: [String: JSONValue] = [:]
        for member in object.members {
            let name = path + member.key
            guard let rule = rules[member.key] else {
                if isLenient { continue }
                throw .unknownField(name)
            }
            if member.value.isNull { continue }
            try Self.check(member.value, rule, name)
            values[member.key] = member.value
        }
        for name in required where values[name] == nil { throw .missing(path + name) }
        return Fields(values: values)
    }

    private static func check(_ value: JSONValue, _ rule: Field.Rule, _ name: String) throws(APIError) {
        switch rule {
        case .integer(let range): try checkInteger(value, range, name)
        case .number(let range): try checkNumber(value, range, name)
        case .boolean:
            guard case .bool = value else { throw .wrongType(name, "a boolean", value) }
        case .string(let limit):
            guard case .string(let text) = value else { throw .wrongType(name, "a string", value) }
            guard text.utf8.count <= limit else {
                throw .invalidValue(
                    name, "string too long. Expected at most \(limit) bytes, but got \(text.utf8.count).",
                    code: "string_above_max_length")
            }
        case .array:
            guard case .array = value else { throw .wrongType(name, "an array", value) }
        case .object:
            guard case .object = value else { throw .wrongType(name, "an object", value) }
        case .any: break
        case .inert(let isInert, let needed):
            guard isInert(value) else { throw .unsupportedValue(name, needed) }
        case .unsupported: throw .unsupported(name)
        }
    }

    static func checkInteger(_ value: JSONValue, _ range: ClosedRange<Int>, _ name: String) throws(APIError) {
        guard case .integer(let number) = value else { throw .wrongType(name, "an integer", value) }
        if number > range.upperBound {
            throw .invalidValue(
                name,
                "integer above maximum value. Expected a value <= \(range.upperBound), but got \(number) instead.",
                code: "integer_above_max_value")
        }
        if number < range.lowerBound {
            throw .invalidValue(
                name,
                "integer below minimum value. Expected a value >= \(range.lowerBound), but got \(number) instead.",
                code: "integer_below_min_value")
        }
    }

    static func checkNumber(_ value: JSONValue, _ range: ClosedRange<Double>, _ name: String) throws(APIError) {
        guard let number = value.double else { throw .wrongType(name, "a decimal", value) }
        if number > range.upperBound {
            throw .invalidValue(
                name,
                "decimal above maximum value. Expected a value <= \(range.upperBound), but got \(number) instead.",
                code: "decimal_above_max_value")
        }
        if number < range.lowerBound {
            throw .invalidValue(
                name,
                "decimal below minimum value. Expected a value >= \(range.lowerBound), but got \(number) instead.",
                code: "decimal_below_min_value")
        }
    }
}

/// The fields of one request, after the table's check.
struct Fields: Sendable {
    private let values: [String: JSONValue]

    init(values: [String: JSONValue]) {
        self.values = values
    }

    subscript(_ name: String) -> JSONValue? { values[name] }

    func integer(_ name: String) -> Int? {
        guard case .integer(let value) = values[name] else { return nil }
        return value
    }

    func number(_ name: String) -> Double? { values[name]?.double }

    func boolean(_ name: String) -> Bool? {
        guard case .bool(let value) = values[name] else { return nil }
        return value
    }

    func string(_ name: String) -> String? {
        guard case .string(let value) = values[name] else { return nil }
        return value
    }

    func array(_ name: String) -> [JSONValue]? {
        guard case .array(let value) = values[name] else { return nil }
        return value
    }

    func object(_ name: String) -> JSONObject? {
        guard case .object(let value) = values[name] else { return nil }
        return value
    }
}

extension JSONValue {
    var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}
