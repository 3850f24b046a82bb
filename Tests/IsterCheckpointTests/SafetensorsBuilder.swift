/// Writes safetensors files, wrong ones included.
struct SafetensorsBuilder {
    struct Tensor {
        var name: String
        var type = "F32"
        var shape: [Int]
        var data: [UInt8]
        /// Overrides what the layout gives.
        var offsets: [Int]?
    }

    var tensors: [Tensor] = []
    var headerSuffix = ""

    mutating func add(_ name: String, _ shape: [Int], type: String = "F32", value: Float = 0) {
        let count = shape.reduce(1, *)
        let element = type == "F32" ? value.bitPattern.bytes : UInt16(value.bitPattern >> 16).bytes
        tensors.append(
            Tensor(
                name: name, type: type, shape: shape, data: [[UInt8]](repeating: element, count: count).flatMap { $0 }))
    }

    var header: String {
        var offset = 0
        var entries: [String] = []
        for tensor in tensors {
            let offsets = tensor.offsets ?? [offset, offset + tensor.data.count]
            offset += tensor.data.count
            entries.append(
                "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),\"data_offsets\":\(offsets)}"
            )
        }
        return "{" + entries.joined(separator: ",") + "}" + headerSuffix
    }

    func file(headerLength: UInt64? = nil) -> [UInt8] {
        let text = Array(header.utf8)
        return (headerLength ?? UInt64(text.count)).bytes + text + tensors.flatMap(\.data)
    }
}

/// A small folder with every tensor that its numbers need.
struct TinyFolder {
    var architecture = "LlamaForCausalLM"
    var hidden = 16
    var feedForward = 24
    var layers = 2
    var heads = 4
    var keyValueHeads = 2
    var headWidth = 4
    var vocabulary = 12
    var tied = false
    var attentionBias = false
    var feedForwardBias = false
    var type = "BF16"
    /// JSON members after the numbers: `"rope_theta": 500000`.
    var extra: [String] = []

    var config: String {
        let members = [
            "\"architectures\": [\"\(architecture)\"]", "\"hidden_size\": \(hidden)",
            "\"intermediate_size\": \(feedForward)", "\"num_hidden_layers\": \(layers)",
            "\"num_attention_heads\": \(heads)", "\"num_key_value_heads\": \(keyValueHeads)",
            "\"vocab_size\": \(vocabulary)", "\"max_position_embeddings\": 128",
        ]
        return "{" + (members + extra).joined(separator: ", ") + "}"
    }

    var weights: SafetensorsBuilder {
        var builder = SafetensorsBuilder()
        builder.add("model.embed_tokens.weight", [vocabulary, hidden], type: type, value: 1)
        for layer in 0..<layers {
            for (name, shape, hasBias) in [
                ("self_attn.q_proj", [heads * headWidth, hidden], attentionBias),
                ("self_attn.k_proj", [keyValueHeads * headWidth, hidden], attentionBias),
                ("self_attn.v_proj", [keyValueHeads * headWidth, hidden], attentionBias),
                ("self_attn.o_proj", [hidden, heads * headWidth], attentionBias),
                ("mlp.gate_proj", [feedForward, hidden], feedForwardBias),
                ("mlp.up_proj", [feedForward, hidden], feedForwardBias),
                ("mlp.down_proj", [hidden, feedForward], feedForwardBias),
            ] {
                builder.add("model.layers.\(layer).\(name).weight", shape, type: type, value: 2)
                if hasBias { builder.add("model.layers.\(layer).\(name).bias", [shape[0]], type: type) }
            }
            builder.add("model.layers.\(layer).input_layernorm.weight", [hidden], type: type)
            builder.add("model.layers.\(layer).post_attention_layernorm.weight", [hidden], type: type)
        }
        builder.add("model.norm.weight", [hidden], type: type)
        if !tied { builder.add("lm_head.weight", [vocabulary, hidden], type: type, value: 3) }
        return builder
    }

    @discardableResult
    func write(to folder: TemporaryFolder) throws -> String {
        try folder.write("config.json", config)
        try folder.write("model.safetensors", weights.file())
        return folder.path
    }
}
