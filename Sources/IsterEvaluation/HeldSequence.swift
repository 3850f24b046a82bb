internal import IsterDecoder

/// One of a decoder's sequences and the tokens that it holds.
struct HeldSequence {
    let sequence: Int
    private let decoder: Decoder
    private(set) var tokens: [Int32] = []

    /// Forgets what the sequence held before.
    init(_ decoder: Decoder, sequence: Int) {
        self.decoder = decoder
        self.sequence = sequence
        decoder.reset(sequence: sequence)
    }

    /// Forgets all that a prompt does not begin with, and its last token: that must run, since its logits are wanted.
    mutating func rewind(toBeginOf prompt: [Int32]) throws(EvaluationError) {
        let shared = zip(tokens, prompt).prefix { $0 == $1 }.count
        try rewind(to: min(shared, prompt.count - 1))
    }

    /// Forgets all but the first `count` tokens. A window that has moved on is filled again.
    mutating func rewind(to count: Int) throws(EvaluationError) {
        if count == tokens.count { return }
        if decoder.truncate(sequence: sequence, to: count) {
            tokens.removeLast(tokens.count - count)
            return
        }
        let kept = Array(tokens.prefix(count))
        decoder.reset(sequence: sequence)
        tokens = []
        for start in stride(from: 0, to: count, by: decoder.batchRows) {
            try forward(Array(kept[start..<min(start + decoder.batchRows, count)]), .none)
        }
    }

    mutating func forward(_ next: [Int32], _ logits: LogitSelection) throws(EvaluationError) {
        try decoding { () throws(DecoderError) in
            try decoder.forward([TokenSlice(sequence: sequence, tokens: next, logits: logits)])
        }
        append(next)
    }

    /// Says that a forward call has run these.
    mutating func append(_ next: [Int32]) { tokens += next }
}
