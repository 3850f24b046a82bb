import IsterGenerator

extension SchemaCompiler {
    mutating func string(_ object: JSONObject, _ pointer: String) throws(APIError) -> JSONGrammar.Rule {
        let minimum = try count(object, "minLength", pointer)
        let maximum = try count(object, "maxLength", pointer)
        guard let format = object["format"] else { return grammar.string(minimum: minimum ?? 0, maximum: maximum) }
        guard case .string(let name) = format, let format = StringFormat(rawValue: name) else {
            let known = StringFormat.allCases.map { "'\($0.rawValue)'" }.joined(separator: ", ")
            throw refuse(pointer + "/format", "of formats only \(known) are supported")
        }
        guard minimum == nil, maximum == nil else {
            throw refuse(pointer + "/format", "'format' beside a length is not supported")
        }
        return grammar.string(format: format)
    }

    mutating func integer(_ object: JSONObject, _ pointer: String) throws(APIError) -> JSONGrammar.Rule {
        var minimum: Int?
        var maximum: Int?
        for (keyword, isLow, isExclusive) in Self.bounds {
            guard let value = try bound(object, keyword, pointer) else { continue }
            let (whole, isValue) = Self.whole(value, up: isLow)
            let isOut = isExclusive && isValue
            if isLow {
                minimum = max(minimum ?? Int.min, isOut ? whole + 1 : whole)
            } else {
                maximum = min(maximum ?? Int.max, isOut ? whole - 1 : whole)
            }
        }
        if minimum == nil, maximum == nil { return grammar.anyInteger() }
        return grammar.integer(minimum: minimum, maximum: maximum)
    }

    mutating func number(_ object: JSONObject, _ pointer: String) throws(APIError) -> JSONGrammar.Rule {
        var range = NumberRange()
        for (keyword, isLow, isExclusive) in Self.bounds {
            guard let value = try bound(object, keyword, pointer)?.double else { continue }
            guard value == value.rounded(), abs(value) <= Double(JSONGrammar.mostDecimalBound) else {
                throw refuse(
                    pointer + "/" + keyword,
                    "bounds of a number must be whole and at most \(JSONGrammar.mostDecimalBound)")
            }
            let bound = NumberRange.Bound(value: Int(value), isExclusive: isExclusive)
            // Of two bounds on one side the tighter one counts; of equal ones, the exclusive.
            if isLow {
                let isTighter = range.low.map { $0.value < bound.value || ($0.value == bound.value && isExclusive) }
                if isTighter ?? true { range.low = bound }
            } else {
                let isTighter = range.high.map { $0.value > bound.value || ($0.value == bound.value && isExclusive) }
                if isTighter ?? true { range.high = bound }
            }
        }
        return range == NumberRange() ? grammar.anyNumber() : grammar.number(in: range)
    }

    private static let bounds: [(keyword: String, isLow: Bool, isExclusive: Bool)] = [
        ("minimum", true, false), ("exclusiveMinimum", true, true), ("maximum", false, false),
        ("exclusiveMaximum", false, true),
    ]

    private func bound(_ object: JSONObject, _ keyword: String, _ pointer: String) throws(APIError) -> JSONValue? {
        guard let value = object[keyword] else { return nil }
        guard value.double != nil else { throw refuse(pointer + "/" + keyword, "a number is needed") }
        return value
    }

    /// The next integer from a bound on, and whether it is the bound itself. Not beyond 10^18: no integer of more
    /// digits is written.
    private static func whole(_ bound: JSONValue, up: Bool) -> (value: Int, isBound: Bool) {
        let most = 1_000_000_000_000_000_000
        // Not as a float, which has no odd numbers beyond 2^53.
        if case .integer(let value) = bound { return (min(max(value, -most), most), true) }
        let value = bound.double ?? 0
        let rounded = value.rounded(up ? .up : .down)
        return (Int(min(max(rounded, -1.0e18), 1.0e18)), rounded == value)
    }

    private func count(_ object: JSONObject, _ keyword: String, _ pointer: String) throws(APIError) -> Int? {
        guard let value = object[keyword] else { return nil }
        guard let number = value.double, number == number.rounded(), number >= 0, number <= 1.0e9 else {
            throw refuse(pointer + "/" + keyword, "an integer from 0 to 10^9 is needed")
        }
        return Int(number)
    }

