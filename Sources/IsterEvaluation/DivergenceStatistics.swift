internal import Glibc

/// Comparison of a candidate with a reference over all scored positions, with the figures of llama-perplexity.
public struct DivergenceStatistics: Sendable {
    public private(set) var candidate = PerplexityEstimate()
    public private(set) var reference = PerplexityEstimate()
    /// One a position, in order; nats.
    public private(set) var divergences: [Double] = []
    /// Probability of the true token by the candidate - by the reference, one a position.
    public private(set) var probabilityChanges: [Double] = []
    private var sumOfLossProducts = 0.0
    private var sameTopCount = 0

    public init() {}

    public var count: Int { divergences.count }

    mutating func add(_ position: PositionDivergence) {
        candidate.add(position.candidateLoss)
        reference.add(position.referenceLoss)
        sumOfLossProducts += position.candidateLoss * position.referenceLoss
        divergences.append(position.divergence)
        probabilityChanges.append(exp(-position.candidateLoss) - exp(-position.referenceLoss))
        if position.hasSameTop { sameTopCount += 1 }
    }

    public var meanDivergence: MeasuredValue { Self.mean(divergences) }

    /// Covariance of the two mean losses.
    private var lossCovariance: Double {
        guard count > 1 else { return 0 }
        let n = Double(count)
        return (sumOfLossProducts / n - (candidate.sum / n) * (reference.sum / n)) / (n - 1)
    }

    /// Correlation of ln PPL of the two models over positions.
    public var correlation: Double {
        let errors = candidate.mean.error * reference.mean.error
        return errors > 0 ? lossCovariance / errors : 1
    }

    /// ln(PPL(candidate) / PPL(reference)); the error is that of paired values.
    public var logRatio: MeasuredValue {
        let (a, b) = (candidate.mean, reference.mean)
        let variance = a.error * a.error + b.error * b.error - 2 * lossCovariance
        return MeasuredValue(value: a.value - b.value, error: max(variance, 0).squareRoot())
    }

    public var ratio: MeasuredValue { logRatio.exponential }

    public var difference: MeasuredValue {
        let (a, b) = (candidate.perplexity, reference.perplexity)
        let variance = a.error * a.error + b.error * b.error - 2 * a.value * b.value * lossCovariance
        return MeasuredValue(value: a.value - b.value, error: max(variance, 0).squareRoot())
    }

    /// Share of positions where both models have the same most likely token.
    public var sameTop: MeasuredValue {
        guard count > 0 else { return MeasuredValue(value: 0, error: 0) }
        let share = Double(sameTopCount) / Double(count)
        let error = count > 1 ? (share * (1 - share) / Double(count - 1)).squareRoot() : 0
        return MeasuredValue(value: share, error: error)
    }

    public var meanProbabilityChange: MeasuredValue { Self.mean(probabilityChanges) }

    /// Root of the mean square.
    public var rootMeanSquareProbabilityChange: MeasuredValue {
        let squares = Self.mean(probabilityChanges.map { $0 * $0 })
        let root = squares.value.squareRoot()
        return MeasuredValue(value: root, error: root > 0 ? 0.5 / root * squares.error : 0)
    }

    private static func mean(_ values: [Double]) -> MeasuredValue {
        MeasuredValue(
            sum: values.reduce(0, +), sumOfSquares: values.reduce(0) { $0 + $1 * $1 }, count: values.count)
    }
}

/// Values in ascending order, for quantiles.
public struct SortedValues: Sendable {
    private let values: [Double]

    public init(_ values: [Double]) { self.values = values.sorted() }

    /// fraction: 0 for the smallest, 1 for the largest; between two values they are mixed. 0 without values.
    public func quantile(_ fraction: Double) -> Double {
        guard let last = values.last else { return 0 }
        let place = min(max(fraction, 0), 1) * Double(values.count - 1)
        guard let index = Int(exactly: place.rounded(.down)), index + 1 < values.count else { return last }
        let weight = place - place.rounded(.down)
        return (1 - weight) * values[index] + weight * values[index + 1]
    }
}

func exponential(_ x: Double) -> Double { exp(x) }
