/// `value is name(arguments)`.
extension TemplateRenderer {
    func test(_ name: String, _ value: TemplateItem, _ call: TemplateCall) throws(ChatTemplateError) -> Bool {
        if let relation = Self.relations[name] {
            guard let other = call.values.first else { throw Self.wrongArguments("test \(name)") }
            return try holds(relation, value, other)
        }
        switch name {
        case "defined": return !value.isUndefined
        case "undefined": return value.isUndefined
        case "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping", "sequence",
            "iterable", "callable":
            return Self.isKind(name, value)
        case "odd", "even", "divisibleby":
            let divisor = name == "divisibleby" ? call.values.first ?? .null : .integer(2)
            let remainder = try calculate(.modulo, value, divisor)
            return try isEqual(remainder, .integer(name == "odd" ? 1 : 0))
        case "lower", "upper":
            let text = try self.text(value)
            let isCased = text.units.contains { TemplateText.scalar($0).properties.isCased }
            return isCased && text.isEqual(name == "lower" ? text.lowercased : text.uppercased)
        case "in":
            guard let container = call.values.first else { throw Self.wrongArguments("test in") }
            return try contains(container, value)
        case "sameas":
            guard let other = call.values.first else { throw Self.wrongArguments("test sameas") }
            return try isEqual(value, other) && value.typeName == other.typeName
        case "escaped":
            if case .text(let text) = value { return text.isMarkup }
            return false
        case "filter", "test":
            guard case .text(let text) = value else { return false }
            return (name == "filter" ? Self.filterNames : Self.testNames).contains(text.string)
        default: throw .invalidOperation(problem: "there is no test '\(name)'")
        }
    }

    private static let relations: [String: TemplateRelation] = [
        "eq": .equal, "equalto": .equal, "==": .equal, "ne": .notEqual, "!=": .notEqual, "lt": .less,
        "lessthan": .less, "<": .less, "le": .lessOrEqual, "<=": .lessOrEqual, "gt": .greater,
        "greaterthan": .greater, ">": .greater, "ge": .greaterOrEqual, ">=": .greaterOrEqual,
    ]

    private static let testNames = Set(relations.keys).union([
        "defined", "undefined", "none", "boolean", "true", "false", "integer", "float", "number", "string", "mapping",
        "sequence", "iterable", "callable", "odd", "even", "divisibleby", "lower", "upper", "in", "sameas", "escaped",
        "filter", "test",
    ])

    private static func isKind(_ name: String, _ value: TemplateItem) -> Bool {
        switch (name, value) {
        case ("none", .null), ("boolean", .bool), ("integer", .integer), ("float", .float), ("string", .text): true
        case ("true", .bool(let flag)): flag
        case ("false", .bool(let flag)): !flag
        case ("number", .bool), ("number", .integer), ("number", .float), ("mapping", .dictionary): true
        case ("sequence", .list(let list)): list.kind != .generator && !list.isView
        case ("sequence", .text), ("sequence", .dictionary), ("sequence", .undefined): true
        case ("iterable", .list), ("iterable", .text), ("iterable", .dictionary), ("iterable", .undefined): true
        case ("iterable", .loop), ("callable", .callable), ("callable", .undefined), ("callable", .loop): true
        default: false
        }
    }
}
