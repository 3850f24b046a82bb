public import IsterTokenizer

/// One case per way in which a tokenizer's files can be wrong or beyond what Ister encodes exactly.
public enum TokenizerFileError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Sound, but its ids could not be reproduced: a kind of model, normalizer, pre-tokenizer, decoder or setting.
    case unsupported(file: String, what: String, found: String)
    case malformed(file: String, what: String, offset: Int)
    case json(file: String, JSONError)
    case wrongType(file: String, key: String, wanted: String, found: String)
    case missing(file: String, what: String)
    /// A byte-level vocabulary whose rule for cutting text into words is not named: nil, or the converter's word for
    /// "not known".
    case unnamedPreTokenizer(file: String, found: String?)
    case unknownToken(file: String, what: String, token: String)
    /// Two tokens claim one id, or one token two ids.
    case conflictingID(file: String, token: String, id: Int)
    /// Ids must be dense from 0.
    case missingID(file: String, id: Int, count: Int)
    case vocabulary(file: String, TokenizerError)

    public var description: String {
        switch self {
        case .unsupported(let file, let what, let found): "\(file): \(what) \(found) is not supported"
        case .malformed(let file, let what, let offset): "\(file): malformed \(what) (offset \(offset))"
        case .json(let file, let error): "\(file): \(error)"
        case .wrongType(let file, let key, let wanted, let found): "\(file): \(key): need \(wanted), found \(found)"
        case .missing(let file, let what): "\(file): no \(what)"
        case .unnamedPreTokenizer(let file, let found):
            "\(file): the pre-tokenizer (\(file).pre) is \(found.map(quoted) ?? "absent"), so the ids are not known; "
                + "quantize the model's Hugging Face folder, or a GGUF file that names it"
        case .unknownToken(let file, let what, let token): "\(file): \(what) \(token) is not in the vocabulary"
        case .conflictingID(let file, let token, let id): "\(file): token \(token) conflicts with id \(id)"
        case .missingID(let file, let id, let count): "\(file): no token has id \(id), but ids go up to \(count - 1)"
        case .vocabulary(let file, let error): "\(file): \(error)"
        }
    }
}
