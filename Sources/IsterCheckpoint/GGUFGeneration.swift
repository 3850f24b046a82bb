import IsterTokenizer

/// Ids and sampling that a GGUF file suggests: `tokenizer.ggml.*_token_id`, and `general.sampling.*`, in which
/// converters keep generation_config.json.
enum GGUFGeneration {
    static let prefix = "general.sampling."

    private static let keys = GenerationDefaults.KeyNames(
        temperature: prefix + "temp", topK: prefix + "top_k", topP: prefix + "top_p", minP: prefix + "min_p",
        repetitionPenalty: prefix + "penalty_repeat")

    /// Keys of `general.sampling.` that are read.
    static let samplingKeys = [keys.temperature, keys.topK, keys.topP, keys.minP, keys.repetitionPenalty]

    static func read(
        _ metadata: GGUFMetadata, _ vocabulary: GGUFVocabulary?, vocabularySize: Int
    ) throws(CheckpointError) -> GenerationDefaults {
        let ids = 0..<vocabularySize
        func id(_ name: String) throws(CheckpointError) -> Int? {
            let key = GGUFVocabulary.prefix + name
            guard let id = try metadata.integer(key) else { return nil }
            if ids.contains(id) { return id }
            throw .settingOutOfRange(
                path: metadata.path, key: key, found: "\(id)", need: "0 to \(vocabularySize - 1)")
        }
        var defaults = GenerationDefaults()
        defaults.bosID = try id("bos_token_id")
        // Nothing is ever padded: an id without a token changes no text.
        let pad = try metadata.integer(GGUFVocabulary.prefix + "padding_token_id")
        defaults.padID = pad.flatMap { ids.contains($0) ? $0 : nil }
        // The end of a turn and of a message end a text as well.
        for name in ["eos_token_id", "eot_token_id", "eom_token_id"] {
            if let id = try id(name), !defaults.eosIDs.contains(id) { defaults.eosIDs.append(id) }
        }
        for id in endIDs(vocabulary) where ids.contains(id) && !defaults.eosIDs.contains(id) {
            defaults.eosIDs.append(id)
        }
        try readSampling(metadata, &defaults)
        return defaults
    }

    /// As in llama.cpp: tokens of these spellings end a text whatever the keys say, since many a fine-tune for chats
    /// names the end token of its base.
    private static let endSpellings = Set(
        ["<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|im_end|>", "<|endoftext|>"].map { Array($0.utf8) })

    /// Control and user-defined tokens that are spelled so, at most one a spelling.
    private static func endIDs(_ vocabulary: GGUFVocabulary?) -> [Int] {
        guard let vocabulary, let types = vocabulary.types else { return [] }
        let wanted = [Vocabulary.PieceType.control, .userDefined].map { Int($0.rawValue) }
        var waiting = endSpellings
        return zip(vocabulary.tokens, types).enumerated().compactMap { id, token in
            wanted.contains(token.1) && waiting.remove(token.0) != nil ? id : nil
        }
    }

    private static func readSampling(
        _ metadata: GGUFMetadata, _ defaults: inout GenerationDefaults
    ) throws(CheckpointError) {
        defaults.temperature = try number(keys.temperature, metadata)
        defaults.topK = try metadata.integer(keys.topK)
        defaults.topP = try number(keys.topP, metadata)
        defaults.minP = try number(keys.minP, metadata)
        defaults.repetitionPenalty = try number(keys.repetitionPenalty, metadata)
        try defaults.validateSampling(path: metadata.path, keys: keys)
    }

    /// The decimal that the converter rounded to f32: 0.6, not 0.6000000238418579.
    private static func number(_ key: String, _ metadata: GGUFMetadata) throws(CheckpointError) -> Double? {
        guard let number = try metadata.number(key) else { return nil }
        guard case .float(_, .float32)? = metadata.values[key] else { return number }
        return Double(Float(number).description) ?? number
    }
}
