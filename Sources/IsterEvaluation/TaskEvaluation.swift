public import IsterDecoder
internal import IsterModelFile
public import IsterTokenizer

/// Asks a model the items of suites.
public struct TaskEvaluation {
    /// lm-evaluation-harness' limit.
    static let generatedTokens = 256
    private let scorer: ContinuationScorer

    /// decoder: one sequence, nobody else uses it.
    public init(_ decoder: Decoder, tokenizer: Tokenizer) throws(EvaluationError) {
        guard tokenizer.vocabularySize <= decoder.shape.vocabularySize else {
            throw .vocabularySizesDiffer(
                candidate: tokenizer.vocabularySize, reference: decoder.shape.vocabularySize)
        }
        scorer = ContinuationScorer(decoder, tokenizer)
    }

    public func outcome(_ item: TaskItem, of suite: TaskSuite) throws(EvaluationError) -> TaskOutcome {
        switch suite.prompt(item) {
        case .generate(let context, let stop):
            let text = try scorer.generate(
                after: context, stop: stop, limit: Self.generatedTokens, item: item.id)
            return TaskOutcome(item, suite: suite.name, generated: text)
        case .score(let texts):
            var scores: [Double] = []
            for text in texts { scores.append(try scorer.logProbability(text, item: item.id)) }
            let trueShare = try trueShare(item, of: suite, known: zip(texts, scores).map { ($0, $1) })
            return TaskOutcome(
                item, suite: suite.name, scores: scores, lengths: texts.map(\.lengthOfContinuation),
                trueShare: trueShare)
        }
    }

    /// nil for items of which only one choice is true. known: scores of the item's choices, many of which come again.
    private func trueShare(
        _ item: TaskItem, of suite: TaskSuite, known: [(ScoredText, Double)]
    ) throws(EvaluationError) -> Double? {
        let texts = suite.trueOrFalsePrompts(item)
        if texts.isEmpty { return nil }
        var scores: [Double] = []
        for text in texts {
            if let same = known.first(where: { $0.0.isSame(as: text) }) {
                scores.append(same.1)
            } else {
                scores.append(try scorer.logProbability(text, item: item.id))
            }
        }
        return Self.share(of: item.trueOrFalseLabels ?? [], scores)
    }

    /// Sum of the probabilities labelled 1 by the sum of all.
    private static func share(of labels: [Int], _ scores: [Double]) -> Double {
        let largest = scores.max() ?? 0
        let powers = scores.map { exponential($0 - largest) }
        let all = powers.reduce(0, +)
        return zip(labels, powers).reduce(0) { $0 + ($1.0 == 1 ? $1.1 : 0) } / all
    }
}
