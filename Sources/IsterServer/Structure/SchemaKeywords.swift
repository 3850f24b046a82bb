/// The types of JSON Schema.
enum SchemaType: String, CaseIterable {
    case null, boolean, integer, number, string, array, object

    func holds(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.null, .null), (.boolean, .bool), (.string, .string), (.array, .array), (.object, .object): true
        case (.integer, .integer), (.number, .integer), (.number, .number): true
        case (.integer, .number(let number)): number == number.rounded()
        default: false
        }
    }
}

/// What kind of schema an object is, after a look at all its keywords.
struct SchemaKeywords {
    enum Form {
        case any
        case reference(JSONValue)
        /// keyword: `enum` or `const`.
        case values([JSONValue], keyword: String)
        case anyOf(JSONValue)
        case oneOf(JSONValue)
        case allOf(JSONValue)
        case typed([SchemaType])
    }

    /// Keywords that say nothing about which documents are valid, and places for what is referred to. `discriminator`
    /// is OpenAPI's hint beside `oneOf`.
    private static let annotations: Set = [
        "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "$schema",
        "$defs", "definitions", "discriminator",
    ]
    private static let forms = ["$ref", "enum", "const", "anyOf", "oneOf", "allOf"]
    private static let ofType: [(SchemaType, [String])] = [
        (.object, ["properties", "required", "additionalProperties"]),
        (.array, ["items", "prefixItems", "minItems", "maxItems", "uniqueItems"]),
        (.string, ["minLength", "maxLength", "format"]),
        (.number, ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]),
    ]

    let form: Form
    /// Of `type`; nil: there is none.
    let types: [SchemaType]?

    init(_ object: JSONObject, isRoot: Bool, _ refusal: (String) -> APIError) throws(APIError) {
        var found: [String] = []
        var implied: [SchemaType] = []
        for member in object.members where !Self.annotations.contains(member.key) {
            if member.key == "type" || (member.key == "$id" && isRoot) { continue }
            if Self.forms.contains(member.key) {
                found.append(member.key)
            } else if let type = Self.ofType.first(where: { $0.1.contains(member.key) })?.0 {
                if !implied.contains(type) { implied.append(type) }
            } else {
                throw refusal("the keyword '\(member.key.shortened)' is not supported")
            }
        }
        types = try object["type"].map { value throws(APIError) in try Self.types(value, refusal) }
        if let types, !types.contains(.string), object["format"] != nil {
            throw refusal("the keyword 'format' is supported only for strings")
        }
        guard let first = found.first else {
            // Keywords of other types say nothing about a document; without `type` those that stand here are meant.
            let meant = types ?? implied
            form = meant.isEmpty ? .any : .typed(meant)
            return
        }
        let isValues = first == "enum" || first == "const"
        if let second = found.dropFirst().first ?? Self.typed(object, implied)
            ?? (isValues || types == nil ? nil : "type")
        {
            throw refusal("the keyword '\(second)' beside '\(first)' is not supported")
        }
        form = try Self.form(first, object[first] ?? .null, refusal)
    }

    private static func typed(_ object: JSONObject, _ implied: [SchemaType]) -> String? {
        guard let type = implied.first else { return nil }
        let names = ofType.first { $0.0 == type }?.1 ?? []
        return object.members.first { names.contains($0.key) }?.key
    }

    private static func form(_ keyword: String, _ value: JSONValue, _ refusal: (String) -> APIError) throws(APIError)
        -> Form
    {
        switch keyword {
        case "$ref": return .reference(value)
        case "const": return .values([value], keyword: keyword)
        case "anyOf": return .anyOf(value)
        case "oneOf": return .oneOf(value)
        case "allOf": return .allOf(value)
        default:
            guard case .array(let values) = value, !values.isEmpty else {
                throw refusal("'enum' needs a list of values")
            }
            return .values(values, keyword: keyword)
        }
    }

    private static func types(_ value: JSONValue, _ refusal: (String) -> APIError) throws(APIError) -> [SchemaType] {
        let names: [JSONValue]
        if case .array(let list) = value { names = list } else { names = [value] }
        var types: [SchemaType] = []
        for name in names {
            guard case .string(let text) = name, let type = SchemaType(rawValue: text) else {
                throw refusal("'type' must be the name of a type or a list of them")
            }
            if !types.contains(type) { types.append(type) }
        }
        guard !types.isEmpty else { throw refusal("'type' must be the name of a type or a list of them") }
        return types
    }
}
