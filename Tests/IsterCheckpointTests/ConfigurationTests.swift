import IsterCheckpoint
import Testing

private func open(_ tiny: TinyFolder) throws -> Checkpoint {
    let folder = try TemporaryFolder()
    return try Checkpoint.open(path: tiny.write(to: folder))
}

private func tiny(_ extra: String..., architecture: String = "LlamaForCausalLM") -> TinyFolder {
    TinyFolder(architecture: architecture, extra: extra)
}

private func refused(_ tiny: TinyFolder, sourceLocation: SourceLocation = #_sourceLocation) throws -> CheckpointError? {
    let folder = try TemporaryFolder()
    return refusal(try tiny.write(to: folder), sourceLocation: sourceLocation)
}

/// A member of a published configuration, with the tensors left out: numbers only.
private func goldenTiny(_ name: String) throws -> TinyFolder {
    guard case .object(let object) = try JSONValue.parse(golden("configs/\(name).json")) else {
        throw JSONError.missing(key: name)
    }
    func integer(_ key: String) throws -> Int { try object.required(key, object.integer) }
    let heads = try integer("num_attention_heads")
    var tiny = TinyFolder()
    tiny.hidden = try integer("hidden_size")
    tiny.feedForward = try integer("intermediate_size")
    tiny.layers = try integer("num_hidden_layers")
    tiny.heads = heads
    tiny.keyValueHeads = try integer("num_key_value_heads")
    tiny.headWidth = try object.integer("head_dim") ?? tiny.hidden / heads
    tiny.vocabulary = try integer("vocab_size")
    tiny.tied = try object.bool("tie_word_embeddings") ?? false
    tiny.attentionBias = try object.bool("attention_bias") ?? false
    tiny.feedForwardBias = try object.bool("mlp_bias") ?? false
    return tiny
}

private func openGolden(_ name: String) throws -> Checkpoint {
    let folder = try TemporaryFolder()
    try folder.write("model.safetensors", goldenTiny(name).weights.file())
    try folder.write("config.json", golden("configs/\(name).json"))
    return try Checkpoint.open(path: folder.path)
}

