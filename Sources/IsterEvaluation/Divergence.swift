internal import IsterDecoder
internal import IsterGenerator

/// How one position of a candidate compares with the reference.
struct PositionDivergence: Equatable {
    /// Sum over tokens of p (ln p - ln q), in nats; p the reference's probability, q the candidate's.
    var divergence: Double
    /// -ln of the probability of the token that follows.
    var candidateLoss: Double
    var referenceLoss: Double
    var hasSameTop: Bool
}

extension PositionDivergence {
    /// Both rows: [vocabularySize]. The reference is summed up in one pass: with r and c the distances of the logits
    /// from their row's maximum, divergence = sum(e^r (r - c)) / sum(e^r) - ln sum(e^r) + ln sum(e^c).
    init(reference: Span<Float>, candidate: Span<Float>, target: Int) {
        precondition(reference.count == candidate.count)
        let softmax = LogSoftmax(candidate)
        let largest = LogSoftmax.largest(reference)
        let referenceOffset = SIMD8<Double>(repeating: Double(largest.value))
        let candidateOffset = SIMD8<Double>(repeating: Double(softmax.maximum))
        var sums = SIMD8<Double>(repeating: 0)
        var products = SIMD8<Double>(repeating: 0)
        for start in stride(from: 0, to: reference.count, by: 8) {
            let r = SIMD8<Double>(reference.lanes(at: start)) - referenceOffset
            let c = SIMD8<Double>(candidate.lanes(at: start)) - candidateOffset
            let power = portableExponential(r)
            sums += power
            // After the end both are -infinity, whose difference is no number.
            products += (power * (r - c)).replacing(with: 0, where: power .== 0)
        }
        let sum = sums.treeSum
        let referenceSoftmax = LogSoftmax(maximum: largest.value, logSum: portableLogarithm(sum), top: largest.index)
        let divergence = products.treeSum / sum - referenceSoftmax.logSum + softmax.logSum
        self.init(
            // Rounding can leave -1e-16 where the true value is 0.
            divergence: max(divergence, 0),
            candidateLoss: -softmax.logProbability(candidate[target]),
            referenceLoss: -referenceSoftmax.logProbability(reference[target]),
            hasSameTop: softmax.top == referenceSoftmax.top)
    }

    /// reference: log-probabilities of a base file. As llama-perplexity does, tokens below e^-16 are left out.
    init(reference: BaseRow, candidate: Span<Float>, target: Int) {
        let softmax = LogSoftmax(candidate)
        let offset = Double(softmax.maximum) + softmax.logSum
        var sums = SIMD8<Double>(repeating: 0)
        for start in stride(from: 0, to: candidate.count, by: 8) {
            let p = reference.logProbabilities(at: start)
            let q = SIMD8<Double>(candidate.lanes(at: start)) - offset
            sums += (portableExponential(p) * (p - q)).replacing(with: 0, where: p .<= -16)
        }
        self.init(
            divergence: sums.treeSum, candidateLoss: -softmax.logProbability(candidate[target]),
            referenceLoss: -reference.logProbability(target), hasSameTop: softmax.top == reference.top)
    }
}
