internal import IsterDecoder
internal import IsterGenerator
internal import IsterTokenizer

/// The most likely continuations of contexts, as many at once as the decoder has sequences. A sequence keeps what its
/// next context shares with the one before. A text has the same tokens alone and beside others.
final class ContinuationWriter {
    struct Request {
        var item: String
        var context: String
        /// The text ends before it, at an end token or after `limit` tokens.
        var stop: String
        var limit: Int
    }

    /// A text and what cut it; nil when it ended by itself.
    struct Continuation {
        var text: String
        var cut: TaskOutcome.Cut?
    }

    /// A request that a sequence works on.
    private struct Writing {
        var index: Int
        var prompt: [Int32]
        var generated: [Int32] = []
        /// Set when it is complete.
        var continuation: Continuation?
    }

    private let decoder: Decoder
    private let encoder: PromptEncoder
    private let endIDs: Set<Int32>
    private let requests: [Request]
    private var held: [HeldSequence]
    /// By sequence.
    private var writings: [Writing?]
    private var nextRequest = 0
    /// Texts that wait for those of earlier requests.
    private var waiting: [Int: Continuation] = [:]

    /// Uses all sequences of the decoder. endIDs: tokens that end a text.
    init(_ decoder: Decoder, _ encoder: PromptEncoder, endIDs: Set<Int32>, _ requests: [Request]) {
        self.decoder = decoder
        self.encoder = encoder
        self.endIDs = endIDs
        self.requests = requests
        held = (0..<decoder.sequenceCount).map { HeldSequence(decoder, sequence: $0) }
        writings = Array(repeating: nil, count: decoder.sequenceCount)
    }

    /// told: is called with each request's index and text, in the requests' order.
    func run(_ told: (Int, Continuation) throws(EvaluationError) -> Void) throws(EvaluationError) {
        var toldCount = 0
        while toldCount < requests.count {
            try begin()
            try step()
            finish()
            while let continuation = waiting.removeValue(forKey: toldCount) {
                try told(toldCount, continuation)
                toldCount += 1
            }
        }
    }

    /// Gives requests to the sequences that are free.
    private func begin() throws(EvaluationError) {
        for sequence in writings.indices where writings[sequence] == nil && nextRequest < requests.count {
            let request = requests[nextRequest]
            let prompt = try encoder.tokens(request.context, item: request.item)
            try held[sequence].rewind(toBeginOf: prompt)
            writings[sequence] = Writing(index: nextRequest, prompt: prompt)
            nextRequest += 1
        }
    }

    /// One forward call: the next token of each text that has begun, and of the prompts as much as there is room for.
    private func step() throws(EvaluationError) {
        var room = decoder.batchRows
        var slices: [TokenSlice] = []
        for (sequence, writing) in writings.enumerated() {
            guard let writing else { continue }
            let all = writing.prompt + writing.generated
            let next = all.dropFirst(held[sequence].tokens.count).prefix(room)
            room -= next.count
            if next.isEmpty { continue }
            let isLast = held[sequence].tokens.count + next.count == all.count
            slices.append(TokenSlice(sequence: sequence, tokens: Array(next), logits: isLast ? .last : .none))
        }
        try decoding { () throws(DecoderError) in try decoder.forward(slices) }
        var row = 0
        for slice in slices {
            held[slice.sequence].append(slice.tokens)
            guard slice.logits == .last else { continue }
            let token = decoder.withLogits(row: row) { LogSoftmax.largest($0).index }
            row += 1
            if let writing = writings[slice.sequence] { writings[slice.sequence] = extended(writing, Int32(token)) }
        }
    }

    private func extended(_ writing: Writing, _ token: Int32) -> Writing {
        let request = requests[writing.index]
        var writing = writing
        let isEnd = endIDs.contains(token)
        if !isEnd { writing.generated.append(token) }
        let text = String(decoding: encoder.tokenizer.decode(writing.generated, skipSpecial: true), as: UTF8.self)
        if let stopped = text.textBefore(request.stop) {
            writing.continuation = Continuation(text: stopped)
        } else if isEnd {
            writing.continuation = Continuation(text: text)
        } else if writing.generated.count >= request.limit {
            writing.continuation = Continuation(text: text, cut: .limit)
        } else if writing.prompt.count + writing.generated.count > decoder.contextLength {
            writing.continuation = Continuation(text: text, cut: .context)
        }
        return writing
    }

    /// Frees the sequences whose texts are complete.
    private func finish() {
        for (sequence, writing) in writings.enumerated() {
            guard let writing, let continuation = writing.continuation else { continue }
            waiting[writing.index] = continuation
            writings[sequence] = nil
        }
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
