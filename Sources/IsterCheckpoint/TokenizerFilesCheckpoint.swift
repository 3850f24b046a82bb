public import IsterTokenizer

extension Checkpoint {
    /// The tokenizer of the folder or GGUF file.
    public func vocabulary() throws(CheckpointError) -> Vocabulary {
        switch vocabularySource {
        case .sentencePiece(let model, let settings):
            let bytes = try model.contents(limit: Self.sizeLimit)
            let configuration = try Self.json(settings.configuration)
            let special = try Self.json(settings.specialTokens)
            let added = try Self.json(settings.addedTokens)
            do {
                return try TokenizerFiles.vocabulary(
                    sentencePieceModel: bytes, configuration: configuration, specialTokensMap: special,
                    addedTokens: added)
            } catch { throw .tokenizer(path: model.path, reason: error.description) }
        case .tokenizerJSON(let json, let settings):
            let document = try Self.json(json)
            let configuration = try Self.json(settings.configuration)
            let special = try Self.json(settings.specialTokens)
            do {
                return try TokenizerFiles.vocabulary(
                    tokenizerJSON: document ?? .null, configuration: configuration, specialTokensMap: special)
            } catch { throw .tokenizer(path: json.path, reason: error.description) }
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

    private static func json(_ file: CheckpointFile?) throws(CheckpointError) -> JSONValue? {
        guard let file else { return nil }
        let bytes = try file.contents(limit: sizeLimit)
        do { return try JSONValue.parse(bytes) } catch { throw .tokenizer(path: file.path, reason: error.description) }
    }
}
