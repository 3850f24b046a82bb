/// Which rows of results a run of tokens asks for.
public enum LogitSelection: Sendable {
    case none
    case last
    case all
    /// No logits, but the final norm's output of every token: what the head would multiply.
    case states
}

/// A run of tokens that continues one sequence.
public struct TokenSlice: Sendable {
    public let sequence: Int
    public let tokens: [Int32]
    public let logits: LogitSelection

    public init(sequence: Int, tokens: [Int32], logits: LogitSelection) {
        self.sequence = sequence
        self.tokens = tokens
        self.logits = logits
    }
}
