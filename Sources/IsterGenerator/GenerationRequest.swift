/// What a caller asks of the generator.
public struct GenerationRequest: Sendable {
    /// Token ids, at least one.
    public var prompt: [Int32]
    /// Most tokens that may be generated; the context may end the text earlier. 0 only runs the prompt.
    public var maximumNewTokens: Int
    public var sampling: Sampling
    public var penalties: Penalties
    /// Added to the logits of these tokens before anything else.
    public var logitBias: [Int32: Float] = [:]
    /// The text ends before any of these; they are not shown.
    public var stopStrings: [String]
    /// A token that ends the text. It is counted and listed, but has no text.
    public var endTokens: Set<Int32>
    /// nil: no log probabilities; else how many of the most probable tokens are told beside the chosen one, 0 to 20.
    public var logprobCount: Int?
    /// Also tells the log probability of each token of the prompt.
    public var scoresPrompt = false
    /// Asks for the mean of the prompt's last hidden states instead of a text.
    public var embeds = false
    /// Whose turn it takes. Clients take turns; within one, requests do by priority, then arrival.
    public var client = ""
    /// Requests share cached prefixes only within one partition; nil: the client's own.
    public var cachePartition: String?
    /// The lower, the earlier among its client's requests.
    public var priority = 0
    /// Only documents of this grammar may be generated. The text ends with the document.
    public var constraint: Constraint?
    /// Follows others of a whole that was accepted: it may begin although no new work is taken any more.
    public var isContinuation = false
    /// Another request of the same whole has this prompt, too: an account of tokens counts it once.
    public var repeatsPrompt = false
    /// The request ends here with what it has.
    public var deadline: ContinuousClock.Instant?

    public init(
        prompt: [Int32], maximumNewTokens: Int, sampling: Sampling = .greedy, penalties: Penalties = Penalties(),
        stopStrings: [String] = [], endTokens: Set<Int32> = []
    ) {
        self.prompt = prompt
        self.maximumNewTokens = maximumNewTokens
        self.sampling = sampling
        self.penalties = penalties
        self.stopStrings = stopStrings
        self.endTokens = endTokens
    }
}

/// What makes repetition less likely; the defaults change nothing.
public struct Penalties: Sendable, Equatable {
    /// Divides positive and multiplies negative logits of tokens that the prompt or the text already uses (Keskar et
    /// al. 2019, section 4.1).
    public var repetition = 1.0
    /// Taken from a token's logit once for each time that the generated text has it (OpenAI's definition).
    public var frequency = 0.0
    /// Taken from a token's logit once if the generated text has it (OpenAI's definition).
    public var presence = 0.0

    public init(repetition: Double = 1, frequency: Double = 0, presence: Double = 0) {
        self.repetition = repetition
        self.frequency = frequency
        self.presence = presence
    }
}
