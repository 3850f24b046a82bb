/// `config.json` of a Hugging Face folder. Every key is required or has a default, taken from transformers 5.23
/// (`LlamaConfig`, `MistralConfig`); absent and null differ where they differ there.
struct HuggingFaceConfig {
    let configuration: ModelConfiguration
    /// Keys that neither change results here nor are known to be harmless.
    let unknownKeys: [String]

    init(path: String, object: JSONObject) throws(CheckpointError) {
        var reader = SettingsReader(path: path, object: object)
        let architecture = try Self.architecture(&reader)
        try Self.refuseUnsupported(&reader, architecture)
        configuration = try Self.configuration(&reader, architecture)
        try configuration.validate(path: path, keys: Self.keys)
        reader.ignore(Self.harmlessKeys)
        unknownKeys = reader.unknownKeys
    }

    private static func architecture(
        _ reader: inout SettingsReader
    ) throws(CheckpointError) -> ModelConfiguration.Architecture {
        let supported = ModelConfiguration.Architecture.allCases.map(\.rawValue)
        guard let names = try reader.array("architectures"), names.count == 1, case .string(let bytes) = names[0] else {
            let found = reader.object["architectures"]?.shortText ?? "absent"
            throw .unsupportedSetting(
                path: reader.path, key: "architectures", found: found,
                supported: "one of \(supported.joined(separator: ", "))")
        }
        let name = String(decoding: bytes, as: UTF8.self)
        guard let architecture = ModelConfiguration.Architecture(rawValue: name) else {
            throw .unsupportedArchitecture(path: reader.path, found: name, supported: supported)
        }
        return architecture
    }

    private static func configuration(
        _ reader: inout SettingsReader, _ architecture: ModelConfiguration.Architecture
    ) throws(CheckpointError) -> ModelConfiguration {
        let isMistral = architecture == .mistral
        let hiddenWidth = try reader.integer("hidden_size") ?? 4096
        let headCount = try reader.integer("num_attention_heads") ?? 32
        let contextLength = try reader.integer("max_position_embeddings") ?? (isMistral ? 131_072 : 2048)
        let layerCount = try reader.integer("num_hidden_layers") ?? 32
        // MistralConfig: an absent key means 8, null means one for each head.
        let keyValueDefault = isMistral && !reader.has("num_key_value_heads") ? 8 : headCount
        let attentionBias = isMistral ? false : try reader.bool("attention_bias") ?? false
        let window = try slidingWindow(&reader, architecture)
        if !(1...1 << 12).contains(layerCount) {
            throw .settingOutOfRange(
                path: reader.path, key: "num_hidden_layers", found: "\(layerCount)", need: "1 to \(1 << 12)")
        }
        return ModelConfiguration(
            architecture: architecture,
            vocabularySize: try reader.integer("vocab_size") ?? 32000,
            hiddenWidth: hiddenWidth,
            feedForwardWidth: try reader.integer("intermediate_size") ?? (isMistral ? 14336 : 11008),
            layerCount: layerCount,
            headCount: headCount,
            keyValueHeadCount: try reader.integer("num_key_value_heads") ?? keyValueDefault,
            headWidth: try headWidth(&reader, hiddenWidth: hiddenWidth, headCount: headCount),
            contextLength: contextLength,
            normEpsilon: Float(try reader.number("rms_norm_eps") ?? 1e-6),
            activation: .silu,
            tiedHead: try reader.bool("tie_word_embeddings") ?? false,
            queryKeyValueBias: attentionBias,
            attentionOutputBias: attentionBias,
            feedForwardBias: isMistral ? false : try reader.bool("mlp_bias") ?? false,
            slidingWindow: window,
            windows: try layerWindows(&reader, layerCount: layerCount, window: window),
            rotary: try HuggingFaceRotary.read(&reader, contextLength: contextLength))
    }

    private static func headWidth(
        _ reader: inout SettingsReader, hiddenWidth: Int, headCount: Int
    ) throws(CheckpointError) -> Int {
        if let width = try reader.integer("head_dim") { return width }
        guard headCount > 0, hiddenWidth % headCount == 0 else {
            throw .settingOutOfRange(
                path: reader.path, key: "num_attention_heads", found: "\(headCount)",
                need: "a divisor of hidden_size \(hiddenWidth) when head_dim is absent")
        }
        return hiddenWidth / headCount
    }

