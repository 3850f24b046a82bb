import Hummingbird
import IsterGenerator
import IsterTokenizer
import Metrics
import NIOPosix

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
    /// Threads for the work on a request before it reaches the generator.
    let preparation: NIOThreadPool

    init(model: ServedModel, generator: any TextGenerator, options: APIOptions, metrics: any MetricsFactory) throws {
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
        preparation = .singleton
    }

    var deadline: ContinuousClock.Instant { .now + .seconds(options.requestSeconds) }

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
            if case .limit(.outputBytes, _) = error {
                throw .contextExceeded(
                    tokens: generator.contextLength + 1, atLeast: true, contextLength: generator.contextLength,
                    parameter: "messages")
            }
            throw .badRequest(prompter.message(error), "messages", code: "template_error")
        }
    }
}

extension PromptBudget {
    /// Longer prompts than this cannot fit or are no one's.
    var templateByteLimit: Int {
        let (generous, isBeyond) = contextLength.multipliedReportingOverflow(by: 4)
        let least = isBeyond ? 8 << 20 : min(max(generous, 1 << 16), 8 << 20)
        return min(max(promptByteLimit ?? least, least), 8 << 20)
    }
}
