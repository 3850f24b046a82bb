/// How one token is drawn from a row of logits.
public enum Sampling: Sendable, Equatable {
    /// The token with the largest logit; of equal ones the lowest id.
    case greedy
    /// A draw from softmax(logits / temperature), cut by the filters. The same seed gives the same tokens on every
    /// machine.
    case random(temperature: Double, seed: UInt64, filters: SamplingFilters)
}

/// Cuts of the distribution, applied in Hugging Face's order: top-k, top-p, min-p. `nil` is off.
public struct SamplingFilters: Sendable, Equatable {
    /// Keeps the k largest logits, and those equal to the k-th (transformers `TopKLogitsWarper`).
    public var topK: Int?
    /// Keeps the shortest run of most probable tokens whose mass reaches p (Holtzman et al. 2019).
    public var topP: Double?
    /// Keeps tokens at least this fraction as probable as the most probable one (Nguyen et al. 2024).
    public var minP: Double?

    public init(topK: Int? = nil, topP: Double? = nil, minP: Double? = nil) {
        self.topK = topK
        self.topP = topP
        self.minP = minP
    }
}
