/// Why a request cannot be run.
public enum GenerationError: Error, Equatable, CustomStringConvertible {
    case emptyPrompt
    case promptTooLong(tokens: Int, contextLength: Int)
    case tokenOutOfRange(id: Int32, index: Int, vocabularySize: Int)
    case settingOutOfRange(name: String, found: String, needed: String)
    /// retryAfter: seconds until a place is likely to be free.
    case queueFull(waiting: Int, retryAfter: Double)
    case clientLimit(client: String, count: Int, retryAfter: Double)
    case waitedTooLong(seconds: Double)
    /// The generator accepts no more requests.
    case stopping
    /// The model file changed or shrank while it was in use.
    case modelDamaged

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
        case .queueFull(let waiting, _): "\(waiting) requests are waiting already"
        case .clientLimit(let client, let count, _):
            "\(client.isEmpty ? "this client" : client) has \(count) requests running or waiting already"
        case .waitedTooLong(let seconds): "the request waited \(seconds) s and did not get its turn"
        case .stopping: "the server is stopping and accepts no more requests"
        case .modelDamaged: "the model file was changed while in use"
        }
    }
}
