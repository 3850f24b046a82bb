/// Logits to one token. Holds the state of one request: which tokens its prompt and text have used, and its random
/// numbers.
///
/// Order as in Hugging Face transformers: bias and penalties (`LogitAdjustments`), what a constraint allows,
/// temperature, top-k, top-p, min-p, draw. Weights are exp((logit - largest) / temperature) in `Double` by
/// `portableExponential`; they are added by falling logit if top-k or top-p ordered the tokens, else by rising id.
/// Nothing depends on a libm or on the order of a sort's ties.
public struct Sampler: Sendable {
    let sampling: Sampling
    var adjustments: LogitAdjustments
    var random: RandomSequence
    /// Logits after bias, penalties and mask, [vocabularySize]; empty when there are none.
    var scores: [Float]
    /// Softmax weights of all logits by id, and zeros up to a multiple of 8; empty before the first draw.
    var weights: [Double] = []
    var heap = CandidateHeap()
    /// What the filters kept, and the weight of each.
    var kept: [CandidateHeap.Candidate] = []
    var keptWeights: [Double] = []

    public init(
        sampling: Sampling, penalties: Penalties = Penalties(), logitBias: [Int32: Float] = [:], vocabularySize: Int,
        isMasked: Bool = false
    ) {
        self.sampling = sampling
        adjustments = LogitAdjustments(penalties: penalties, logitBias: logitBias, vocabularySize: vocabularySize)
        if case .random(_, let seed, _) = sampling {
            random = RandomSequence(seed: seed)
        } else {
            random = RandomSequence(seed: 0)
        }
        scores = Array(repeating: 0, count: adjustments.isNeutral && !isMasked ? 0 : vocabularySize)
    }

    /// Marks the prompt's tokens as used, for the repetition penalty. Ids outside the vocabulary are ignored.
    public mutating func use(prompt: some Sequence<Int32>) {
        for id in prompt { adjustments.usePrompt(id) }
    }

    /// Marks a token as part of the text, for all penalties. Ids outside the vocabulary are ignored.
    public mutating func use(_ id: Int32) {
        adjustments.useGenerated(id)
    }

    /// The next token. logits: [vocabularySize], not empty. Of logits that are not finite, NaN and -infinity are never
    /// drawn beside others, and infinity always is; if there are no others, the token is the first that may be drawn.
    public mutating func sample(_ logits: Span<Float>) -> Int32 { sample(logits, allowed: nil) }

    /// allowed: the only tokens that may be drawn, at least one. Needs `isMasked`.
    mutating func sample(_ logits: Span<Float>, allowed: TokenMask?) -> Int32 {
        guard !scores.isEmpty else { return choose(logits, allowed: nil) }
        for index in scores.indices { scores[index] = logits[index] }
        adjustments.apply(to: &scores)
        allowed?.apply(to: &scores)
        // The span of `scores` cannot be lent while `self` changes, so the array moves out and back.
        let adjusted = scores
        scores = []
        defer { scores = adjusted }
        return choose(adjusted.span, allowed: allowed)
    }

    private mutating func choose(_ logits: Span<Float>, allowed: TokenMask?) -> Int32 {
        let best = Sampler.largest(logits)
        let largest = logits[Int(best)]
        // Nothing can be weighed against these.
        guard largest.isFinite else { return largest > 0 ? best : Self.first(logits.count, allowed) }
        guard case .random(let temperature, _, let filters) = sampling, temperature > 0 else { return best }
        let rate = SoftmaxRate(largest: largest, temperature: temperature)
        if filters == SamplingFilters() {
            return drawById(logits, rate)
        }
        filter(logits, rate, filters)
        return drawFromKept()
    }

    /// The index of the largest logit, the lowest of equals.
    static func largest(_ logits: Span<Float>) -> Int32 {
        Int32(truncatingIfNeeded: LogSoftmax.largest(logits).index)
    }

    private static func first(_ count: Int, _ allowed: TokenMask?) -> Int32 {
        Int32(truncatingIfNeeded: (0..<count).first { allowed?.contains($0) ?? true } ?? 0)
    }

    private mutating func drawById(_ logits: Span<Float>, _ rate: SoftmaxRate) -> Int32 {
        weigh(logits, rate)
        var total = 0.0
        for weight in weights { total += weight }
        return Int32(truncatingIfNeeded: draw(weights, total))
    }

    private mutating func drawFromKept() -> Int32 {
        var total = 0.0
        for weight in keptWeights { total += weight }
        return kept[draw(keptWeights, total)].id
    }

    /// Fills `weights`, eight at a time: of a draw's work the exponentials are the most.
    mutating func weigh(_ logits: Span<Float>, _ rate: SoftmaxRate) {
        let count = (logits.count + 7) / 8 * 8
        if weights.count != count { weights = Array(repeating: 0, count: count) }
        var places = weights.mutableSpan
        for start in stride(from: 0, to: logits.count, by: 8) {
            let eight = rate.weights(logits.lanes(at: start))
            for lane in 0..<8 { places[start + lane] = eight[lane] }
        }
    }

    /// An index into `weights`, drawn by weight. total: their sum, added in order.
    private mutating func draw(_ weights: [Double], _ total: Double) -> Int {
        let mark = random.nextUnit() * total
        var sum = 0.0
        var last = 0
        for index in weights.indices where weights[index] > 0 {
            sum += weights[index]
            last = index
            if mark < sum { break }
        }
        return last
    }
}

/// Weights of a softmax before its division by the total; the largest logit weighs 1.
struct SoftmaxRate {
    let largest: Double
    let temperature: Double

    init(largest: Float, temperature: Double) {
        self.largest = Double(largest)
        self.temperature = temperature
    }

    func weight(_ logit: Float) -> Double {
        portableExponential((Double(logit) - largest) / temperature)
    }

    /// The same for eight logits, with the same bits. NaN weighs nothing.
    func weights(_ logits: SIMD8<Float>) -> SIMD8<Double> {
        let x = (SIMD8<Double>(logits) - largest) / temperature
        return portableExponential(x).replacing(with: 0, where: .!(x .> -708))
    }
}
