/// GGUF's names of a llama's tensors in Hugging Face spelling.
enum GGUFTensorNames {
    /// nil for a name that no llama has.
    static func huggingFaceName(_ name: String) -> String? {
        switch name {
        case "token_embd.weight": return TensorNames.embedding
        case "output_norm.weight": return "model.norm.weight"
        case "output.weight": return TensorNames.head
        default: break
        }
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0] == "blk", let layer = Int(parts[1]), String(layer) == parts[1],
            let part = layerParts[String(parts[2])], parts[3] == "weight" || parts[3] == "bias"
        else { return nil }
        return "model.layers.\(layer).\(part).\(parts[3])"
    }

    private static let layerParts = [
        "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    ]

    /// Rotary pairs lie side by side in the outputs of these (see `TensorDescription.RowOrder`).
    static func hasInterleavedRows(_ huggingFaceName: String) -> Bool {
        huggingFaceName.contains(".self_attn.q_proj.") || huggingFaceName.contains(".self_attn.k_proj.")
    }
}
