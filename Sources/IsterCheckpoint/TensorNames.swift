/// The tensors that a configuration needs, in the order in which a forward pass uses them.
enum TensorNames {
    static let embedding = "model.embed_tokens.weight"
    static let head = "lm_head.weight"

    /// Names in Hugging Face spelling with their shapes.
    static func needed(by configuration: ModelConfiguration) -> [(name: String, shape: [Int])] {
        let hidden = configuration.hiddenWidth
        var out: [(name: String, shape: [Int])] = [(embedding, [configuration.vocabularySize, hidden])]
        for layer in 0..<configuration.layerCount {
            let prefix = "model.layers.\(layer)."
            out.append((prefix + "input_layernorm.weight", [hidden]))
            for (name, rows, columns, hasBias) in projections(configuration) {
                if name == "mlp.gate_proj" { out.append((prefix + "post_attention_layernorm.weight", [hidden])) }
                out.append((prefix + name + ".weight", [rows, columns]))
                if hasBias { out.append((prefix + name + ".bias", [rows])) }
            }
        }
        out.append(("model.norm.weight", [hidden]))
        if !configuration.tiedHead { out.append((head, [configuration.vocabularySize, hidden])) }
        return out
    }

    private static func projections(
        _ configuration: ModelConfiguration
    ) -> [(name: String, rows: Int, columns: Int, hasBias: Bool)] {
        let hidden = configuration.hiddenWidth
        let (query, keyValue) = (configuration.queryWidth, configuration.keyValueWidth)
        let feedForward = configuration.feedForwardWidth
        let inputBias = configuration.queryKeyValueBias
        return [
            ("self_attn.q_proj", query, hidden, inputBias),
            ("self_attn.k_proj", keyValue, hidden, inputBias),
            ("self_attn.v_proj", keyValue, hidden, inputBias),
            ("self_attn.o_proj", hidden, query, configuration.attentionOutputBias),
            ("mlp.gate_proj", feedForward, hidden, configuration.feedForwardBias),
            ("mlp.up_proj", feedForward, hidden, configuration.feedForwardBias),
            ("mlp.down_proj", hidden, feedForward, configuration.feedForwardBias),
        ]
    }

    /// Buffers that old exports hold beside the weights; they follow from the configuration.
    static func isDerived(_ name: String) -> Bool { name.hasSuffix("rotary_emb.inv_freq") }
}
