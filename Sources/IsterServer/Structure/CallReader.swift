import IsterGenerator

/// How the calls of an answer are found.
struct CallSettings: Sendable {
    var syntax: ToolSyntax
    var names: Set<String>
    /// Whether a constraint makes sure of calls that have begun.
    var isHeld: Bool
    /// As `ToolRequest` has it.
    var refusesOtherOpenings: Bool
}

/// Reads one choice's text as content and calls, and puts them into OpenAI's form.
struct CallReader: Sendable {
    private let syntax: ToolSyntax
    private var parser: ToolCallParser
    private var callCount = 0
    /// Calls whose arguments came to their end.
    private var wholeCount = 0

    init(_ settings: CallSettings) {
        syntax = settings.syntax
        parser = ToolCallParser(
            settings.syntax.form, names: settings.names, isHeld: settings.isHeld,
            refusesOtherOpenings: settings.refusesOtherOpenings)
    }

    /// Deltas of the next piece: of a call first its id and name, then its arguments, in parts if they come so.
    mutating func deltas(_ text: String, isLast: Bool) -> [JSONValue] {
        var outputs = parser.push(text)
        if isLast { outputs += parser.finish() }
        var deltas: [JSONValue] = []
        for output in outputs {
            switch output {
            case .text(let text): deltas.append(["content": .string(text)])
            case .call(let call):
                deltas += [begin(call.name), arguments(call.arguments, isLast: true)]
            case .begun(let name): deltas.append(begin(name))
            case .arguments(let part, let isLast): deltas.append(arguments(part, isLast: isLast))
            }
        }
        return deltas
    }

    private mutating func begin(_ name: String) -> JSONValue {
        let head: JSONValue = [
            "index": .integer(callCount), "id": .string(syntax.callID()), "type": "function",
            "function": ["name": .string(name), "arguments": ""],
        ]
        callCount += 1
        return ["tool_calls": [head]]
    }

    private mutating func arguments(_ part: String, isLast: Bool) -> JSONValue {
        if isLast { wholeCount += 1 }
        return ["tool_calls": [["index": .integer(callCount - 1), "function": ["arguments": .string(part)]]]]
    }

    /// The message of a whole answer.
    mutating func message(_ text: String) -> JSONValue {
        var content = ""
        var found: [ToolCall] = []
        for output in parser.push(text) + parser.finish() {
            switch output {
            case .text(let text): content += text
            case .call(let call):
                found.append(call)
                wholeCount += 1
            case .begun(let name): found.append(ToolCall(name: name, arguments: ""))
            case .arguments(let part, let isLast):
                found[found.count - 1].arguments += part
                if isLast { wholeCount += 1 }
            }
        }
        let calls = found.map { call -> JSONValue in
            [
                "id": .string(syntax.callID()), "type": "function",
                "function": ["name": .string(call.name), "arguments": .string(call.arguments)],
            ]
        }
        var message = JSONObject()
        message.append("role", "assistant")
        message.append("content", content.isEmpty && !calls.isEmpty ? .null : .string(content))
        message.append("refusal", .null)
        if !calls.isEmpty { message.append("tool_calls", .array(calls)) }
        return .object(message)
    }

    /// An answer that ended by itself and has calls ended for them.
    func reason(_ reason: FinishReason) -> String {
        reason == .stop && wholeCount > 0 ? "tool_calls" : reason.rawValue
    }
}

extension API {
    /// nil: the request's tools must not be called, so they are not offered either.
    func callSettings(_ tools: ToolRequest, _ template: inout GenerationRequest) throws(APIError) -> CallSettings? {
        guard tools.choice != .none else { return nil }
        guard let toolSyntax else {
            throw .unsupported(
                "tools",
                "is not supported with this model: its chat template offers no tools, or tells of calls in a form that "
                    + "is not known here")
        }
        guard template.constraint == nil else {
            throw .invalidValue("response_format", "beside tools that can be called only the type 'text' is supported.")
        }
        template.constraint = try tools.constraint(toolSyntax, constraintVocabulary)
        return CallSettings(
            syntax: toolSyntax, names: Set(tools.functions.map(\.name)), isHeld: template.constraint != nil,
            refusesOtherOpenings: tools.refusesOtherOpenings)
    }
}
