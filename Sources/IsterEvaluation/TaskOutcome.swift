/// What a model answered to one item; a line of a run file.
public struct TaskOutcome: Codable, Equatable, Sendable {
    public var suite: String
    public var id: String
    /// Sum of ln p, one a choice; empty where the model writes.
    public var scores: [Double]
    /// Choice with the largest score; nil where the model writes.
    public var chosen: Int?
    /// Choice with the largest score by length.
    public var chosenNormalized: Int?
    public var isCorrect: Bool
    public var isCorrectNormalized: Bool
    /// Share of the probability that true answers have, where several are true.
    public var trueShare: Double?
    public var generated: String?
    /// What cut the generated text; nil when it ended by itself.
    public var cut: Cut?

    public enum Cut: String, Codable, Sendable {
        /// The most tokens that a model may write.
        case limit
        /// The end of the context.
        case context
    }

    enum CodingKeys: String, CodingKey {
        case suite, id, scores, chosen, generated, cut
        case chosenNormalized = "chosen_norm"
        case isCorrect = "correct"
        case isCorrectNormalized = "correct_norm"
        case trueShare = "mc2"
    }
}

extension TaskOutcome {
    /// By scores of the choices. lengths: of the scored texts, in characters.
    init(_ item: TaskItem, suite: String, scores: [Double], lengths: [Int], trueShare: Double?) {
        let best = Self.largest(scores)
        let normalized = Self.largest(zip(scores, lengths).map { $0 / Double(max($1, 1)) })
        self.init(
            suite: suite, id: item.id, scores: scores, chosen: best, chosenNormalized: normalized,
            isCorrect: best == item.answer, isCorrectNormalized: normalized == item.answer, trueShare: trueShare,
            generated: nil)
    }

    /// By a text that the model wrote.
    init(_ item: TaskItem, suite: String, generated: String, cut: Cut?) {
        let isCorrect = TaskAnswer.number(generated).map { $0 == TaskAnswer.number(item.answerText ?? "") } ?? false
        self.init(
            suite: suite, id: item.id, scores: [], chosen: nil, chosenNormalized: nil, isCorrect: isCorrect,
            isCorrectNormalized: isCorrect, trueShare: nil, generated: generated, cut: cut)
    }

    /// Index of the first largest value.
    private static func largest(_ values: [Double]) -> Int? {
        values.max().flatMap { values.firstIndex(of: $0) }
    }
}
