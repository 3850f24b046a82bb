import IsterTokenizer

/// Renders messages with the model's chat template.
struct ChatPrompter: Sendable {
    private let template: ChatTemplate
    private let bosToken: String?
    private let eosToken: String?
    private let specialTokens: [(name: String, token: String)]
    private let outputByteLimit: Int
    /// Older templates know the role only as `system`.
    private let knowsDevelopers: Bool

    init(_ source: String, tokenizer: Tokenizer, outputByteLimit: Int) throws(ChatTemplateError) {
        template = try ChatTemplate(source)
        func spelling(_ id: Int32?) -> String? { id.map { String(decoding: tokenizer.piece($0), as: UTF8.self) } }
        bosToken = spelling(tokenizer.bosID)
        eosToken = spelling(tokenizer.eosID)
        specialTokens = tokenizer.templateTokens
        self.outputByteLimit = outputByteLimit
        knowsDevelopers = source.contains("developer")
    }

    func render(
        _ messages: [JSONValue], tools: [JSONValue]?, addsGenerationPrompt: Bool, variables: [JSONObject.Member]
    ) throws(ChatTemplateError) -> ChatPrompt {
        let input = ChatTemplateInput(
            messages: messages.map(message), tools: tools.map { .list($0.map(\.templateValue)) },
            addGenerationPrompt: addsGenerationPrompt, bosToken: bosToken, eosToken: eosToken,
            specialTokens: specialTokens,
            variables: variables.map { ($0.key, $0.value.templateValue) }, clock: .now,
            stopwatch: TemplateClock.stopwatch(), outputByteLimit: outputByteLimit)
        return ChatPrompt(segments: try template.render(input))
    }

    private func message(_ message: JSONValue) -> TemplateValue {
        guard !knowsDevelopers, case .object(let object) = message, object["role"] == "developer" else {
            return message.templateValue
        }
        let members = object.members.map { member in
            (member.key, member.key == "role" ? .string("system") : member.value.templateValue)
        }
        return .object(members)
    }

    /// What the client is told: its own fault for what the template raises, else no more than that it failed.
    func message(_ error: ChatTemplateError) -> String {
        switch error {
        case .raised(let message): "The model's chat template refuses these messages: \(message.shortened)"
        case .limit(let limit, let allowed):
            "The model's chat template needs more than \(allowed) \(limit.rawValue) for these messages."
        default: "The model's chat template cannot render these messages."
        }
    }
}

/// A rendered conversation, which knows what the template wrote and what the client did.
struct ChatPrompt: Sendable {
    let segments: [PromptSegment]

    var byteCount: Int { segments.reduce(0) { $0 + $1.text.utf8.count } }
    var text: String { segments.map(\.text).joined() }

    /// The template writes the tokenizer's own prefix itself, as transformers has it.
    func encode(_ tokenizer: Tokenizer) -> [Int32] { tokenizer.encode(segments, addSpecial: false) }
}

extension JSONValue {
    fileprivate var templateValue: TemplateValue {
        switch self {
        case .null: .null
        case .bool(let value): .bool(value)
        case .integer(let value): .integer(value)
        case .number(let value): .float(value)
        case .single(let value): .float(Double(value))
        case .string(let text): .string(text)
        case .array(let values): .list(values.map(\.templateValue))
        case .object(let object): .object(object.members.map { ($0.key, $0.value.templateValue) })
        }
    }
}
