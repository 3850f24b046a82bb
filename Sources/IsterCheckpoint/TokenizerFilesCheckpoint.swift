public import IsterTokenizer

extension Checkpoint {
    /// The tokenizer of the folder or GGUF file.
    public func vocabulary() throws(CheckpointError) -> Vocabulary {
        switch vocabularySource {
        case .sentencePiece(let model, let configuration):
            let folder = Self.folder(of: model)
            let bytes = try Self.bytes(model)
            let settings = try Self.json(configuration)
            let special = try Self.optionalJSON(folder + TokenizerFiles.specialTokensFile)
            let added = try Self.optionalJSON(folder + TokenizerFiles.addedTokensFile)
            do {
                return try TokenizerFiles.vocabulary(
                    sentencePieceModel: bytes, configuration: settings, specialTokensMap: special, addedTokens: added)
            } catch { throw .tokenizer(path: model, reason: error.description) }
        case .tokenizerJSON(let path, let configuration):
            let document = try Self.json(path)
            let settings = try Self.json(configuration)
            let special = try Self.optionalJSON(Self.folder(of: path) + TokenizerFiles.specialTokensFile)
            do {
                return try TokenizerFiles.vocabulary(
                    tokenizerJSON: document ?? .null, configuration: settings, specialTokensMap: special)
            } catch { throw .tokenizer(path: path, reason: error.description) }
        case .gguf(let vocabulary):
            do { return try TokenizerFiles.vocabulary(gguf: vocabulary) } catch {
                throw .tokenizer(path: path, reason: error.description)
            }
        case .missing(let folder):
            throw .notFound(path: folder, need: "tokenizer.json or tokenizer.model")
        }
    }

    /// Vocabularies of 2^18 pieces have files of about 35 MB.
    private static let sizeLimit = 256 << 20

    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }

    private static func bytes(_ path: String) throws(CheckpointError) -> [UInt8] {
        try CheckpointFile(path: path, need: "the tokenizer").contents(limit: sizeLimit)
    }

    private static func json(_ path: String?) throws(CheckpointError) -> JSONValue? {
        guard let path else { return nil }
        let bytes = try bytes(path)
        do { return try JSONValue.parse(bytes) } catch { throw .tokenizer(path: path, reason: error.description) }
    }

    private static func optionalJSON(_ path: String) throws(CheckpointError) -> JSONValue? {
        try pathKind(path).exists ? json(path) : nil
    }
}