@Suite struct `Configurations` {
    @Test func `both spellings give the same configuration`() throws {
        let old = try open(
            tiny(
                "\"rope_theta\": 500000.0", "\"torch_dtype\": \"bfloat16\"",
                "\"rope_scaling\": {\"type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 64}"
            ))
        let new = try open(
            tiny(
                "\"dtype\": \"bfloat16\"",
                "\"rope_parameters\": {\"rope_type\": \"llama3\", \"rope_theta\": 500000.0, \"factor\": 8.0, \"low_freq_factor\": 1.0, \"high_freq_factor\": 4.0, \"original_max_position_embeddings\": 64}"
            ))
        #expect(old.configuration == new.configuration)
        #expect(
            old.configuration.rotary
                == .init(
                    theta: 500_000,
                    scaling: .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContext: 64)))
        #expect(old.unknownKeys.isEmpty && new.unknownKeys.isEmpty)
    }

    @Test(arguments: [
        "mistral-sliding-window", "mistral-no-window", "llama-tied-rope-llama3", "llama-rope-yarn",
        "llama-rope-linear-bias", "stories260K",
    ])
    func `published configurations are read without an unknown key`(name: String) throws {
        let checkpoint = try openGolden(name)
        #expect(checkpoint.unknownKeys == [])
        #expect(checkpoint.configuration.windows.count == checkpoint.configuration.layerCount)
    }

    @Test func `windows and rotary settings of published configurations`() throws {
        #expect(try openGolden("mistral-sliding-window").configuration.windows == [13, 13, 13])
        #expect(try openGolden("mistral-no-window").configuration.windows == [nil, nil])
        #expect(try openGolden("llama-rope-linear-bias").configuration.rotary.scaling == .linear(factor: 2))
        #expect(
            try openGolden("llama-rope-yarn").configuration.rotary.scaling
                == .yarn(
                    factor: 4, betaFast: 32, betaSlow: 1, originalContext: 64, attentionFactor: nil, truncate: true))
    }

    /// transformers, LlamaConfig and MistralConfig.
    @Test func `absent keys get the reference's defaults`() throws {
        let folder = try TemporaryFolder()
        let llama = try open(TinyFolder()).configuration
        #expect(llama.normEpsilon == 1e-6 && llama.rotary == .init(theta: 10_000, scaling: .none))
        #expect(!llama.tiedHead && !llama.queryKeyValueBias && !llama.feedForwardBias && llama.slidingWindow == nil)
        #expect(llama.headWidth == 4)
        let mistral = try open(tiny(architecture: "MistralForCausalLM")).configuration
        #expect(mistral.windows == [4096, 4096])
        // A null window is none, an absent one 4096; likewise null and absent key/value heads.
        #expect(
            try open(tiny("\"sliding_window\": null", architecture: "MistralForCausalLM")).configuration.slidingWindow
                == nil)
        let eight = TinyFolder(architecture: "MistralForCausalLM", hidden: 32, heads: 8, keyValueHeads: 8)
        try folder.write("model.safetensors", eight.weights.file())
        for text in [
            eight.config.replacing("\"num_key_value_heads\": 8", with: "\"num_key_value_heads\": null"),
            eight.config.replacing("\"num_key_value_heads\": 8, ", with: ""),
        ] {
            try folder.write("config.json", text)
            #expect(try Checkpoint.open(path: folder.path).configuration.keyValueHeadCount == 8)
        }
    }

    @Test func `yarn takes its attention factor from mscale`() throws {
        let scaling = try open(
            tiny(
                "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 40, \"mscale\": 0.7, \"mscale_all_dim\": 1.0, \"beta_fast\": 16, \"truncate\": false, \"finetuned\": true, \"original_max_position_embeddings\": 32}"
            )
        ).configuration.rotary.scaling
        // "finetuned" is read by nobody.
        guard case .yarn(40, 16, 1, 32, let factor?, false) = scaling else { return #expect(Bool(false), "\(scaling)") }
        // (0.1 * 0.7 * ln 40 + 1) / (0.1 * ln 40 + 1)
        #expect(abs(factor - 0.9191559952044436) < 1e-12)
    }

    @Test(arguments: [
        ("\"hidden_act\": \"gelu\"", "hidden_act"), ("\"quantization_config\": {\"bits\": 4}", "quantization_config"),
        ("\"attn_logit_softcapping\": 50.0", "attn_logit_softcapping"),
        ("\"final_logit_softcapping\": 30.0", "final_logit_softcapping"),
        ("\"partial_rotary_factor\": 0.5", "partial_rotary_factor"),
        ("\"attention_multiplier\": 0.1", "attention_multiplier"), ("\"rope_interleaved\": true", "rope_interleaved"),
        ("\"rope_scaling\": {\"rope_type\": \"dynamic\", \"factor\": 2}", "rope_type"),
        ("\"rope_scaling\": {\"type\": \"longrope\"}", "rope_type"),
        ("\"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": 2, \"extra\": 1}", "extra"),
        ("\"layer_types\": [\"full_attention\", \"sliding_attention\"]", "layer_types"),
        ("\"model_type\": \"mistral\"", "model_type"),
        ("\"auto_map\": {\"AutoModelForCausalLM\": \"modeling_own.OwnForCausalLM\"}", "auto_map"),
    ])
    func `a setting that would change results is refused by name`(member: String, key: String) throws {
        guard case .unsupportedSetting(_, let found, _, _)? = try refused(tiny(member)) else {
            return #expect(Bool(false), "\(member) was not refused by name")
        }
        #expect(found == key)
    }

    @Test(arguments: [
        ("\"rms_norm_eps\": 0", "rms_norm_eps"), ("\"rms_norm_eps\": -1e-5", "rms_norm_eps"),
        ("\"rope_theta\": 0", "rope_theta"), ("\"head_dim\": 6", "head_dim"), ("\"head_dim\": 0", "head_dim"),
        ("\"head_dim\": 1000000", "head_dim"),
        ("\"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 0}", "factor"),
        (
            "\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 2, \"low_freq_factor\": 4, \"high_freq_factor\": 4}",
            "high_freq_factor"
        ),
        (
            "\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 2, \"original_max_position_embeddings\": 0}",
            "original_max_position_embeddings"
        ),
        ("\"eos_token_id\": 12", "eos_token_id"), ("\"eos_token_id\": [2, -3]", "eos_token_id"),
    ])
    func `a number out of range is refused by name`(member: String, key: String) throws {
        guard case .settingOutOfRange(_, let found, _, _)? = try refused(tiny(member)) else {
            return #expect(Bool(false), "\(member) was not refused by name")
        }
        #expect(found == key)
    }

    @Test(arguments: ["hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "vocab_size"])
    func `counts of zero, of 2^62, negative or of another type are refused`(key: String) throws {
        let folder = try TemporaryFolder()
        let tiny = TinyFolder()
        try folder.write("model.safetensors", tiny.weights.file())
        guard case .object(let object) = try JSONValue.parse(Array(tiny.config.utf8)),
            let value = try object.integer(key)
        else { return #expect(Bool(false)) }
        for wrong in ["0", "4611686018427387904", "-1", "\"4\"", "1.5", "1e300", "[4]"] {
            let text = tiny.config.replacing("\"\(key)\": \(value)", with: "\"\(key)\": \(wrong)")
            #expect(text != tiny.config)
            try folder.write("config.json", text)
            _ = refusal(folder.path)
        }
    }

    @Test func `an unknown architecture is refused by name`() throws {
        guard case .unsupportedArchitecture(_, let found, _)? = try refused(tiny(architecture: "Qwen2ForCausalLM"))
        else {
            return #expect(Bool(false))
        }
        #expect(found == "Qwen2ForCausalLM")
    }

    @Test(arguments: [("LlamaForCausalLM", "llama", "mistral"), ("MistralForCausalLM", "mistral", "llama")])
    func `a model's type is that of its architecture, where it is given`(
        architecture: String, own: String, other: String
    ) throws {
        for value in ["\"\(own)\"", "null"] {
            let members = ("\"model_type\": \(value)", "\"auto_map\": null")
            let checkpoint = try open(tiny(members.0, members.1, architecture: architecture))
            #expect(checkpoint.unknownKeys == [])
        }
        let error = try refused(tiny("\"model_type\": \"\(other)\"", architecture: architecture))
        guard case .unsupportedSetting(_, "model_type", let found, let supported)? = error else {
            return #expect(Bool(false), "\(String(describing: error))")
        }
        #expect(found == "\"\(other)\"" && supported == "\(own) for \(architecture)")
    }

    @Test func `an adapter beside a model is refused by its file, not left out`() throws {
        let folder = try TemporaryFolder()
        try TinyFolder().write(to: folder)
        let path = try folder.write("adapter_config.json", "{\"peft_type\": \"LORA\", \"r\": 8}")
        #expect(refusal(folder.path) == .adapter(path: path))
        #expect(CheckpointError.adapter(path: path).kind == .badData)
    }

    @Test func `unknown keys are reported, not swallowed`() throws {
        let checkpoint = try open(tiny("\"brand_new_switch\": 3", "\"initializer_range\": 0.02"))
        #expect(checkpoint.unknownKeys == ["config.json: brand_new_switch"])
    }

    @Test func `Mistral has no biases`() throws {
        guard
            case .unsupportedSetting(_, "attention_bias", _, _)? = try refused(
                tiny("\"attention_bias\": true", architecture: "MistralForCausalLM"))
        else { return #expect(Bool(false)) }
    }
}
