/// Figures of one suite.
public struct TaskSummary: Sendable {
    public let suite: String
    public let itemCount: Int
    public let shotCount: Int
    public let accuracy: MeasuredValue
    public let accuracyNormalized: MeasuredValue
    /// Mean share of the probability on true answers; nil where only one is true.
    public let trueShare: MeasuredValue?
    /// The main figure is the normalized accuracy.
    public let isNormalized: Bool
    /// Generated texts that were cut at the most tokens that a model may write, and at the end of the context.
    public let cutByLimit: Int
    public let cutByContext: Int
    /// nil without a reference run.
    public let flips: Flips?

    public var main: MeasuredValue { isNormalized ? accuracyNormalized : accuracy }

    /// Items whose correctness, by the main figure, differs from a reference run's.
    public struct Flips: Sendable {
        /// Items that both runs answered.
        public var itemCount = 0
        public var toWrong = 0
        public var toRight = 0
        /// Items with another choice or text, right or wrong.
        public var otherAnswers = 0
        /// Share of the items whose correctness changed.
        public var share: MeasuredValue { MeasuredValue(share: toWrong + toRight, of: itemCount) }
    }

    public init(_ suite: TaskSuite, _ outcomes: [TaskOutcome], reference: [TaskOutcome]? = nil) {
        self.suite = suite.name
        itemCount = outcomes.count
        shotCount = suite.shotCount
        isNormalized = suite.isNormalized
        accuracy = MeasuredValue(share: outcomes.count { $0.isCorrect }, of: outcomes.count)
        accuracyNormalized = MeasuredValue(share: outcomes.count { $0.isCorrectNormalized }, of: outcomes.count)
        let shares = outcomes.compactMap(\.trueShare)
        trueShare = shares.isEmpty ? nil : MeasuredValue(of: shares)
        cutByLimit = outcomes.count { $0.cut == .limit }
        cutByContext = outcomes.count { $0.cut == .context }
        flips = reference.map { Self.flips(outcomes, $0, isNormalized: suite.isNormalized) }
    }

    private static func flips(_ outcomes: [TaskOutcome], _ reference: [TaskOutcome], isNormalized: Bool) -> Flips {
        let others = Dictionary(reference.map { ($0.id, $0) }) { first, _ in first }
        var flips = Flips()
        for outcome in outcomes {
            guard let other = others[outcome.id], other.suite == outcome.suite else { continue }
            flips.itemCount += 1
            let now = isNormalized ? outcome.isCorrectNormalized : outcome.isCorrect
            let before = isNormalized ? other.isCorrectNormalized : other.isCorrect
            if before, !now { flips.toWrong += 1 }
            if now, !before { flips.toRight += 1 }
            let isSame =
                isNormalized ? outcome.chosenNormalized == other.chosenNormalized : outcome.chosen == other.chosen
            if !isSame || outcome.generated != other.generated { flips.otherAnswers += 1 }
        }
        return flips
    }
}

extension MeasuredValue {
    /// A share of yes-or-no items.
    init(share count: Int, of total: Int) {
        self.init(sum: Double(count), sumOfSquares: Double(count), count: total)
    }

    init(of values: [Double]) {
        self.init(
            sum: values.reduce(0, +), sumOfSquares: values.reduce(0) { $0 + $1 * $1 }, count: values.count)
    }
}
