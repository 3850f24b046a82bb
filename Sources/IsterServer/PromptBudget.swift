import IsterTokenizer

/// How long prompts and answers may be.
struct PromptBudget: Sendable {
    let contextLength: Int
    let maximumOutputTokens: Int?
    /// Bytes that one token covers at most; nil where that says nothing about the number of tokens.
    private let longestTokenBytes: Int?

    init(tokenizer: Tokenizer, contextLength: Int, maximumOutputTokens: Int?) {
        self.contextLength = contextLength
        self.maximumOutputTokens = maximumOutputTokens
        longestTokenBytes = Self.longestTokenBytes(tokenizer)
    }

    /// The most bytes that a prompt can have; nil when only its tokens tell.
    var promptByteLimit: Int? {
        guard let longestTokenBytes else { return nil }
        let (bytes, isBeyond) = longestTokenBytes.multipliedReportingOverflow(by: contextLength)
        return isBeyond ? nil : bytes
    }

    /// Refuses before tokenizing what cannot fit.
    func check(byteCount: Int, parameter: String) throws(APIError) {
        guard let longestTokenBytes, byteCount / longestTokenBytes > contextLength else { return }
        throw .contextExceeded(
            tokens: byteCount / longestTokenBytes, atLeast: true, contextLength: contextLength, parameter: parameter)
    }

    /// The number of tokens to generate. requested: nil for the default, which the room cuts.
    func outputTokens(
        promptCount: Int, requested: Int?, maximumField: String, promptField: String
    ) throws(APIError) -> Int {
        guard promptCount <= contextLength else {
            throw .contextExceeded(tokens: promptCount, contextLength: contextLength, parameter: promptField)
        }
        if requested == 0 { return 0 }
        let room = contextLength - promptCount
        guard room > 0 else {
            throw .contextExceeded(tokens: promptCount + 1, contextLength: contextLength, parameter: promptField)
        }
        let most = min(room, maximumOutputTokens ?? room)
        guard let requested else { return min(APILimits.defaultOutputTokens, most) }
        guard requested <= most else {
            throw .invalidValue(
                maximumField,
                "\(maximumField) is too large: \(requested). This request can have at most \(most) "
                    + "completion tokens; the context holds \(contextLength) tokens and the prompt has "
                    + "\(promptCount).")
        }
        return requested
    }

    /// Text can vanish in tokenizers that strip, collapse or drop parts of it; then the bytes bound nothing.
    private static func longestTokenBytes(_ tokenizer: Tokenizer) -> Int? {
        let vocabulary = tokenizer.vocabulary
        guard !vocabulary.addedTokens.contains(where: { $0.stripsLeft || $0.stripsRight }) else { return nil }
        switch vocabulary.model {
        case .sentencePiece(let model):
            guard model.byteFallback, !model.removesExtraWhitespace else { return nil }
        case .merges(let model):
            guard model.isByteLevel, model.normalizers.isEmpty else { return nil }
        }
        let longest = (0..<tokenizer.vocabularySize).map { tokenizer.textBytes(Int32($0)).count }.max()
        return longest.map { max($0, 1) }
    }
}
