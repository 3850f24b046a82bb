import IsterGenerator

/// How the calls of an answer are found.
struct CallSettings: Sendable {
    var syntax: ToolSyntax
    var names: Set<String>
}

/// Reads one choice's text as content and calls, and puts them into OpenAI's form.
struct CallReader: Sendable {
    private let syntax: ToolSyntax
    private var parser: ToolCallParser
    private var callCount = 0

    init(_ settings: CallSettings) {
        syntax = settings.syntax
        parser = ToolCallParser(settings.syntax.form, names: settings.names)
    }

    /// Deltas of the next piece: of a call first its id and name, then its arguments.
    mutating func deltas(_ text: String, isLast: Bool) -> [JSONValue] {
        var outputs = parser.push(text)
        if isLast { outputs += parser.finish() }
        var deltas: [JSONValue] = []
        for output in outputs {
            switch output {
            case .text(let text): deltas.append(["content": .string(text)])
            case .call(let call):
                let index = JSONValue.integer(callCount)
                callCount += 1
                let head: JSONValue = [
                    "index": index, "id": .string(syntax.callID()), "type": "function",
                    "function": ["name": .string(call.name), "arguments": ""],
                ]
                deltas.append(["tool_calls": [head]])
                deltas.append([
                    "tool_calls": [["index": index, "function": ["arguments": .string(call.arguments)]]]
                ])
            }
        }
        return deltas
    }

    /// The message of a whole answer.
    mutating func message(_ text: String) -> JSONValue {
        var content = ""
        var calls: [JSONValue] = []
        for output in parser.push(text) + parser.finish() {
            switch output {
            case .text(let text): content += text
            case .call(let call):
                calls.append([
                    "id": .string(syntax.callID()), "type": "function",
                    "function": ["name": .string(call.name), "arguments": .string(call.arguments)],
                ])
            }
        }
        callCount = calls.count
        var message = JSONObject()
        message.append("role", "assistant")
        message.append("content", content.isEmpty && !calls.isEmpty ? .null : .string(content))
        message.append("refusal", .null)
        if !calls.isEmpty { message.append("tool_calls", .array(calls)) }
        return .object(message)
    }

    /// An answer that ended by itself and has calls ended for them.
    func reason(_ reason: FinishReason) -> String {
        reason == .stop && callCount > 0 ? "tool_calls" : reason.rawValue
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
        return CallSettings(syntax: toolSyntax, names: Set(tools.functions.map(\.name)))
    }
}
