import Hummingbird
import IsterGenerator
import IsterTokenizer
import Metrics

/// What the routes share.
struct API: Sendable {
    let model: ServedModel
    let generator: any TextGenerator
    let options: APIOptions
    let budget: PromptBudget
    let metrics: ServerMetrics
    let tokenText: TokenText
    let prompter: ChatPrompter?
    let constraintVocabulary: ConstraintVocabulary
    /// nil: the model offers no tools.
    let toolSyntax: ToolSyntax?
    let preparation: PreparationPool
    let gate: AdmissionGate

    init(
        model: ServedModel, generator: any TextGenerator, options: APIOptions, metrics: any MetricsFactory,
        preparation: PreparationPool
    ) throws {
        self.model = model
        self.generator = generator
        self.options = options
        let budget = PromptBudget(
            tokenizer: model.tokenizer, contextLength: generator.contextLength,
            maximumOutputTokens: options.maximumOutputTokens)
        self.budget = budget
        self.metrics = ServerMetrics(modelName: model.id, factory: metrics)
        tokenText = TokenText(tokenizer: model.tokenizer)
        constraintVocabulary = ConstraintVocabulary(model)
        toolSyntax = model.chatTemplate.flatMap { ToolSyntax(template: $0, tokenizer: model.tokenizer) }
        prompter = try model.chatTemplate.map {
            try ChatPrompter($0, tokenizer: model.tokenizer, outputByteLimit: budget.templateByteLimit)
        }
        self.preparation = preparation
        gate = AdmissionGate(AdmissionGate.Limits(options))
    }

    var deadline: ContinuousClock.Instant { .now + .seconds(options.requestSeconds) }

    /// Whose request it is, in whose part of the cache.
    func identity(of context: ServerContext) -> ClientIdentity {
        var client = context.client
        if options.sharesPrefixes { client.cachePartition = "" }
        return client
    }

    /// `model` is a key of what is served, never a path.
    func requireModel(_ fields: Fields) throws(APIError) {
        guard let name = fields.string("model"), name != model.id else { return }
        throw .modelNotFound(name)
    }

    /// Refuses what the generator could never hold, however long the client waits.
    func requirePlaces(promptCount: Int = 1, choiceCount: Int = 1, promptField: String) throws(APIError) {
        if let most = options.runningCount, choiceCount > most {
            throw .invalidValue("n", "this server runs at most \(most) choices together, but got \(choiceCount).")
        }
        guard let most = options.placeCount, promptCount * choiceCount > most else { return }
        throw .invalidValue(
            promptCount > 1 ? promptField : "n",
            "\(promptCount) prompts with \(choiceCount) choices each are \(promptCount * choiceCount) requests; "
                + "at most \(most) can run and wait on this server.", code: "too_many_requests_in_one")
    }

    /// Refuses answers of more scores than one may hold. isStream: those of new tokens leave as they come.
    func requireScores(_ requests: [GenerationRequest], isStream: Bool, field: String) throws(APIError) {
        var count = 0
        for request in requests {
            guard let best = request.logprobCount else { continue }
            let scored = (request.scoresPrompt ? request.prompt.count : 0) + (isStream ? 0 : request.maximumNewTokens)
            count += scored * (best + 1)
        }
        guard count > APILimits.scoreCount else { return }
        throw .invalidValue(
            field,
            "prompts x n x scored tokens x (\(field) + 1) are \(count) scores; one answer holds at most "
                + "\(APILimits.scoreCount). Lower '\(field)', 'n' or 'max_tokens', or send fewer prompts at once.",
            code: "too_many_scores")
    }

    /// Hands the requests to the generator; returns when they have their places, so that a refusal has its status.
    /// markers: special tokens that are part of the text. isStream: who
    /// does not read is cut off.
    func start(
        _ requests: [GenerationRequest], _ context: ServerContext, promptField: String, isStream: Bool = false,
        markers: [Int32: String] = [:]
    ) async throws(APIError) -> GenerationBatch {
        let batch = GenerationBatch(
            requests, generator: generator, tokenizer: model.tokenizer, parallelCount: options.parallelCount,
            metrics: metrics, markers: markers, waitingBytes: isStream ? options.waitingBytes : nil)
        ClientWatch.watch(context.channel) { [weak batch] in batch?.cancel() }
        do {
            try await batch.waitUntilAccepted()
        } catch {
            batch.cancel()
            throw .generation(error, parameter: promptField)
        }
        return batch
    }

    func chatPrompt(
        _ messages: [JSONValue], tools: [JSONValue]?, addsGenerationPrompt: Bool, variables: [JSONObject.Member]
    ) throws(APIError) -> ChatPrompt {
        guard let prompter else {
            throw .badRequest(
                "The model '\(model.id)' has no chat template; use /v1/completions.", "model", code: "no_chat_template")
        }
        do {
            return try prompter.render(
                messages, tools: tools, addsGenerationPrompt: addsGenerationPrompt, variables: variables)
        } catch {
            if case .limit(.outputBytes, _) = error, budget.promptByteLimit != nil {
                throw .contextExceeded(
                    tokens: generator.contextLength + 1, atLeast: true, contextLength: generator.contextLength,
                    parameter: "messages")
            }
            throw .badRequest(prompter.message(error), "messages", code: "template_error")
        }
    }
}

extension PromptBudget {
    /// Longer prompts than this cannot fit; where bytes say nothing about tokens, they are longer than any body.
    var templateByteLimit: Int {
        guard let promptByteLimit else { return 8 << 20 }
        return min(max(promptByteLimit, 1 << 16), 8 << 20)
    }
}
