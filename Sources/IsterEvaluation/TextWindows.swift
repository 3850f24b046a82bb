public import IsterTokenizer

/// A text's tokens in windows of equal length, as llama-perplexity cuts them: one after the other, the rest of the text
/// left out. The second half of each window is scored, so that every scored token has at least half a window before it.
public struct TextWindows: Sendable, Equatable {
    /// Tokens of a window.
    public let contextLength: Int
    /// All windows, [count * contextLength].
    public let tokens: [Int32]
    /// Stands in place of the first token of each window: the beginning of a text, for models that want one.
    public let firstToken: Int32?

    /// limit: most windows; nil for all that the tokens fill.
    public init(
        tokens: [Int32], contextLength: Int, limit: Int? = nil, firstToken: Int32?
    ) throws(EvaluationError) {
        guard contextLength >= 4, contextLength <= 1 << 24 else {
            throw .invalidOption(name: "context length", found: contextLength, needed: "4 to \(1 << 24)")
        }
        if let limit, limit < 1 { throw .invalidOption(name: "windows", found: limit, needed: "1 or more") }
        guard !tokens.isEmpty else { throw .emptyText }
        guard tokens.count >= contextLength else {
            throw .textTooShort(tokens: tokens.count, needed: contextLength)
        }
        let count = min(tokens.count / contextLength, limit ?? .max)
        self.contextLength = contextLength
        self.tokens = Array(tokens.prefix(count * contextLength))
        self.firstToken = firstToken
    }

    /// Tokenizes the whole text once, with the special tokens that the vocabulary asks for. One line break at the end
    /// of the text is left out, as llama-perplexity does.
    public init(
        text: [UInt8], tokenizer: Tokenizer, contextLength: Int, limit: Int? = nil
    ) throws(EvaluationError) {
        let text = text.last == UInt8(ascii: "\n") ? text.dropLast() : text[...]
        guard !text.isEmpty else { throw .emptyText }
        let tokens = tokenizer.encode(Array(text), addSpecial: true, parseSpecial: false)
        try self.init(
            tokens: tokens, contextLength: contextLength, limit: limit,
            firstToken: tokenizer.vocabulary.addsBOS ? tokenizer.bosID : nil)
    }

    public var count: Int { tokens.count / contextLength }

    /// The position whose logits are the first to be scored. The last one is `contextLength - 2`: it predicts the last
    /// token.
    public var firstScored: Int { contextLength / 2 }

    public var scoredPerWindow: Int { contextLength - 1 - firstScored }

    /// Tokens that a model is given for window `index`, [contextLength].
    public func window(_ index: Int) -> [Int32] {
        var window = Array(tokens[index * contextLength..<(index + 1) * contextLength])
        if let firstToken { window[0] = firstToken }
        return window
    }

    func requireTokens(below vocabularySize: Int) throws(EvaluationError) {
        for (index, id) in tokens.enumerated() where id < 0 || Int(id) >= vocabularySize {
            throw .tokenOutOfRange(found: id, index: index, vocabularySize: vocabularySize)
        }
    }
}
