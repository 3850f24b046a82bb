/// A prompt in the form in which it is sent.
enum BenchServePrompt {
    case ids([Int32])
    case text(String)

    var json: JSONText {
        switch self {
        case .ids(let ids): .ids(ids)
        case .text(let text): .string(text)
        }
    }
}

/// Makes random prompts of a wanted length.
struct BenchServePrompts {
    enum Form: Equatable {
        /// As many tokens as asked for.
        case ids
        /// About as many, by the tokens that the server counted for a sample.
        case words(tokensPerWord: Double)
    }

    let form: Form
    let seed: UInt64

    /// Ids of ordinary tokens in every usual vocabulary: after control tokens and single bytes.
    private static let idRange: Range<Int32> = 300..<500
    private static let words = """
        river water stone bridge boat morning evening light wind cloud field house road child friend letter story song \
        garden tree bird horse winter summer silver paper table window door market village mountain island harbour \
        question answer number reason picture moment journey teacher doctor farmer soldier captain sister brother
        """.split(whereSeparator: \.isWhitespace).map(String.init)
    private static let sampleCount = 64

    /// Asks the server which form it takes.
    static func suited(
        to server: BenchServeConnection, model: String, textOnly: Bool, seed: UInt64
    ) async throws(Failure) -> BenchServePrompts {
        if !textOnly {
            let ids = BenchServePrompts(form: .ids, seed: seed).prompt(-1, tokens: sampleCount, shared: 0)
            let record = await server.complete(model: model, prompt: ids, answerTokens: 1, start: .now)
            // Some servers put a token of their own at the start.
            if record.failure == nil, (sampleCount...sampleCount + 1).contains(record.promptTokens) {
                return BenchServePrompts(form: .ids, seed: seed)
            }
        }
        let sample = BenchServePrompts(form: .words(tokensPerWord: 1), seed: seed)
        let text = sample.prompt(-1, tokens: sampleCount, shared: 0)
        let record = await server.complete(model: model, prompt: text, answerTokens: 1, start: .now)
        if let failure = record.failure { throw Failure(.inputOutput, "\(server.url): \(failure)") }
        guard record.promptTokens > 0 else {
            throw Failure(.badData, "\(server.url): the server does not tell how many tokens a prompt has (usage)")
        }
        let ratio = Double(record.promptTokens) / Double(sampleCount)
        return BenchServePrompts(form: .words(tokensPerWord: ratio), seed: seed)
    }

    /// Prompt number `index`: its first `shared` tokens are those of all prompts.
    func prompt(_ index: Int, tokens: Int, shared: Int) -> BenchServePrompt {
        var common = SplitMix64(seed: seed)
        var own = SplitMix64(seed: seed &+ UInt64(bitPattern: Int64(index)) &* 0x9E37_79B9 &+ 77)
        switch form {
        case .ids:
            return .ids(
                (0..<tokens).map { position in
                    position < shared
                        ? Int32.random(in: Self.idRange, using: &common) : Int32.random(in: Self.idRange, using: &own)
                })
        case .words(let tokensPerWord):
            let count = max(Int((Double(tokens) / tokensPerWord).rounded()), 1)
            let sharedCount = Int((Double(shared) / tokensPerWord).rounded())
            let all = (0..<count).map { position in
                position < sharedCount
                    ? Self.words[Int.random(in: Self.words.indices, using: &common)]
                    : Self.words[Int.random(in: Self.words.indices, using: &own)]
            }
            return .text(all.joined(separator: " "))
        }
    }
}
