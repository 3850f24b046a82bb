import Hummingbird
import IsterGenerator

/// A chat request, ready for the generator.
struct ChatRequest: Sendable {
    var fields: GenerationFields
    var requests: [GenerationRequest]
    /// nil: the answer's text is no call.
    var calls: CallSettings?

    /// Runs off the event loop: parses, renders and encodes.
    init(_ bytes: [UInt8], api: API, client: ClientIdentity, deadline: ContinuousClock.Instant) throws {
        let isLenient = api.options.isLenient
        var budget = JSONBudget()
        let object = try API.object(bytes, &budget)
        let table = try FieldTable.chat.check(object, isLenient: isLenient)
        try api.requireModel(table)
        fields = try GenerationFields(table, model: api.model, client: client, isLenient: isLenient)
        try api.requirePlaces(choiceCount: fields.choiceCount, promptField: "messages")
        fields.template.logprobCount = try Self.logprobCount(table)
        fields.template.deadline = deadline
        fields.template.constraint = try ResponseFormat.constraint(
            table.object("response_format"), vocabulary: api.constraintVocabulary, isLenient: isLenient)
        let messages = try ChatMessages.read(
            table.array("messages") ?? [], isLenient: isLenient, budget: &budget)
        try ToolHistory.check(messages)
        let tools = try ToolRequest(table, isLenient: isLenient)
        if let tools { calls = try api.callSettings(tools, &self.fields.template) }
        let prompt = try api.chatPrompt(
            messages, tools: calls == nil ? nil : tools?.tools,
            addsGenerationPrompt: table.boolean("add_generation_prompt") ?? true,
            variables: try ChatMessages.variables(table.object("chat_template_kwargs")))
        try api.budget.check(byteCount: prompt.byteCount, parameter: "messages")
        let ids = prompt.encode(api.model.tokenizer)
        let (field, requested) = try Self.requestedTokens(table)
        let count = try api.budget.outputTokens(
            promptCount: ids.count, requested: requested, maximumField: field, promptField: "messages")
        let fields = fields
        requests = (0..<fields.choiceCount).map { fields.request(prompt: ids, maximumNewTokens: count, choice: $0) }
        try api.requireScores(requests, isStream: fields.stream, field: "top_logprobs")
    }

    private static func logprobCount(_ table: Fields) throws(APIError) -> Int? {
        let isAsked = table.boolean("logprobs") ?? false
        if let count = table.integer("top_logprobs") {
            guard isAsked || count == 0 else {
                throw .invalidValue("top_logprobs", "it is only allowed when 'logprobs' is true.")
            }
            return isAsked ? count : nil
        }
        return isAsked ? 0 : nil
    }

    private static func requestedTokens(_ table: Fields) throws(APIError) -> (field: String, count: Int?) {
        let (new, old) = (table.integer("max_completion_tokens"), table.integer("max_tokens"))
        if let new, let old, new != old {
            throw .invalidValue("max_tokens", "it differs from 'max_completion_tokens'.")
        }
        return new == nil ? ("max_tokens", old) : ("max_completion_tokens", new)
    }
}

extension API {
    func chat(_ request: Request, _ context: ServerContext) async throws -> Response {
        let client = identity(of: context)
        let chat = try await prepare(request, context, generates: true) { bytes, deadline in
            try ChatRequest(bytes, api: self, client: client, deadline: deadline)
        }
        let answer = ChatAnswer(
            head: AnswerHead(prefix: "chatcmpl-", model: model), tokenText: tokenText,
            tellsLogprobs: chat.fields.template.logprobCount != nil, tellsUsage: chat.fields.streamsUsage,
            calls: chat.calls)
        let batch = try await start(
            chat.requests, context, promptField: "messages", isStream: chat.fields.stream,
            markers: chat.calls?.syntax.markers ?? [:])
        if chat.fields.stream {
            return batch.stream(answer, options, promptField: "messages")
        }
        let choices = try await batch.collect(promptField: "messages")
        return try await response(context) { answer.whole(choices) }
    }
}
