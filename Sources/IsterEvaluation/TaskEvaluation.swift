public import IsterDecoder
internal import IsterModelFile
public import IsterTokenizer

/// Asks a model the items of suites.
public struct TaskEvaluation {
    /// Most tokens of a text that the model writes: lm-evaluation-harness' limit.
    public static let generatedTokens = 256
    private let decoder: Decoder
    private let encoder: PromptEncoder
    private let endIDs: Set<Int32>

    /// decoder: nobody else uses it. Texts are written as many at once as it has sequences.
    /// endIDs: tokens that end a text, beside that of the vocabulary.
    public init(_ decoder: Decoder, tokenizer: Tokenizer, endIDs: Set<Int32> = []) throws(EvaluationError) {
        guard tokenizer.vocabularySize <= decoder.shape.vocabularySize else {
            throw .vocabularySizesDiffer(
                candidate: tokenizer.vocabularySize, reference: decoder.shape.vocabularySize)
        }
        self.decoder = decoder
        encoder = PromptEncoder(tokenizer: tokenizer, contextLength: decoder.contextLength)
        self.endIDs = tokenizer.eosID.map { endIDs.union([$0]) } ?? endIDs
    }

    /// Refuses prompts that the context does not hold, before any is asked.
    public func requireRoom(_ items: [TaskItem], of suite: TaskSuite) throws(EvaluationError) {
        var first: (item: String, tokens: Int)?
        var count = 0
        for item in items {
            let prompts = [suite.prompt(item), .score(suite.trueOrFalsePrompts(item))]
            guard let tokens = prompts.compactMap(encoder.tokensBeyondContext).max() else { continue }
            count += 1
            first = first ?? (item.id, tokens)
        }
        guard let first else { return }
        throw .promptsTooLong(
            suite: suite.name, count: count, first: first.item, tokens: first.tokens,
            contextLength: decoder.contextLength, shots: suite.shotCount)
    }

    /// told: is called with each outcome as soon as it and all before it are there, in the items' order.
    public func ask(
        _ items: [TaskItem], of suite: TaskSuite, told: (TaskOutcome) throws(EvaluationError) -> Void
    ) throws(EvaluationError) {
        var rest = items[...]
        while let first = rest.first {
            let isWritten = suite.isWritten(first)
            let alike = rest.prefix { suite.isWritten($0) == isWritten }
            rest = rest.dropFirst(alike.count)
            if isWritten {
                try write(alike, of: suite, told)
            } else {
                try score(alike, of: suite, told)
            }
        }
    }

    private func write(
        _ items: ArraySlice<TaskItem>, of suite: TaskSuite, _ told: (TaskOutcome) throws(EvaluationError) -> Void
    ) throws(EvaluationError) {
        let requests = items.compactMap { item -> ContinuationWriter.Request? in
            guard case .generate(let context, let stop) = suite.prompt(item) else { return nil }
            return .init(item: item.id, context: context, stop: stop, limit: Self.generatedTokens)
        }
        let writer = ContinuationWriter(decoder, encoder, endIDs: endIDs, requests)
        try writer.run { (index, continuation) throws(EvaluationError) in
            let item = items[items.startIndex + index]
            try told(TaskOutcome(item, suite: suite.name, generated: continuation.text, cut: continuation.cut))
        }
    }

    private func score(
        _ items: ArraySlice<TaskItem>, of suite: TaskSuite, _ told: (TaskOutcome) throws(EvaluationError) -> Void
    ) throws(EvaluationError) {
        let scorer = ContinuationScorer(decoder, encoder)
        for item in items {
            guard case .score(let texts) = suite.prompt(item) else { continue }
            var scores: [Double] = []
            for text in texts { scores.append(try scorer.logProbability(text, item: item.id)) }
            let known = zip(texts, scores).map { ($0, $1) }
            let trueShare = try trueShare(item, of: suite, scorer, known: known)
            try told(
                TaskOutcome(
                    item, suite: suite.name, scores: scores, lengths: texts.map(\.lengthOfContinuation),
                    trueShare: trueShare))
        }
    }

    /// nil for items of which only one choice is true. known: scores of the item's choices, many of which come again.
    private func trueShare(
        _ item: TaskItem, of suite: TaskSuite, _ scorer: ContinuationScorer, known: [(ScoredText, Double)]
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
