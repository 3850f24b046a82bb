/// `generation_config.json`, with the ids of `config.json` where it is silent.
struct HuggingFaceGeneration {
    private(set) var defaults = GenerationDefaults()
    private(set) var unknownKeys: [String] = []
    /// nil when there is none.
    private(set) var file: CheckpointFile?
    private let vocabularySize: Int

    init(
        folder: String, configPath: String, config: JSONObject, vocabularySize: Int
    ) throws(CheckpointError) {
        self.vocabularySize = vocabularySize
        var fallback = SettingsReader(path: configPath, object: config)
        let path = folder + "/generation_config.json"
        if try pathKind(path).exists {
            let file = try CheckpointFile(path: path, need: "generation defaults")
            self.file = file
            var reader = SettingsReader(path: path, object: try readJSONObject(file))
            try readSampling(&reader)
            try readIDs(&reader)
            reader.ignore(Self.harmlessKeys)
            unknownKeys = reader.unknownKeys.filter { reader.object[$0] != .null }
        }
        // LlamaConfig and MistralConfig: absent keys mean 1 and 2.
        let suggested = defaults
        try readIDs(&fallback)
        if !fallback.has("bos_token_id") { defaults.bosID = 1 }
        if !fallback.has("eos_token_id") { defaults.eosIDs = [2] }
        if !suggested.eosIDs.isEmpty { defaults.eosIDs = suggested.eosIDs }
        defaults.bosID = suggested.bosID ?? defaults.bosID
        defaults.padID = suggested.padID ?? defaults.padID
    }

    private mutating func readIDs(_ reader: inout SettingsReader) throws(CheckpointError) {
        defaults.bosID = try checkedID("bos_token_id", try reader.integer("bos_token_id"), reader.path)
        // Nothing is ever padded: an id without a token, such as -1 for "none", changes no text.
        let pad = try reader.integer("pad_token_id")
        defaults.padID = pad.flatMap { (0..<vocabularySize).contains($0) ? $0 : nil }
        guard case .array? = reader.object["eos_token_id"] else {
            let id = try checkedID("eos_token_id", try reader.integer("eos_token_id"), reader.path)
            defaults.eosIDs = id.map { [$0] } ?? []
            return
        }
        defaults.eosIDs = []
        for value in try reader.array("eos_token_id") ?? [] {
            guard case .integer(let id) = value else {
                throw .wrongValueType(
                    path: reader.path, key: "eos_token_id", need: "integers", found: value.kind)
            }
            _ = try checkedID("eos_token_id", id, reader.path)
            if !defaults.eosIDs.contains(id) { defaults.eosIDs.append(id) }
        }
    }

    private func checkedID(_ key: String, _ id: Int?, _ path: String) throws(CheckpointError) -> Int? {
        guard let id, !(0..<vocabularySize).contains(id) else { return id }
        throw .settingOutOfRange(path: path, key: key, found: "\(id)", need: "0 to \(vocabularySize - 1)")
    }

    private mutating func readSampling(_ reader: inout SettingsReader) throws(CheckpointError) {
        defaults.doSample = try reader.bool("do_sample")
        defaults.temperature = try reader.number("temperature")
        defaults.topP = try reader.number("top_p")
        defaults.minP = try reader.number("min_p")
        defaults.repetitionPenalty = try reader.number("repetition_penalty")
        defaults.topK = try reader.integer("top_k")
        defaults.maxNewTokens = try reader.integer("max_new_tokens")
        try defaults.validateSampling(path: reader.path, keys: GenerationDefaults.KeyNames())
    }

    /// Keys that change no text, or that the command line decides.
    private static let harmlessKeys = [
        "_from_model_config", "cache_implementation", "max_length", "output_attentions", "output_hidden_states",
        "output_scores", "return_dict_in_generate", "transformers_version", "trust_remote_code", "use_cache",
    ]
}