    /// Only MistralForCausalLM has a window: 4096 when the key is absent, none when it is null.
    private static func slidingWindow(
        _ reader: inout SettingsReader, _ architecture: ModelConfiguration.Architecture
    ) throws(CheckpointError) -> Int? {
        guard architecture == .mistral else { return nil }
        return reader.has("sliding_window") ? try reader.integer("sliding_window") : 4096
    }

    private static func layerWindows(
        _ reader: inout SettingsReader, layerCount: Int, window: Int?
    ) throws(CheckpointError) -> [Int?] {
        // Neither family reads layer_types; a list that says otherwise belongs to another family's code.
        let expected = window == nil ? "full_attention" : "sliding_attention"
        if let types = try reader.array("layer_types") {
            let wanted = JSONValue.string(Array(expected.utf8))
            guard types.count == layerCount, types.allSatisfy({ $0 == wanted }) else {
                throw .unsupportedSetting(
                    path: reader.path, key: "layer_types", found: "an array of \(types.count), not all \(expected)",
                    supported: "\(layerCount) times \(expected)")
            }
        }
        return Array(repeating: window, count: layerCount)
    }
}

extension HuggingFaceConfig {
    /// Settings that change results and are supported in one value only.
    private static func refuseUnsupported(
        _ reader: inout SettingsReader, _ architecture: ModelConfiguration.Architecture
    ) throws(CheckpointError) {
        func text(_ text: String) -> JSONValue { .string(Array(text.utf8)) }
        let one: [JSONValue] = [.integer(1), .number(1)]
        // transformers takes the model's class from it, whatever `architectures` says.
        let type = architecture.modelType
        try reader.require("model_type", isNeutral: [text(type)], supported: "\(type) for \(architecture.rawValue)")
        let none = JSONValue.object(JSONObject())
        try reader.require("auto_map", isNeutral: [none], supported: "null: a folder's own code is not run")
        try reader.require("hidden_act", isNeutral: [text("silu"), text("swish")], supported: "silu")
        for key in ["partial_rotary_factor", "embedding_multiplier", "residual_multiplier", "logits_scaling"] {
            try reader.require(key, isNeutral: one, supported: "1")
        }
        for key in [
            "quantization_config", "attn_logit_softcapping", "final_logit_softcapping", "attention_multiplier",
            "attention_chunk_size", "no_rope_layers", "no_rope_layer_interval", "query_pre_attn_scalar",
            "num_local_experts", "num_experts", "num_experts_per_tok",
        ] {
            try reader.require(key, isNeutral: [], supported: "null")
        }
        for key in [
            "rope_interleaved", "use_qk_norm", "qk_norm", "is_encoder_decoder", "use_bidirectional_attention",
            "add_cross_attention",
        ] {
            try reader.require(key, isNeutral: [.bool(false)], supported: "false")
        }
        guard architecture == .mistral else { return }
        for key in ["attention_bias", "mlp_bias"] {
            try reader.require(key, isNeutral: [.bool(false)], supported: "false for \(architecture.rawValue)")
        }
    }

    /// Keys that change no logit, or that are read elsewhere (ids, for generation).
    private static let harmlessKeys = [
        "_name_or_path", "_attn_implementation", "_attn_implementation_autoset", "attention_dropout", "bos_token_id",
        "dtype", "embd_pdrop", "eos_token_id", "hidden_dropout", "id2label", "initializer_range", "is_llama_config",
        "label2id", "output_attentions", "output_hidden_states", "pad_token_id", "pretraining_tp", "resid_pdrop",
        "return_dict", "torch_dtype", "transformers.js_config", "transformers_version", "use_cache", "unk_token_id",
        "use_return_dict",
    ]

    private static let keys = ModelConfiguration.KeyNames(
        vocabularySize: "vocab_size", hiddenWidth: "hidden_size", feedForwardWidth: "intermediate_size",
        layerCount: "num_hidden_layers", headCount: "num_attention_heads", keyValueHeadCount: "num_key_value_heads",
        headWidth: "head_dim", contextLength: "max_position_embeddings", slidingWindow: "sliding_window",
        normEpsilon: "rms_norm_eps", theta: "rope_theta")
}

extension ModelConfiguration.Architecture {
    /// Spelled as in `model_type`.
    fileprivate var modelType: String {
        switch self {
        case .llama: "llama"
        case .mistral: "mistral"
        }
    }
}
