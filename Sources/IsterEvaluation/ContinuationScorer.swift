internal import IsterDecoder
internal import IsterGenerator
internal import IsterTokenizer

/// Log-probabilities of continuations. What a prompt shares with the one before it is computed once.
final class ContinuationScorer {
    private let decoder: Decoder
    private let tokenizer: Tokenizer
    /// Tokens that the decoder holds.
    private var held: [Int32] = []
    /// The logits after `rowContext`.
    private var row: [Float] = []
    private var rowSoftmax = LogSoftmax(maximum: 0, logSum: 0, top: 0)
    private var rowContext: [Int32] = []

    init(_ decoder: Decoder, _ tokenizer: Tokenizer) {
        self.decoder = decoder
        self.tokenizer = tokenizer
        decoder.reset(sequence: 0)
    }

    /// Sum of ln p over the continuation's tokens.
    func logProbability(_ text: ScoredText, item: String) throws(EvaluationError) -> Double {
        let (context, continuation) = tokens(text)
        try require(context.count + continuation.count, item)
        guard !context.isEmpty else { throw .emptyContext(item: item) }
        guard let first = continuation.first else {
            throw .emptyContinuation(item: item, text: text.continuation)
        }
        try move(after: context)
        var sum = rowSoftmax.logProbability(row[Int(first)])
        guard continuation.count > 1 else { return sum }
        try rewind(to: context.count)
        for start in stride(from: 0, to: continuation.count - 1, by: decoder.batchRows) {
            let end = min(start + decoder.batchRows, continuation.count - 1)
            try forward(Array(continuation[start..<end]), .all)
            for (index, target) in continuation[start + 1..<end + 1].enumerated() {
                sum += decoder.withLogits(row: index) { LogSoftmax($0).logProbability($0[Int(target)]) }
            }
        }
        return sum
    }

    /// The most likely continuation up to a stop string, an end token or `limit` tokens.
    func generate(after context: String, stop: String, limit: Int, item: String) throws(EvaluationError) -> String {
        let ids = prompt(tokenizer.encode(context, addSpecial: false, parseSpecial: false))
        guard !ids.isEmpty else { throw .emptyContext(item: item) }
        try require(ids.count + 1, item)
        try move(after: ids)
        try rewind(to: ids.count)
        var generated: [Int32] = []
        var next = Int32(rowSoftmax.top)
        while generated.count < limit, next != tokenizer.eosID {
            generated.append(next)
            let text = String(decoding: tokenizer.decode(generated, skipSpecial: true), as: UTF8.self)
            if let end = text.textBefore(stop) { return end }
            guard held.count < decoder.contextLength, generated.count < limit else { break }
            try forward([next], .last)
            next = Int32(decoder.withLogits(row: 0) { LogSoftmax.largest($0).index })
        }
        return String(decoding: tokenizer.decode(generated, skipSpecial: true), as: UTF8.self)
    }

    /// lm-evaluation-harness' rule: white space at the end of the context belongs to the continuation; context and
    /// continuation are encoded together, and what comes after the context's own tokens is the continuation.
    func tokens(_ text: ScoredText) -> (context: [Int32], continuation: [Int32]) {
        let scalars = text.context.unicodeScalars
        let context = String(scalars.dropLast(text.context.spaceCountAtEnd))
        let alone = tokenizer.encode(context, addSpecial: false, parseSpecial: false)
        let whole = tokenizer.encode(text.context + text.continuation, addSpecial: false, parseSpecial: false)
        return (prompt(alone), Array(whole.dropFirst(alone.count)))
    }

    /// A context's tokens behind what begins a text. An empty context still needs a token to predict from; empty when the
    /// tokenizer has none.
    private func prompt(_ context: [Int32]) -> [Int32] {
        let ids = tokenizer.vocabulary.prefixIDs + context
        return ids.isEmpty ? [tokenizer.bosID ?? tokenizer.eosID].compactMap { $0 } : ids
    }

    private func require(_ count: Int, _ item: String) throws(EvaluationError) {
        guard count <= decoder.contextLength else {
            throw .promptTooLong(item: item, tokens: count, contextLength: decoder.contextLength)
        }
    }

    /// Brings the decoder to a context and keeps the logits after it.
    private func move(after context: [Int32]) throws(EvaluationError) {
        if context == rowContext { return }
        rowContext = []
        let shared = zip(held, context).prefix { $0 == $1 }.count
        // The last token must run: its logits are wanted.
        try rewind(to: min(shared, context.count - 1))
        var start = held.count
        while start < context.count {
            let end = min(start + decoder.batchRows, context.count)
            try forward(Array(context[start..<end]), end == context.count ? .last : .none)
            start = end
        }
        row = decoder.copyLogits(row: 0)
        rowSoftmax = LogSoftmax(row.span)
        rowContext = context
    }

    /// Forgets all but the first `count` tokens. A window that has moved on is filled again.
    private func rewind(to count: Int) throws(EvaluationError) {
        if count == held.count { return }
        if decoder.truncate(sequence: 0, to: count) {
            held.removeLast(held.count - count)
            return
        }
        let kept = Array(held.prefix(count))
        decoder.reset(sequence: 0)
        held = []
        for start in stride(from: 0, to: count, by: decoder.batchRows) {
            try forward(Array(kept[start..<min(start + decoder.batchRows, count)]), .none)
        }
    }

    private func forward(_ tokens: [Int32], _ logits: LogitSelection) throws(EvaluationError) {
        try decoding { () throws(DecoderError) in
            try decoder.forward([TokenSlice(sequence: 0, tokens: tokens, logits: logits)])
        }
        held += tokens
    }
}

extension String {
    /// The text before the first occurrence of `other`, byte by byte; nil when there is none.
    fileprivate func textBefore(_ other: String) -> String? {
        let (bytes, wanted) = (Array(utf8), Array(other.utf8))
        guard let at = bytes.indices.first(where: { bytes[$0...].starts(with: wanted) }) else { return nil }
        return String(decoding: bytes[..<at], as: UTF8.self)
    }
}
