extension Checkpoint {
    static func openGGUF(_ path: String) throws(CheckpointError) -> Checkpoint {
        let gguf = try GGUFFile(CheckpointFile(path: path, need: "a GGUF file"))
        let config = try GGUFConfiguration(gguf)
        let configuration = config.configuration
        let supported = WeightType.allCases.map(\.rawValue)
        let matcher = matcher(gguf, headWidth: configuration.headWidth)
        let vocabulary = try GGUFVocabulary(gguf.metadata)
        return Checkpoint(
            path: path, configuration: configuration,
            generation: try GGUFGeneration.read(
                gguf.metadata, vocabulary, vocabularySize: configuration.vocabularySize),
            tensors: try matcher.match(configuration, supportedTypes: supported),
            chatTemplate: try chatTemplate(gguf.metadata), unusedTemplates: unusedTemplates(gguf.metadata),
            unknownKeys: config.unknownKeys, sources: [gguf.file], files: [gguf.file],
            vocabularySource: vocabulary.map { .gguf($0) } ?? .missing(folder: path))
    }

    private static func matcher(_ gguf: GGUFFile, headWidth: Int) -> TensorMatcher {
        var found: [String: TensorMatcher.Found] = [:]
        var unknownNames: [String] = []
        for entry in gguf.entries where entry.name != GGUFRotary.factorTensor {
            guard let name = GGUFTensorNames.huggingFaceName(entry.name) else {
                unknownNames.append(entry.name)
                continue
            }
            let isInterleaved = GGUFTensorNames.hasInterleavedRows(name)
            let description = TensorDescription(
                name: name, shape: entry.shape, type: entry.weightType ?? .f32, byteCount: entry.byteCount, file: 0,
                offset: entry.offset, rowOrder: isInterleaved ? .pairsInterleaved(headWidth: headWidth) : .asNamed)
            found[name] = TensorMatcher.Found(
                description: description,
                unsupportedType: entry.weightType == nil ? GGUFFile.typeName(entry.type) : nil, path: gguf.file.path)
        }
        return TensorMatcher(found: found, unknownNames: unknownNames)
    }

    private static func chatTemplate(_ metadata: GGUFMetadata) throws(CheckpointError) -> String? {
        let key = "tokenizer.chat_template"
        let limit = 256 << 10
        guard let bytes = try metadata.bytes(key) else { return nil }
        if bytes.count > limit {
            throw .malformed(path: metadata.path, what: key, found: "\(bytes.count) bytes", need: "at most \(limit)")
        }
        return try metadata.text(key)
    }

    /// Templates for tools and the like have keys of their own.
    private static func unusedTemplates(_ metadata: GGUFMetadata) -> [String] {
        metadata.keys.filter { $0.hasPrefix("tokenizer.chat_template.") }.map(quoted)
    }
}

extension GGUFVocabulary {
    /// nil when the file has no tokenizer.
    init?(_ metadata: GGUFMetadata) throws(CheckpointError) {
        func key(_ name: String) -> String { Self.prefix + name }
        guard let model = try metadata.text(key("model")) else { return nil }
        self.model = model
        preTokenizer = try metadata.text(key("pre"))
        let tokens = try metadata.required(key("tokens"), metadata.strings)
        self.tokens = tokens
        scores = try metadata.floats(key("scores"))
        types = try metadata.integers(key("token_type"))
        merges = try metadata.strings(key("merges"))
        bosID = try metadata.integer(key("bos_token_id"))
        eosID = try metadata.integer(key("eos_token_id"))
        unknownID = try metadata.integer(key("unknown_token_id"))
        paddingID = try metadata.integer(key("padding_token_id"))
        addsBOS = try metadata.bool(key("add_bos_token"))
        addsEOS = try metadata.bool(key("add_eos_token"))
        addsSpacePrefix = try metadata.bool(key("add_space_prefix"))
        removesExtraSpaces = try metadata.bool(key("remove_extra_whitespaces"))
        for (name, count) in [("scores", scores?.count), ("token_type", types?.count)] {
            guard let count, count != tokens.count else { continue }
            throw .malformed(
                path: metadata.path, what: key(name), found: "\(count) values", need: "\(tokens.count), one a token")
        }
    }
}
