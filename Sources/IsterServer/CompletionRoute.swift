import Hummingbird
import IsterGenerator
import IsterTokenizer

/// One prompt of a completions request.
struct CompletionPrompt: Sendable {
    var ids: [Int32]
    /// What an echo tells.
    var text: String
    /// Ids before those that the text shows: the vocabulary's own prefix.
    var hiddenCount: Int
}

/// A completions request, ready for the generator.
struct CompletionRequest: Sendable {
    var fields: GenerationFields
    var prompts: [CompletionPrompt]
    var echoes: Bool
    var requests: [GenerationRequest]

    /// Runs off the event loop: parses and encodes.
    init(_ bytes: [UInt8], api: API, client: ClientIdentity, deadline: ContinuousClock.Instant) throws {
        let isLenient = api.options.isLenient
        let object = try API.object(bytes)
        let table = try FieldTable.completions.check(object, isLenient: isLenient)
        try api.requireModel(table)
        fields = try GenerationFields(table, model: api.model, client: client, isLenient: isLenient)
        if let best = table.integer("best_of"), best != fields.choiceCount {
            throw APIError.unsupportedValue("best_of", "the value of 'n'")
        }
        echoes = table.boolean("echo") ?? false
        fields.template.logprobCount = table.integer("logprobs")
        fields.template.scoresPrompt = echoes && fields.template.logprobCount != nil
        fields.template.deadline = deadline
        fields.template.constraint = try ResponseFormat.constraint(
            table.object("response_format"), vocabulary: api.constraintVocabulary, isLenient: isLenient)
        prompts = try api.prompts(
            table["prompt"] ?? .null, field: "prompt", isText: true, choiceCount: fields.choiceCount)
        requests = []
        for prompt in prompts {
            let count = try api.budget.outputTokens(
                promptCount: prompt.ids.count, requested: table.integer("max_tokens"), maximumField: "max_tokens",
                promptField: "prompt")
            for choice in 0..<fields.choiceCount {
                requests.append(fields.request(prompt: prompt.ids, maximumNewTokens: count, choice: choice))
            }
        }
        try api.requireScores(requests, isStream: fields.stream, field: "logprobs")
    }
}

extension API {
    func completions(_ request: Request, _ context: ServerContext) async throws -> Response {
        let client = identity(of: context)
        let completion = try await prepare(request, context, generates: true) { bytes, deadline in
            try CompletionRequest(bytes, api: self, client: client, deadline: deadline)
        }
        let answer = CompletionAnswer(
            head: AnswerHead(prefix: "cmpl-", model: model), tokenText: tokenText, request: completion)
        let batch = try await start(
            completion.requests, context, promptField: "prompt", isStream: completion.fields.stream)
        if completion.fields.stream {
            return batch.stream(answer, options, promptField: "prompt")
        }
        let choices = try await batch.collect(promptField: "prompt")
        return try await response(context) { answer.whole(choices) }
    }

    /// A text, texts, ids or lists of ids. isText: special tokens that a text spells out are read, as a caller without
    /// a chat template needs them. choiceCount: of each prompt. Prompts that never have their places are refused before
    /// any is encoded.
    func prompts(
        _ value: JSONValue, field: String, isText: Bool, choiceCount: Int = 1
    ) throws(APIError) -> [CompletionPrompt] {
        try requirePlaces(choiceCount: choiceCount, promptField: field)
        if case .string(let text) = value { return [try prompt(text, field: field, isText: isText)] }
        guard case .array(let list) = value else {
            throw .wrongType(field, "a string, an array of strings, of integers or of arrays of integers", value)
        }
        guard let first = list.first else { throw .invalidValue(field, "empty array.", code: "empty_array") }
        if case .integer = first { return [try prompt(list, field: field, path: field)] }
        guard list.count <= APILimits.promptCount else {
            throw .invalidValue(
                field, "array too long. Expected at most \(APILimits.promptCount) prompts, but got \(list.count).",
                code: "array_above_max_length")
        }
        try requirePlaces(promptCount: list.count, choiceCount: choiceCount, promptField: field)
        var prompts: [CompletionPrompt] = []
        for (index, value) in list.enumerated() {
            let path = "\(field)[\(index)]"
            switch (first, value) {
            case (.string, .string(let text)): prompts.append(try prompt(text, field: field, isText: isText))
            case (.array, .array(let ids)): prompts.append(try prompt(ids, field: field, path: path))
            case (.string, _): throw .wrongType(path, "a string", value)
            case (.array, _): throw .wrongType(path, "an array of integers", value)
            default: throw .wrongType(path, "a string, an integer or an array of integers", value)
            }
        }
        return prompts
    }

    private func prompt(_ text: String, field: String, isText: Bool) throws(APIError) -> CompletionPrompt {
        try budget.check(byteCount: text.utf8.count, parameter: field)
        let ids = model.tokenizer.encode(text, addSpecial: true, parseSpecial: isText)
        guard !ids.isEmpty else { throw .invalidValue(field, "the prompt has no tokens.", code: "empty_prompt") }
        return CompletionPrompt(ids: ids, text: text, hiddenCount: model.tokenizer.vocabulary.prefixIDs.count)
    }

    private func prompt(_ list: [JSONValue], field: String, path: String) throws(APIError) -> CompletionPrompt {
        guard !list.isEmpty else { throw .invalidValue(path, "empty array.", code: "empty_array") }
        guard list.count <= budget.contextLength else {
            throw .contextExceeded(tokens: list.count, contextLength: budget.contextLength, parameter: field)
        }
        let ids = try TokenIDs.read(list, path: path, vocabularySize: model.tokenizer.vocabularySize)
        let text = model.tokenizer.decode(ids, skipSpecial: false)
        return CompletionPrompt(ids: ids, text: String(decoding: text, as: UTF8.self), hiddenCount: 0)
    }
}
