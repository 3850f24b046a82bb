extension Checkpoint {
    static func openFolder(_ folder: String) throws(CheckpointError) -> Checkpoint {
        let adapter = folder + "/adapter_config.json"
        if try pathKind(adapter).exists { throw .adapter(path: adapter) }
        let configPath = folder + "/config.json"
        let configFile = try CheckpointFile(path: configPath, need: "config.json of a Hugging Face folder")
        let configObject = try readJSONObject(configFile)
        let config = try HuggingFaceConfig(path: configPath, object: configObject)
        let generation = try HuggingFaceGeneration(
            folder: folder, configPath: configPath, config: configObject,
            vocabularySize: config.configuration.vocabularySize)
        let shards = try SafetensorsShards(folder: folder)
        let matcher = TensorMatcher(found: descriptions(shards))
        let supported = safetensorsTypes.map(\.rawValue)
        let tensors = try matcher.match(config.configuration, supportedTypes: supported)
        let files = shards.files.map(\.file)
        if config.configuration.tiedHead { try checkTiedHead(matcher, files, configPath: configPath) }

        let tokenizer = try HuggingFaceTokenizerFiles(folder: folder)
        let sources = [configFile, generation.file].compactMap { $0 } + tokenizer.files
        return Checkpoint(
            path: folder, configuration: config.configuration, generation: generation.defaults, tensors: tensors,
            chatTemplate: tokenizer.chatTemplate, unusedTemplates: tokenizer.unusedTemplates,
            unknownKeys: config.unknownKeys.map { "config.json: \($0)" }
                + generation.unknownKeys.map { "generation_config.json: \($0)" },
            sources: sources + [shards.index].compactMap { $0 } + files, files: files,
            vocabularySource: tokenizer.vocabularySource)
    }

    private static let safetensorsTypes: [WeightType] = [.f32, .f16, .bf16]

    private static func descriptions(_ shards: SafetensorsShards) -> [String: TensorMatcher.Found] {
        var found: [String: TensorMatcher.Found] = [:]
        for (index, shard) in shards.files.enumerated() {
            for entry in shard.entries {
                let type = safetensorsTypes.first { $0.rawValue == entry.type }
                let description = TensorDescription(
                    name: entry.name, shape: entry.shape, type: type ?? .f32, byteCount: entry.byteCount, file: index,
                    offset: entry.offset, rowOrder: .asNamed)
                found[entry.name] = TensorMatcher.Found(
                    description: description, unsupportedType: type == nil ? entry.type : nil, path: shard.file.path)
            }
        }
        return found
    }

    /// Some exports store a tied head again. Equal bytes are harmless; other bytes mean that the tie is wrong.
    private static func checkTiedHead(
        _ matcher: TensorMatcher, _ files: [CheckpointFile], configPath: String
    ) throws(CheckpointError) {
        guard let head = matcher.found[TensorNames.head],
            let embedding = matcher.found[TensorNames.embedding]?.description
        else { return }
        guard head.unsupportedType == nil, head.description.type == embedding.type,
            head.description.shape == embedding.shape
        else { throw .untiedHead(path: configPath) }
        var done = 0
        while done < embedding.byteCount {
            let count = min(1 << 20, embedding.byteCount - done)
            let left = try files[head.description.file].bytes(at: head.description.offset + done, count: count)
            let right = try files[embedding.file].bytes(at: embedding.offset + done, count: count)
            if left != right { throw .untiedHead(path: configPath) }
            done += count
        }
    }
}
