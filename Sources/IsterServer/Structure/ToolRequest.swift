import IsterGenerator

/// `tools`, `tool_choice` and `parallel_tool_calls` of a chat request.
struct ToolRequest: Sendable {
    enum Choice: Sendable, Equatable {
        case none, auto, required
        case named(String)
    }

    struct Function: Sendable {
        var name: String
        /// A schema of its arguments; nil: it takes none.
        var parameters: JSONValue?
        /// Its arguments must fit the schema, also where the model calls it of its own accord.
        var isStrict: Bool
        /// Its field, for errors.
        var path: String
    }

    /// As the client gave them, for the template.
    let tools: [JSONValue]
    let functions: [Function]
    let choice: Choice
    let isParallel: Bool

    static let mostTools = 128
    private static let tool = FieldTable(
        [Field("type", .only(["function"])), Field("function", .object)], required: ["type", "function"])
    private static let function = FieldTable(
        [
            Field("name", .string(byteLimit: 64)), Field("description", .string(byteLimit: 1 << 16)),
            Field("parameters", .object), Field("strict", .anyBoolean),
        ], required: ["name"])
    private static let choiceFields = FieldTable(
        [Field("type", .only(["function"])), Field("function", .object)], required: ["type", "function"])
    private static let namedFields = FieldTable([Field("name", .string(byteLimit: 64))], required: ["name"])

    /// nil: there are no tools.
    init?(_ fields: Fields, isLenient: Bool) throws(APIError) {
        tools = fields.array("tools") ?? []
        isParallel = fields.boolean("parallel_tool_calls") ?? true
        guard tools.count <= Self.mostTools else {
            throw .invalidValue(
                "tools", "array too long. Expected at most \(Self.mostTools) tools, but got \(tools.count).",
                code: "array_above_max_length")
        }
        var functions: [Function] = []
        for (index, value) in tools.enumerated() {
            let path = "tools[\(index)]"
            guard case .object(let object) = value else { throw .wrongType(path, "an object", value) }
            let outer = try Self.tool.check(object, isLenient: isLenient, path: path + ".")
            let inner = try Self.function.check(
                outer.object("function") ?? JSONObject(), isLenient: isLenient, path: path + ".function.")
            let name = inner.string("name") ?? ""
            try ResponseFormat.requireName(name, path + ".function.name")
            guard !functions.contains(where: { $0.name == name }) else {
                throw .invalidValue(path + ".function.name", "a function of this name was given already.")
            }
            functions.append(
                Function(
                    name: name, parameters: inner["parameters"], isStrict: inner.boolean("strict") ?? false,
                    path: path + ".function.parameters"))
        }
        self.functions = functions
        choice = try Self.choice(fields["tool_choice"], functions, isLenient: isLenient)
        if tools.isEmpty { return nil }
    }

    private static func choice(
        _ value: JSONValue?, _ functions: [Function], isLenient: Bool
    ) throws(APIError) -> Choice {
        let choice: Choice
        switch value {
        case nil, "auto": return .auto
        case "none": return .none
        case "required": choice = .required
        case .object(let object):
            let outer = try choiceFields.check(object, isLenient: isLenient, path: "tool_choice.")
            let inner = try namedFields.check(
                outer.object("function") ?? JSONObject(), isLenient: isLenient, path: "tool_choice.function.")
            choice = .named(inner.string("name") ?? "")
        case .string: throw .unsupportedValue("tool_choice", "'none', 'auto', 'required' or a function")
        case .some(let other): throw .wrongType("tool_choice", "a string or an object", other)
        }
        guard !functions.isEmpty else {
            throw .invalidValue("tool_choice", "it is only allowed when 'tools' are specified.")
        }
        if case .named(let name) = choice, !functions.contains(where: { $0.name == name }) {
            throw .invalidValue("tool_choice", "there is no function '\(name.shortened)' in 'tools'.")
        }
        return choice
    }

    /// Whether the answer must be calls.
    var isForced: Bool {
        switch choice {
        case .none, .auto: false
        case .required, .named: true
        }
    }

    /// Whether a call that the constraint did not see begin must not be taken for one: its arguments were not held to a
    /// strict function's schema.
    var refusesOtherOpenings: Bool { choice == .auto && functions.contains(where: \.isStrict) }

    /// Whether what the model begins as a call of its own accord is held to one.
    private var holdsOpenings: Bool {
        choice == .auto && (!isParallel || functions.contains(where: \.isStrict))
    }

    /// Holds the answer to calls with valid arguments; or, where the model may call and a function is strict or only
    /// one call is wanted, what follows a call's opening. nil: the answer is free.
    func constraint(_ syntax: ToolSyntax, _ vocabulary: ConstraintVocabulary) throws(APIError) -> Constraint? {
        guard isForced || holdsOpenings else { return nil }
        let tokens = vocabulary.tokens
        var grammar = JSONGrammar(vocabulary: tokens)
        var fuel = SchemaCompiler.fuelLimit
        var rules: [(name: String, arguments: JSONGrammar.Rule)] = []
        for function in functions {
            if case .named(let name) = choice, name != function.name { continue }
            rules.append((function.name, try arguments(function, in: &grammar, &fuel)))
        }
        guard isForced else {
            let calls = syntax.callsAfterOpening(rules, isParallel: isParallel, in: &grammar)
            return Constraint(
                try ResponseFormat.document(calls, &grammar, path: "tools"), vocabulary: tokens,
                openings: syntax.openings, repeats: syntax.form == .tagged && isParallel)
        }
        let calls = syntax.calls(rules, isParallel: isParallel, in: &grammar)
        return Constraint(try ResponseFormat.document(calls, &grammar, path: "tools"), vocabulary: tokens)
    }

    /// The rule for a function's arguments: its schema's; any object if it may but need not be called and is not
    /// strict.
    private func arguments(
        _ function: Function, in grammar: inout JSONGrammar, _ fuel: inout Int
    ) throws(APIError) -> JSONGrammar.Rule {
        guard isForced || function.isStrict else { return grammar.object([], additional: grammar.any()) }
        let nothing: JSONValue = ["type": "object", "properties": [:]]
        var schema = function.parameters ?? nothing
        // A schema of any object: what has no properties takes none.
        if schema == [:] { schema = nothing }
        guard schema["type"] == "object" else {
            throw .invalidValue(function.path, "schema must be a JSON Schema of 'type: \"object\"'.")
        }
        return try SchemaCompiler.rule(schema, in: &grammar, fuel: &fuel, path: function.path)
    }
}

/// Tool messages answer calls that are there.
enum ToolHistory {
    static func check(_ messages: [JSONValue]) throws(APIError) {
        var open: Set<String> = []
        var isAfterCalls = false
        for (index, message) in messages.enumerated() {
            switch message["role"] {
            case "assistant":
                guard case .array(let calls)? = message["tool_calls"] else {
                    isAfterCalls = false
                    continue
                }
                isAfterCalls = true
                open = []
                for call in calls { if case .string(let id)? = call["id"] { open.insert(id) } }
            case "tool":
                guard isAfterCalls else {
                    throw .invalidValue(
                        "messages[\(index)].role",
                        "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.")
                }
                guard case .string(let id)? = message["tool_call_id"], open.isEmpty || open.contains(id) else {
                    throw .invalidValue(
                        "messages[\(index)].tool_call_id", "no call of the preceding message has this id.")
                }
            default: isAfterCalls = false
            }
        }
    }
}

extension JSONValue {
    /// A member of an object.
    fileprivate subscript(_ key: String) -> JSONValue? {
        guard case .object(let object) = self else { return nil }
        return object[key]
    }
}
