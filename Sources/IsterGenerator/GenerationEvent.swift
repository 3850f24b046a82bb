/// What a running request tells its caller, in order: any number of tokens, then `done` once.
public enum GenerationEvent: Sendable, Equatable {
    /// A generated token, and the text that became certain with it: often none or that of several tokens, since half
    /// a character or the beginning of a stop string waits.
    case token(id: Int32, text: String)
    case done(GenerationSummary)
}

public enum FinishReason: String, Sendable, Equatable {
    /// An end token or a stop string.
    case stop
    /// The most new tokens, or the end of the context.
    case length
    case cancelled
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
    public var timings: GenerationTimings
}

/// Wall-clock times of one request. The first token comes from the prompt's last logits, so the decode time covers one
/// token less than the text has.
public struct GenerationTimings: Sendable, Equatable {
    public var promptTokenCount: Int
    public var promptSeconds: Double
    /// Tokens that were decoded after the first.
    public var decodedTokenCount: Int
    public var decodeSeconds: Double

    public var promptTokensPerSecond: Double { rate(promptTokenCount, promptSeconds) }
    public var decodedTokensPerSecond: Double { rate(decodedTokenCount, decodeSeconds) }

    private func rate(_ count: Int, _ seconds: Double) -> Double {
        seconds > 0 ? Double(count) / seconds : 0
    }
}
