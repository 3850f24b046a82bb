internal import IsterDecoder
internal import IsterGenerator

/// Log-probabilities of continuations. What a prompt shares with the one before it is computed once.
final class ContinuationScorer {
    private let decoder: Decoder
    private let encoder: PromptEncoder
    private var held: HeldSequence
    /// The logits after `rowContext`.
    private var row: [Float] = []
    private var rowSoftmax = LogSoftmax(maximum: 0, logSum: 0, top: 0)
    private var rowContext: [Int32] = []

    /// Uses the decoder's first sequence.
    init(_ decoder: Decoder, _ encoder: PromptEncoder) {
        self.decoder = decoder
        self.encoder = encoder
        held = HeldSequence(decoder, sequence: 0)
    }

    /// Sum of ln p over the continuation's tokens.
    func logProbability(_ text: ScoredText, item: String) throws(EvaluationError) -> Double {
        let (context, continuation) = try encoder.tokens(text, item: item)
        guard let first = continuation.first else {
            throw .emptyContinuation(item: item, text: text.continuation)
        }
        try move(after: context)
        var sum = rowSoftmax.logProbability(row[Int(first)])
        guard continuation.count > 1 else { return sum }
        try held.rewind(to: context.count)
        for start in stride(from: 0, to: continuation.count - 1, by: decoder.batchRows) {
            let end = min(start + decoder.batchRows, continuation.count - 1)
            try held.forward(Array(continuation[start..<end]), .all)
            for (index, target) in continuation[start + 1..<end + 1].enumerated() {
                sum += decoder.withLogits(row: index) { LogSoftmax($0).logProbability($0[Int(target)]) }
            }
        }
        return sum
    }

    /// Brings the decoder to a context and keeps the logits after it.
    private func move(after context: [Int32]) throws(EvaluationError) {
        if context == rowContext { return }
        rowContext = []
        try held.rewind(toBeginOf: context)
        var start = held.tokens.count
        while start < context.count {
            let end = min(start + decoder.batchRows, context.count)
            try held.forward(Array(context[start..<end]), end == context.count ? .last : .none)
            start = end
        }
        row = decoder.copyLogits(row: 0)
        rowSoftmax = LogSoftmax(row.span)
        rowContext = context
    }
}
