internal import IsterTokenizer

/// Texts of tasks to the tokens that a model is asked with.
struct PromptEncoder {
    let tokenizer: Tokenizer
    let contextLength: Int

    /// lm-evaluation-harness' rule: white space at the end of the context belongs to the continuation; context and
    /// continuation are encoded together, and what comes after the context's own tokens is the continuation.
    func tokens(
        _ text: ScoredText, item: String
    ) throws(EvaluationError) -> (context: [Int32], continuation: [Int32]) {
        let scalars = text.context.unicodeScalars
        let context = String(scalars.dropLast(text.context.spaceCountAtEnd))
        let alone = tokenizer.encode(context, addSpecial: false, parseSpecial: false)
        let whole = tokenizer.encode(text.context + text.continuation, addSpecial: false, parseSpecial: false)
        let continuation = Array(whole.dropFirst(alone.count))
        return (try prompt(alone, room: continuation.count, item: item), continuation)
    }

    /// A context that the model goes on writing.
    func tokens(_ context: String, item: String) throws(EvaluationError) -> [Int32] {
        try prompt(tokenizer.encode(context, addSpecial: false, parseSpecial: false), room: 1, item: item)
    }

    /// Tokens of a prompt's longest text with room for the answer, if they are more than the context holds; else nil.
    func tokensBeyondContext(_ prompt: TaskPrompt) -> Int? {
        // A generated text needs room for a token; what is scored is part of the text.
        let (texts, room) =
            switch prompt {
            case .score(let scored): (scored.map { $0.context + $0.continuation }, 0)
            case .generate(let context, _): ([context], 1)
            }
        // A token is a byte at least, so short texts need not be encoded; one more may stand before the first word.
        let special = tokenizer.vocabulary.prefixIDs.count + 2
        let longest = texts.max { $0.utf8.count < $1.utf8.count } ?? ""
        if longest.utf8.count + special <= contextLength { return nil }
        let tokens = texts.map { text in
            tokenizer.vocabulary.prefixIDs.count + tokenizer.encode(text, addSpecial: false, parseSpecial: false).count
        }
        let count = (tokens.max() ?? 0) + room
        return count > contextLength ? count : nil
    }

    /// A context's tokens behind what begins a text. An empty context still needs a token to predict from.
    private func prompt(_ context: [Int32], room: Int, item: String) throws(EvaluationError) -> [Int32] {
        var ids = tokenizer.vocabulary.prefixIDs + context
        if ids.isEmpty { ids = [tokenizer.bosID ?? tokenizer.eosID].compactMap { $0 } }
        let count = ids.count + room
        guard count <= contextLength else {
            throw .promptTooLong(item: item, tokens: count, contextLength: contextLength)
        }
        guard !ids.isEmpty else { throw .emptyContext(item: item) }
        return ids
    }
}
