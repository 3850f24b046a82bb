internal import IsterModelFile

/// Names of Hugging Face checkpoints for Ister's tensors, and nothing else.
enum TensorNames {
    /// As the Llama and Mistral classes of the transformers library name them; nil for a tensor that they do not have.
    static func huggingFace(_ tensor: RequiredTensor) -> String? {
        guard let module = module(tensor.role) else { return nil }
        let prefix = tensor.layer.map { "model.layers.\($0)." } ?? ""
        return prefix + module + (tensor.isBias ? ".bias" : ".weight")
    }

    private static func module(_ role: TensorRole) -> String? {
        switch role {
        case .embedding: "model.embed_tokens"
        case .attentionNorm: "input_layernorm"
        case .query: "self_attn.q_proj"
        case .key: "self_attn.k_proj"
        case .value: "self_attn.v_proj"
        case .output: "self_attn.o_proj"
        case .feedForwardNorm: "post_attention_layernorm"
        case .gate: "mlp.gate_proj"
        case .up: "mlp.up_proj"
        case .down: "mlp.down_proj"
        case .norm: "model.norm"
        case .head: "lm_head"
        case .queryNorm, .keyNorm, .attentionOutputNorm, .feedForwardOutputNorm: nil
        }
    }
}
