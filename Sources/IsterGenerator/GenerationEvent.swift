/// What a request tells its caller, in order: `accepted`, `started`, then what it asked for, and `done` once. A stream
/// that throws before `accepted` was refused.
public enum GenerationEvent: Sendable, Equatable {
    /// The request waits for its turn behind `waiting` others.
    case accepted(waiting: Int)
    /// Work on the prompt begins; its first `cachedTokenCount` tokens need none.
    case started(cachedTokenCount: Int)
    /// One for each token of the prompt; nil for the first, which nothing predicts.
    case promptScores([TokenScore?])
    /// [hidden]
    case embedding([Float])
    case token(GeneratedToken)
    case done(GenerationSummary)
}

public struct GeneratedToken: Sendable, Equatable {
    public var id: Int32
    /// The text that became certain with this token: often none or that of several tokens, since half a character or
    /// the beginning of a stop string waits.
    public var text: String
    /// If the request asked for log probabilities.
    public var score: TokenScore?

    public init(id: Int32, text: String, score: TokenScore? = nil) {
        self.id = id
        self.text = text
        self.score = score
    }
}

/// Natural logarithms of probabilities under the model's own distribution: before temperature, filters, bias and
/// penalties.
public struct TokenScore: Sendable, Equatable {
    public struct Choice: Sendable, Equatable {
        public var id: Int32
        public var logprob: Float

        public init(id: Int32, logprob: Float) {
            self.id = id
            self.logprob = logprob
        }
    }

    public var chosen: Choice
    /// The most probable tokens, by falling probability.
    public var best: [Choice]

    public init(chosen: Choice, best: [Choice]) {
        self.chosen = chosen
        self.best = best
    }
}

public enum FinishReason: String, Sendable, Equatable {
    /// An end token or a stop string.
    case stop
    /// The most new tokens, or the end of the context.
    case length
    case cancelled
    /// The request's deadline has passed.
    case deadline
}

public struct GenerationSummary: Sendable, Equatable {
    /// All generated tokens, an end token included.
    public var ids: [Int32]
    /// All text that was shown, `tail` included.
    public var text: String
    /// Text that was held back when the generation ended; it follows the last token's.
    public var tail: String
    public var finishReason: FinishReason
    public var promptTokenCount: Int
    /// Tokens of the prompt whose keys and values were there already.
    public var cachedTokenCount: Int
    public var timings: GenerationTimings

    public init(
        ids: [Int32], text: String, tail: String, finishReason: FinishReason, promptTokenCount: Int,
        cachedTokenCount: Int = 0, timings: GenerationTimings
    ) {
        self.ids = ids
        self.text = text
        self.tail = tail
        self.finishReason = finishReason
        self.promptTokenCount = promptTokenCount
        self.cachedTokenCount = cachedTokenCount
        self.timings = timings
    }
}

/// Wall-clock times of one request. The first token comes from the prompt's last logits, so the decode time covers one
/// token less than the text has.
public struct GenerationTimings: Sendable, Equatable {
    public var queueSeconds: Double
    /// Tokens of the prompt that were computed, not cached.
    public var promptTokenCount: Int
    public var promptSeconds: Double
    /// Tokens that were decoded after the first.
    public var decodedTokenCount: Int
    public var decodeSeconds: Double

    public init(
        queueSeconds: Double = 0, promptTokenCount: Int, promptSeconds: Double, decodedTokenCount: Int,
        decodeSeconds: Double
    ) {
        self.queueSeconds = queueSeconds
        self.promptTokenCount = promptTokenCount
        self.promptSeconds = promptSeconds
        self.decodedTokenCount = decodedTokenCount
        self.decodeSeconds = decodeSeconds
    }

    public var promptTokensPerSecond: Double { rate(promptTokenCount, promptSeconds) }
    public var decodedTokensPerSecond: Double { rate(decodedTokenCount, decodeSeconds) }

    private func rate(_ count: Int, _ seconds: Double) -> Double {
        seconds > 0 ? Double(count) / seconds : 0
    }
}