    mutating func array(_ object: JSONObject, _ pointer: String) throws(APIError) -> JSONGrammar.Rule {
        if let unique = object["uniqueItems"], unique != false {
            throw refuse(pointer, "the keyword 'uniqueItems' is not supported")
        }
        var prefix: [JSONGrammar.Rule] = []
        if let value = object["prefixItems"] {
            guard case .array(let schemas) = value else {
                throw refuse(pointer + "/prefixItems", "a list of schemas is needed")
            }
            for (index, schema) in schemas.enumerated() {
                prefix.append(try compile(schema, "\(pointer)/prefixItems/\(index)"))
            }
        }
        var items: JSONGrammar.Rule?
        switch object["items"] {
        case .some(.bool(false)): break
        case .some(let schema): items = try compile(schema, pointer + "/items")
        // A tuple is as long as it is described.
        case nil: items = prefix.isEmpty ? grammar.any() : nil
        }
        return grammar.array(
            prefix: prefix, items: items, minimum: try count(object, "minItems", pointer) ?? 0,
            maximum: try count(object, "maxItems", pointer))
    }

    mutating func object(_ object: JSONObject, _ pointer: String) throws(APIError) -> JSONGrammar.Rule {
        let required = try requiredKeys(object, pointer)
        let named = try namedProperties(object, pointer)
        var additional: JSONGrammar.Rule?
        switch object["additionalProperties"] {
        case .some(.bool(false)): break
        case .some(let schema): additional = try compile(schema, pointer + "/additionalProperties")
        case nil: additional = object["properties"] == nil && required.isEmpty ? grammar.any() : nil
        }
        let set = Set(required.map(\.bytes))
        var properties = named.map {
            JSONGrammar.Property(key: $0.key, value: $0.rule, isRequired: set.contains($0.key.bytes))
        }
        let known = Set(named.map(\.key.bytes))
        for key in required where !known.contains(key.bytes) {
            let isAny = object["additionalProperties"] == nil
            let rule = isAny ? grammar.any() : additional ?? grammar.any(of: [])
            properties.append(JSONGrammar.Property(key: key, value: rule, isRequired: true))
        }
        return grammar.object(properties, additional: additional)
    }

    private mutating func namedProperties(
        _ object: JSONObject, _ pointer: String
    ) throws(APIError) -> [(key: String, rule: JSONGrammar.Rule)] {
        guard let value = object["properties"] else { return [] }
        guard case .object(let properties) = value else {
            throw refuse(pointer + "/properties", "an object is needed")
        }
        try requireFew(properties.members.count, pointer + "/properties")
        var named: [(key: String, rule: JSONGrammar.Rule)] = []
        for member in properties.members {
            let pointer = Self.pointer(ofProperty: member.key, pointer)
            try requireShort(member.key, pointer)
            named.append((member.key, try compile(member.value, pointer)))
        }
        return named
    }

    static func pointer(ofProperty key: String, _ pointer: String) -> String {
        pointer + "/properties/" + key.replacing("~", with: "~0").replacing("/", with: "~1")
    }

    /// Each key once, in the schema's order.
    func requiredKeys(_ object: JSONObject, _ pointer: String) throws(APIError) -> [String] {
        guard let value = object["required"] else { return [] }
        guard case .array(let names) = value else { throw refuse(pointer + "/required", "a list of keys is needed") }
        try requireFew(names.count, pointer + "/required")
        var keys: [String] = []
        var known: Set<[UInt8]> = []
        for name in names {
            guard case .string(let key) = name else { throw refuse(pointer + "/required", "a list of keys is needed") }
            try requireShort(key, pointer + "/required")
            if known.insert(key.bytes).inserted { keys.append(key) }
        }
        return keys
    }

    func requireFew(_ count: Int, _ pointer: String) throws(APIError) {
        guard count <= Self.propertyLimit else {
            throw refuse(pointer, "more than \(Self.propertyLimit) properties")
        }
    }

    private func requireShort(_ key: String, _ pointer: String) throws(APIError) {
        guard key.utf8.count <= Self.keyByteLimit else {
            throw refuse(pointer, "a key of more than \(Self.keyByteLimit) bytes")
        }
    }
}
