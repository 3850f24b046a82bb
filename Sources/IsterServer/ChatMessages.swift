/// The messages of a chat request, checked and in the form that templates expect.
enum ChatMessages {
    private static let named: [Field] = [
        Field("role", .string(byteLimit: 32)), Field("content", .any), Field("name", .string(byteLimit: 256)),
    ]
    private static let plain = FieldTable(named, required: ["content"])
    private static let assistant = FieldTable(
        named + [
            Field("tool_calls", .array), Field("reasoning_content", .any), Field("refusal", .any),
            Field("annotations", .only([[]])), Field("audio", .unsupported), Field("function_call", .unsupported),
        ], required: [])
    private static let tool = FieldTable(
        named + [Field("tool_call_id", .string(byteLimit: 256))], required: ["content", "tool_call_id"])
    private static let part = FieldTable(
        [Field("type", .string(byteLimit: 32)), Field("text", .any)], required: ["text"])
    private static let call = FieldTable(
        [
            Field("id", .string(byteLimit: 256)), Field("type", .only(["function"])), Field("index", .any),
            Field("function", .object),
        ], required: ["function"])
    private static let function = FieldTable(
        [Field("name", .string(byteLimit: 256)), Field("arguments", .any)], required: ["name"])

    /// budget: of the request, for the JSON texts in its messages.
    static func read(
        _ list: [JSONValue], isLenient: Bool, budget: inout JSONBudget
    ) throws(APIError) -> [JSONValue] {
        guard !list.isEmpty else {
            throw .invalidValue(
                "messages", "empty array. Expected at least 1 message.", code: "empty_array")
        }
        guard list.count <= APILimits.messageCount else {
            throw .invalidValue(
                "messages",
                "array too long. Expected at most \(APILimits.messageCount) messages, but got "
                    + "\(list.count).", code: "array_above_max_length")
        }
        var messages: [JSONValue] = []
        messages.reserveCapacity(list.count)
        for (index, value) in list.enumerated() {
            messages.append(try message(value, path: "messages[\(index)]", isLenient: isLenient, &budget))
        }
        return messages
    }

    private static func message(
        _ value: JSONValue, path: String, isLenient: Bool, _ budget: inout JSONBudget
    ) throws(APIError) -> JSONValue {
        guard case .object(let object) = value else { throw .wrongType(path, "an object", value) }
        guard let role = object["role"] else { throw .missing(path + ".role") }
        guard case .string(let name) = role else { throw .wrongType(path + ".role", "a string", role) }
        let table: FieldTable
        switch name {
        case "system", "developer", "user": table = plain
        case "assistant": table = assistant
        case "tool": table = tool
        default:
            throw .invalidValue(
                path + ".role",
                "expected 'system', 'developer', 'user', 'assistant' or 'tool', but got "
                    + "'\(name.shortened)'.")
        }
        let fields = try table.check(object, isLenient: isLenient, path: path + ".")
        var out = JSONObject()
        out.append("role", role)
        let calls = try toolCalls(fields, path: path, isLenient: isLenient, &budget)
        if let content = fields["content"] {
            out.append("content", .string(try text(content, path: path + ".content", isLenient: isLenient)))
        } else if let refusal = fields["refusal"] {
            out.append("content", .string(try text(refusal, path: path + ".refusal", isLenient: isLenient)))
        } else {
            guard !calls.isEmpty else { throw .missing(path + ".content") }
            out.append("content", .null)
        }
        if let reasoning = fields["reasoning_content"] {
            let path = path + ".reasoning_content"
            out.append("reasoning_content", .string(try text(reasoning, path: path, isLenient: isLenient)))
        }
        for key in ["name", "tool_call_id"] {
            if let value = fields[key] { out.append(key, value) }
        }
        if !calls.isEmpty { out.append("tool_calls", .array(calls)) }
        return .object(out)
    }

    /// A text, or the texts of parts, a line each.
    private static func text(_ value: JSONValue, path: String, isLenient: Bool) throws(APIError) -> String {
        let list: [JSONValue]
        switch value {
        case .string(let text): return text
        case .array(let parts): list = parts
        default: throw .wrongType(path, "a string or an array of parts", value)
        }
        var texts: [String] = []
        for (index, value) in list.enumerated() {
            let path = "\(path)[\(index)]"
            guard case .object(let object) = value else { throw .wrongType(path, "an object", value) }
            guard let type = object["type"] else { throw .missing(path + ".type") }
            guard case .string(let kind) = type else { throw .wrongType(path + ".type", "a string", type) }
            guard kind == "text" else {
                throw .unsupportedValue(path + ".type", "'text'")
            }
            let fields = try part.check(object, isLenient: isLenient, path: path + ".")
            guard let text = fields.string("text") else {
                throw .wrongType(path + ".text", "a string", fields["text"] ?? .null)
            }
            texts.append(text)
        }
        return texts.joined(separator: "\n")
    }

    /// Arguments come as JSON text and go to the template as values.
    private static func toolCalls(
        _ fields: Fields, path: String, isLenient: Bool, _ budget: inout JSONBudget
    ) throws(APIError) -> [JSONValue] {
        var calls: [JSONValue] = []
        for (index, value) in (fields.array("tool_calls") ?? []).enumerated() {
            let path = "\(path).tool_calls[\(index)]"
            guard case .object(let object) = value else { throw .wrongType(path, "an object", value) }
            let outer = try call.check(object, isLenient: isLenient, path: path + ".")
            let inner = try function.check(
                outer.object("function") ?? JSONObject(), isLenient: isLenient, path: path + ".function.")
            let arguments = try self.arguments(inner["arguments"], path: path + ".function.arguments", &budget)
            calls.append([
                "id": .string(outer.string("id")), "type": "function",
                "function": ["name": .string(inner.string("name")), "arguments": arguments],
            ])
        }
        return calls
    }

    private static func arguments(
        _ value: JSONValue?, path: String, _ budget: inout JSONBudget
    ) throws(APIError) -> JSONValue {
        switch value {
        case nil: return [:]
        case .object: return value ?? [:]
        case .string(let text):
            if text.allSatisfy(\.isWhitespace) { return [:] }
            let parsed: JSONValue
            do {
                parsed = try budget.read(Array(text.utf8))
            } catch {
                throw .invalidValue(path, "expected a JSON object as text; byte \(error.offset): \(error.problem).")
            }
            guard case .object = parsed else { throw .invalidValue(path, "expected a JSON object as text.") }
            return parsed
        case .some(let other): throw .wrongType(path, "a string", other)
        }
    }

    /// Variables for the template that switch what models offer; anything else could change what it may do.
    static func variables(_ object: JSONObject?) throws(APIError) -> [JSONObject.Member] {
        guard let object else { return [] }
        let table = FieldTable(
            [
                Field("enable_thinking", .boolean), Field("thinking", .boolean),
                Field("reasoning_effort", .string(byteLimit: 16)),
            ], required: [])
        _ = try table.check(object, isLenient: false, path: "chat_template_kwargs.")
        return object.members.filter { !$0.value.isNull }
    }
}
