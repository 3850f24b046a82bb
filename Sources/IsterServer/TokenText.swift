import IsterGenerator
import IsterTokenizer

/// How tokens and their scores are told.
struct TokenText: Sendable {
    let tokenizer: Tokenizer

    /// OpenAI's spelling: `bytes:\xe2\x82` for parts of characters, so that different tokens differ.
    func text(_ id: Int32) -> String {
        let bytes = tokenizer.textBytes(id)
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        let digits = bytes.map { byte in
            let digits = String(byte, radix: 16)
            return "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
        }
        return "bytes:" + digits.joined()
    }

    /// An item of the chat shape's `content`.
    func chatItem(_ score: TokenScore) -> JSONValue {
        guard case .object(var item) = chatChoice(score.chosen) else { return .null }
        item.append("top_logprobs", .array(score.best.map(chatChoice)))
        return .object(item)
    }

    private func chatChoice(_ choice: TokenScore.Choice) -> JSONValue {
        [
            "token": .string(text(choice.id)), "logprob": Self.logprob(choice.logprob),
            "bytes": .array(tokenizer.textBytes(choice.id).map { .integer(Int($0)) }),
        ]
    }

    /// The lowest that OpenAI tells; JSON has no infinity.
    static func logprob(_ value: Float) -> JSONValue { .single(value > -9999 ? value : -9999) }
}

/// The completions shape of scores, for one text or the next part of it.
struct CompletionLogprobs: Sendable {
    private let tokenText: TokenText
    private var tokens: [JSONValue] = []
    private var tokenLogprobs: [JSONValue] = []
    private var topLogprobs: [JSONValue] = []
    private var textOffsets: [JSONValue] = []
    private var decoder: StreamDecoder
    /// Characters (Unicode scalars) of the text so far.
    private var offset: Int

    /// Of the prompt, which begins with ids that the text does not show, and then of what is generated.
    init(tokenText: TokenText, hiddenIDs: [Int32]) {
        self.tokenText = tokenText
        decoder = StreamDecoder(tokenText.tokenizer, prompt: hiddenIDs, skipSpecial: false)
        offset = 0
    }

    /// Of what is generated only.
    init(tokenText: TokenText, prompt: [Int32], offset: Int) {
        self.tokenText = tokenText
        decoder = StreamDecoder(tokenText.tokenizer, prompt: prompt, skipSpecial: true)
        self.offset = offset
    }

    /// score: nil for the first token of a prompt. isShown: the token's text is part of the text.
    mutating func append(_ id: Int32, _ score: TokenScore?, isShown: Bool = true) {
        tokens.append(.string(tokenText.text(id)))
        textOffsets.append(.integer(offset))
        if isShown { offset += decoder.append(id).unicodeScalars.count }
        guard let score else {
            tokenLogprobs.append(.null)
            topLogprobs.append(.null)
            return
        }
        tokenLogprobs.append(TokenText.logprob(score.chosen.logprob))
        var best = JSONObject()
        // The chosen token is always among them; tokens that are spelled alike are told once.
        for choice in score.best + [score.chosen] {
            let text = tokenText.text(choice.id)
            if best[text] == nil { best.append(text, TokenText.logprob(choice.logprob)) }
        }
        topLogprobs.append(.object(best))
    }

    /// What came since the last call.
    mutating func take() -> JSONValue {
        let json: JSONValue = [
            "tokens": .array(tokens), "token_logprobs": .array(tokenLogprobs), "top_logprobs": .array(topLogprobs),
            "text_offset": .array(textOffsets),
        ]
        (tokens, tokenLogprobs, topLogprobs, textOffsets) = ([], [], [], [])
        return json
    }
}
