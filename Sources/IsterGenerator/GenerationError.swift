/// Why a request cannot be run.
public enum GenerationError: Error, Equatable, CustomStringConvertible {
    case emptyPrompt
    case promptTooLong(tokens: Int, contextLength: Int)
    case tokenOutOfRange(id: Int32, index: Int, vocabularySize: Int)
    case settingOutOfRange(name: String, found: String, needed: String)

    public var description: String {
        switch self {
        case .emptyPrompt:
            "the prompt has no tokens; at least one is needed"
        case .promptTooLong(let tokens, let contextLength):
            "the prompt has \(tokens) tokens; the context holds \(contextLength)"
        case .tokenOutOfRange(let id, let index, let vocabularySize):
            "prompt token \(index) is \(id); the vocabulary has ids 0 to \(vocabularySize - 1)"
        case .settingOutOfRange(let name, let found, let needed):
            "\(name) is \(found); it must be \(needed)"
        }
    }
}
