/// One case for each way in which a checkpoint can be wrong. `path` is the file as the caller spelled its folder.
public enum CheckpointError: Error, Equatable, Sendable {
    // Files
    case notFound(path: String, need: String)
    case cannotOpen(path: String, reason: String)
    case notRegularFile(path: String)
    case readFailed(path: String, offset: Int, reason: String)
    case fileTooLarge(path: String, bytes: Int, limit: Int)
    /// Written to since it was opened.
    case changed(path: String)
    /// Weights that belong to the model's, in files of their own.
    case adapter(path: String)
    case json(path: String, JSONError)

    // Configuration
    case unsupportedArchitecture(path: String, found: String, supported: [String])
    case unsupportedSetting(path: String, key: String, found: String, supported: String)
    case settingOutOfRange(path: String, key: String, found: String, need: String)

    // Containers
    case malformed(path: String, what: String, found: String, need: String)
    case truncated(path: String, what: String, needBytes: Int, foundBytes: Int)
    case missingKey(path: String, key: String)
    case wrongValueType(path: String, key: String, need: String, found: String)
    case shardNameNotPlain(path: String, name: String)
    case tensorNotInShard(path: String, tensor: String)

    // Tensors
    case duplicateTensor(tensor: String, path: String, secondPath: String)
    case badTensorExtent(path: String, tensor: String, found: String, need: String)
    case missingTensor(tensor: String)
    case unexpectedTensors(names: [String])
    case wrongTensorShape(tensor: String, found: [Int], need: [Int])
    case unsupportedTensorType(path: String, tensor: String, found: String, supported: [String])
    case notFinite(tensor: String, row: Int, column: Int, found: String)
    case untiedHead(path: String)

    // Tokenizer
    case tokenizer(path: String, reason: String)

    /// What the caller can do about it, for exit codes.
    public enum Kind: Sendable {
        /// There is no file that could be read: absent, not allowed, or a pipe or folder.
        case notFound
        case inputOutput, badData
    }

    public var kind: Kind {
        switch self {
        case .notFound, .cannotOpen, .notRegularFile: .notFound
        case .readFailed, .changed: .inputOutput
        default: .badData
        }
    }
}

extension CheckpointError: CustomStringConvertible {
    /// One line: file, thing, what was found, what was needed.
    public var description: String {
        switch self {
        case .notFound(let path, let need): "\(path): not found; need \(need)"
        case .cannotOpen(let path, let reason): "\(path): cannot open: \(reason)"
        case .notRegularFile(let path): "\(path): not a regular file"
        case .readFailed(let path, let offset, let reason): "\(path): cannot read at byte \(offset): \(reason)"
        case .fileTooLarge(let path, let bytes, let limit): "\(path): \(bytes) bytes; at most \(limit) are read"
        case .changed(let path): "\(path): changed while it was read"
        case .adapter(let path):
            "\(path): an adapter stands beside the model and would be left out; merge it into the weights, or move it "
                + "away"
        case .json(let path, let error): "\(path): \(error)"
        case .unsupportedArchitecture(let path, let found, let supported):
            "\(path): architecture \(quoted(found)) is not supported; supported: \(supported.joined(separator: ", "))"
        case .unsupportedSetting(let path, let key, let found, let supported):
            "\(path): \(quoted(key)) is \(found), which is not supported; supported: \(supported)"
        case .settingOutOfRange(let path, let key, let found, let need):
            "\(path): \(quoted(key)) is \(found); need \(need)"
        case .malformed(let path, let what, let found, let need): "\(path): \(what) is \(found); need \(need)"
        case .truncated(let path, let what, let need, let found):
            "\(path): truncated: \(what) needs \(need) bytes, \(found) are left"
        case .missingKey(let path, let key): "\(path): key \(quoted(key)) is missing"
        case .wrongValueType(let path, let key, let need, let found):
            "\(path): key \(quoted(key)): need \(need), found \(found)"
        case .shardNameNotPlain(let path, let name):
            "\(path): shard name \(quoted(name)) is not a plain file name inside the folder"
        case .tensorNotInShard(let path, let tensor):
            "\(path): the index lists tensor \(quoted(tensor)) here, but it is absent"
        default: tensorDescription
        }
    }

    private var tensorDescription: String {
        switch self {
        case .duplicateTensor(let tensor, let path, let second):
            path == second
                ? "\(path): tensor \(quoted(tensor)) appears twice"
                : "tensor \(quoted(tensor)) is in \(path) and in \(second)"
        case .badTensorExtent(let path, let tensor, let found, let need):
            "\(path): tensor \(quoted(tensor)): \(found); need \(need)"
        case .missingTensor(let tensor): "tensor \(quoted(tensor)) is missing"
        case .unexpectedTensors(let names):
            "\(names.count) tensors that the architecture does not use: "
                + names.prefix(4).map(quoted).joined(separator: ", ") + (names.count > 4 ? ", …" : "")
        case .wrongTensorShape(let tensor, let found, let need):
            "tensor \(quoted(tensor)) has shape \(found); the configuration needs \(need)"
        case .unsupportedTensorType(let path, let tensor, let found, let supported):
            "\(path): tensor \(quoted(tensor)) has type \(found); supported: \(supported.joined(separator: ", "))"
        case .notFinite(let tensor, let row, let column, let found):
            "tensor \(quoted(tensor)) holds \(found) at row \(row), column \(column)"
        case .untiedHead(let path):
            "\(path): tie_word_embeddings is true, but lm_head.weight differs from model.embed_tokens.weight"
        case .tokenizer(let path, let reason): "\(path): \(reason)"
        default: ""
        }
    }
}
