/// `llama.*` metadata as a configuration. Mistral models are spelled as llama in GGUF.
struct GGUFConfiguration {
    let configuration: ModelConfiguration
    /// Keys of the architecture, the tokenizer and sampling that were neither read nor refused.
    let unknownKeys: [String]

    init(_ gguf: GGUFFile) throws(CheckpointError) {
        let metadata = gguf.metadata
        try Self.checkArchitecture(metadata)
        try Self.refuseUnsupported(metadata)
        configuration = try Self.configuration(gguf)
        try configuration.validate(path: metadata.path, keys: Self.keys)
        try Self.checkRotaryWidth(metadata, headWidth: configuration.headWidth)
        let known = Set(Self.readKeys + Self.unsupportedUnlessNeutral.map(\.key)).union(GGUFRotary.keys)
            .union(GGUFVocabulary.knownKeys).union(GGUFGeneration.samplingKeys)
        let prefixes = ["llama.", GGUFVocabulary.prefix, GGUFGeneration.prefix]
        unknownKeys = metadata.keys.filter { key in
            prefixes.contains { key.hasPrefix($0) } && !known.contains(key)
        }
    }

    private static func checkArchitecture(_ metadata: GGUFMetadata) throws(CheckpointError) {
        let architecture = try metadata.required("general.architecture", metadata.text)
        if architecture != "llama" {
            throw .unsupportedArchitecture(path: metadata.path, found: architecture, supported: ["llama"])
        }
        if let splits = try metadata.integer("split.count"), splits > 1 {
            throw .unsupportedSetting(
                path: metadata.path, key: "split.count", found: "\(splits)", supported: "one file")
        }
    }

    private static func configuration(_ gguf: GGUFFile) throws(CheckpointError) -> ModelConfiguration {
        let metadata = gguf.metadata
        func integer(_ key: String) throws(CheckpointError) -> Int { try metadata.required(key, metadata.integer) }
        let names = Set(gguf.entries.map(\.name))
        let hiddenWidth = try integer(keys.hiddenWidth)
        let headCount = try integer(keys.headCount)
        let layerCount = try integer(keys.layerCount)
        let contextLength = try integer(keys.contextLength)
        let tokenCount = try metadata.strings("tokenizer.ggml.tokens")?.count
        guard let vocabularySize = try metadata.integer(keys.vocabularySize) ?? tokenCount else {
            throw .missingKey(path: metadata.path, key: keys.vocabularySize)
        }
        // Zero and absent both mean no window.
        let window = try metadata.integer(keys.slidingWindow).flatMap { $0 == 0 ? nil : $0 }
        let headWidth = try headWidth(metadata, hiddenWidth: hiddenWidth, headCount: headCount)
        if !(1...1 << 12).contains(layerCount) {
            throw .settingOutOfRange(
                path: metadata.path, key: keys.layerCount, found: "\(layerCount)", need: "1 to \(1 << 12)")
        }
        return ModelConfiguration(
            architecture: .llama, vocabularySize: vocabularySize, hiddenWidth: hiddenWidth,
            feedForwardWidth: try integer(keys.feedForwardWidth), layerCount: layerCount, headCount: headCount,
            keyValueHeadCount: try metadata.integer(keys.keyValueHeadCount) ?? headCount, headWidth: headWidth,
            contextLength: contextLength,
            normEpsilon: Float(try metadata.required(keys.normEpsilon, metadata.number)), activation: .silu,
            tiedHead: !names.contains("output.weight"),
            // The tensors say which biases there are; a layer that differs is missed or left over later.
            queryKeyValueBias: names.contains("blk.0.attn_q.bias"),
            attentionOutputBias: names.contains("blk.0.attn_output.bias"),
            feedForwardBias: names.contains("blk.0.ffn_gate.bias"), slidingWindow: window,
            windows: Array(repeating: window, count: layerCount),
            rotary: try GGUFRotary.read(gguf, headWidth: headWidth, contextLength: contextLength))
    }

    private static func headWidth(
        _ metadata: GGUFMetadata, hiddenWidth: Int, headCount: Int
    ) throws(CheckpointError) -> Int {
        let keyLength = try metadata.integer(keys.headWidth)
        let valueLength = try metadata.integer("llama.attention.value_length")
        if keyLength != nil || valueLength != nil, keyLength != valueLength {
            func text(_ length: Int?) -> String { length.map { "\($0)" } ?? "absent" }
            throw .unsupportedSetting(
                path: metadata.path, key: "llama.attention.value_length", found: text(valueLength),
                supported: "the key length, \(text(keyLength))")
        }
        if let keyLength { return keyLength }
        guard headCount > 0, hiddenWidth % headCount == 0 else {
            throw .settingOutOfRange(
                path: metadata.path, key: keys.headCount, found: "\(headCount)",
                need: "a divisor of \(keys.hiddenWidth) \(hiddenWidth)")
        }
        return hiddenWidth / headCount
    }

    private static func checkRotaryWidth(_ metadata: GGUFMetadata, headWidth: Int) throws(CheckpointError) {
        let key = "llama.rope.dimension_count"
        guard let width = try metadata.integer(key), width != headWidth else { return }
        throw .unsupportedSetting(
            path: metadata.path, key: key, found: "\(width)", supported: "the head width, \(headWidth)")
    }
}

extension GGUFConfiguration {
    private static func refuseUnsupported(_ metadata: GGUFMetadata) throws(CheckpointError) {
        for (key, neutral) in unsupportedUnlessNeutral {
            guard let value = metadata.values[key] else { continue }
            let number: Double
            switch value {
            case .integer(let integer, _): number = Double(integer)
            case .float(let float, _): number = float
            case .bool(let bool): number = bool ? 1 : 0
            default:
                throw .wrongValueType(path: metadata.path, key: key, need: "a number", found: value.kind)
            }
            if number != neutral {
                throw .unsupportedSetting(path: metadata.path, key: key, found: "\(number)", supported: "\(neutral)")
            }
        }
    }

    /// Settings that change results; the value at which they do not.
    private static let unsupportedUnlessNeutral: [(key: String, neutral: Double)] = [
        ("llama.expert_count", 0), ("llama.expert_used_count", 0), ("llama.use_parallel_residual", 0),
        ("llama.logit_scale", 1), ("llama.residual_scale", 1), ("llama.embedding_scale", 1),
        ("llama.attn_logit_softcapping", 0), ("llama.final_logit_softcapping", 0),
        ("llama.attention.max_alibi_bias", 0), ("llama.attention.clamp_kqv", 0), ("llama.attention.causal", 1),
        ("llama.attention.scale", 0), ("llama.attention.temperature_scale", 0),
    ]

    private static let keys = ModelConfiguration.KeyNames(
        vocabularySize: "llama.vocab_size", hiddenWidth: "llama.embedding_length",
        feedForwardWidth: "llama.feed_forward_length", layerCount: "llama.block_count",
        headCount: "llama.attention.head_count", keyValueHeadCount: "llama.attention.head_count_kv",
        headWidth: "llama.attention.key_length", contextLength: "llama.context_length",
        slidingWindow: "llama.attention.sliding_window", normEpsilon: "llama.attention.layer_norm_rms_epsilon",
        theta: "llama.rope.freq_base")

    private static let readKeys = [
        keys.vocabularySize, keys.hiddenWidth, keys.feedForwardWidth, keys.layerCount, keys.headCount,
        keys.keyValueHeadCount, keys.headWidth, keys.contextLength, keys.slidingWindow, keys.normEpsilon, keys.theta,
        "llama.attention.value_length", "llama.rope.dimension_count",
    ]
}
