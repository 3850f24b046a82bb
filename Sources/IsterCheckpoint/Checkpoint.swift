/// A checkpoint that was proved sound: its configuration is supported, every tensor that it needs is there with the
/// right shape, and nothing lies outside the files. Weights are read on demand and are checked then.
public struct Checkpoint: Sendable {
    /// The folder or GGUF file, as opened.
    public let path: String
    public let configuration: ModelConfiguration
    public let generation: GenerationDefaults
    /// Every tensor that the configuration needs, in the order of a forward pass.
    public let tensors: [TensorDescription]
    /// The default Jinja template, as UTF-8.
    public let chatTemplate: String?
    /// Chat templates beside the default, as "file: name": they are not kept, which is worth a warning.
    public let unusedTemplates: [String]
    /// Settings that were understood neither as harmless nor as supported, as "file: key"; worth a warning.
    public let unknownKeys: [String]
    /// Every file that was used.
    let sources: [CheckpointFile]
    /// Those that hold tensors.
    let files: [CheckpointFile]
    let vocabularySource: VocabularySource

    enum VocabularySource: Sendable {
        /// Files of a Hugging Face folder.
        case sentencePiece(model: CheckpointFile, TokenizerSettings)
        case tokenizerJSON(json: CheckpointFile, TokenizerSettings)
        case gguf(GGUFVocabulary)
        /// A folder without a tokenizer; known only when someone asks for one.
        case missing(folder: String)
    }

    /// What may stand beside a tokenizer's own file.
    struct TokenizerSettings: Sendable {
        var configuration: CheckpointFile?
        var specialTokens: CheckpointFile?
        var addedTokens: CheckpointFile?
    }

    /// Opens a Hugging Face folder or a `.gguf` file.
    public static func open(path: String) throws(CheckpointError) -> Checkpoint {
        let (exists, isFolder) = try pathKind(path)
        guard exists else { throw .notFound(path: path, need: "a Hugging Face folder or a GGUF file") }
        return isFolder ? try openFolder(path) : try openGGUF(path)
    }

    /// Values in `tensors`.
    public var parameterCount: Int { tensors.reduce(0) { $0 + $1.rows * $1.columns } }

    public func tensor(named name: String) -> TensorDescription? { tensors.first { $0.name == name } }
}

/// Sorts a container's tensors into those that the configuration needs, and refuses the rest.
struct TensorMatcher {
    struct Found {
        let description: TensorDescription
        /// Set when the values cannot be read.
        let unsupportedType: String?
        let path: String
    }

    /// By Hugging Face name.
    let found: [String: Found]
    /// Names that no architecture has in this container.
    var unknownNames: [String] = []

    func match(
        _ configuration: ModelConfiguration, supportedTypes: [String]
    ) throws(CheckpointError) -> [TensorDescription] {
        var unused = found
        var tensors: [TensorDescription] = []
        for (name, shape) in TensorNames.needed(by: configuration) {
            guard let candidate = unused.removeValue(forKey: name) else { throw .missingTensor(tensor: name) }
            if candidate.description.shape != shape {
                throw .wrongTensorShape(tensor: name, found: candidate.description.shape, need: shape)
            }
            if let type = candidate.unsupportedType {
                throw .unsupportedTensorType(
                    path: candidate.path, tensor: name, found: type, supported: supportedTypes)
            }
            tensors.append(candidate.description)
        }
        // A tied checkpoint may store its head again; the folder reader compares the two.
        if configuration.tiedHead { unused[TensorNames.head] = nil }
        let unexpected = (unused.keys.filter { !TensorNames.isDerived($0) } + unknownNames).sorted()
        if !unexpected.isEmpty { throw .unexpectedTensors(names: unexpected) }
        return tensors
    }
}
