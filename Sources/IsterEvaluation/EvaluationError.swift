public import IsterDecoder
public import IsterModelFile

/// Why a model cannot be evaluated on what was given.
public enum EvaluationError: Error, Equatable, CustomStringConvertible {
    case emptyText
    case textTooShort(tokens: Int, needed: Int)
    case invalidOption(name: String, found: Int, needed: String)
    case vocabularySizesDiffer(candidate: Int, reference: Int)
    /// SHA-256 of the tokenizers' tables.
    case tokenizersDiffer(candidate: String, reference: String)
    case tokenOutOfRange(found: Int32, index: Int, vocabularySize: Int)
    case baseFile(path: String, BaseFileDefect)
    case items(path: String, line: Int, reason: String)
    case noItems(path: String)
    case unknownSuite(name: String, known: [String])
    case notEnoughShots(path: String, found: Int, needed: Int)
    case promptTooLong(item: String, tokens: Int, contextLength: Int)
    /// count: items of the suite whose prompts are too long.
    case promptsTooLong(suite: String, count: Int, first: String, tokens: Int, contextLength: Int, shots: Int)
    /// No token to predict from: the prompt is empty, and the tokenizer has none that begins or ends a text.
    case emptyContext(item: String)
    /// No token to score: the tokenizer joins context and continuation in tokens that the context has alone, too.
    case emptyContinuation(item: String, text: String)
    case run(path: String, line: Int, reason: String)
    case runOfOther(path: String, what: String, found: String, needed: String)
    case missing(path: String, reason: String)
    case inputOutput(path: String, reason: String)
    case output(ModelFileError)
    case decoder(DecoderError)
    /// Of the model that another one is compared with.
    case reference(DecoderError)

    public var description: String {
        switch self {
        case .emptyText: "the text has no tokens"
        case .textTooShort(let tokens, let needed): "the text has \(tokens) tokens, one window needs \(needed)"
        case .invalidOption(let name, let found, let needed): "\(name) is \(found), needed \(needed)"
        case .vocabularySizesDiffer(let candidate, let reference):
            "the candidate's vocabulary has \(candidate) tokens, the reference's \(reference)"
        case .tokenizersDiffer(let candidate, let reference):
            "the candidate's tokenizer (sha256 \(candidate.prefix(16))) is not the reference's "
                + "(\(reference.prefix(16))): their token ids cannot be compared"
        case .tokenOutOfRange(let found, let index, let size):
            "token \(index) has id \(found), outside the vocabulary of \(size)"
        case .baseFile(let path, let defect): "\(path): \(defect)"
        case .items(let path, let line, let reason): "\(path): line \(line): \(reason)"
        case .noItems(let path): "\(path): no items"
        case .unknownSuite(let name, let known):
            "suite \"\(name)\" is neither a .jsonl file nor one of \(known.joined(separator: ", "))"
        case .notEnoughShots(let path, let found, let needed):
            "\(path): \(found) examples, \(needed) shots are asked for"
        case .promptTooLong(let item, let tokens, let length):
            "item \(item): \(tokens) tokens, the context holds \(length)"
        case .promptsTooLong(let suite, let count, let first, let tokens, let length, let shots):
            "suite \(suite): \(count) of the prompts are longer than the context of \(length) tokens, the first one that "
                + "of item \(first) with \(tokens)"
                + (shots > 0 ? "; ask for fewer than \(shots) shots" : "; leave such items out of the file")
        case .emptyContext(let item):
            "item \(item): an empty prompt, and the tokenizer has no token for the beginning of a text"
        case .emptyContinuation(let item, let text):
            "item \(item): \"\(text)\" adds no token to its context, so it has no probability"
        case .run(let path, let line, let reason): "\(path): line \(line): \(reason)"
        case .runOfOther(let path, let what, let found, let needed):
            "\(path): a run with another \(what): \(found), needed \(needed)"
        case .missing(let path, let reason), .inputOutput(let path, let reason): "\(path): \(reason)"
        case .output(let error): error.description
        case .decoder(let error), .reference(let error): error.description
        }
    }
}

/// What is wrong with a file of base log-probabilities.
public enum BaseFileDefect: Error, Equatable, CustomStringConvertible {
    case notABaseFile
    case invalidCount(field: String, found: Int)
    case tooManyTokens(found: Int, limit: Int)
    case wrongLength(found: Int, needed: Int)
    case tokenOutOfRange(index: Int, id: Int32, vocabularySize: Int)
    case notFinite(row: Int)
    case notProbabilities(row: Int)

    public var description: String {
        switch self {
        case .notABaseFile: "no base file of llama-perplexity: it does not start with \"_logits_\""
        case .invalidCount(let field, let found): "\(field) cannot be \(found)"
        case .tooManyTokens(let found, let limit): "\(found) tokens in its windows, at most \(limit) are read"
        case .wrongLength(let found, let needed): "\(found) bytes, its header asks for \(needed)"
        case .tokenOutOfRange(let index, let id, let size):
            "token \(index) has id \(id), outside the vocabulary of \(size)"
        case .notFinite(let row): "row \(row) of the log-probabilities is not finite"
        case .notProbabilities(let row): "row \(row) of the log-probabilities has one above 0"
        }
    }
}
