#!/usr/bin/env python3
"""Write Tests/IsterCheckpointTests/Golden: what other readers make of the same bytes.

  pip install numpy==2.4.6 gguf==0.19.0
  Tools/golden-checkpoints.py Tests/IsterCheckpointTests/Golden

- TYPE.blocks, TYPE.values: random blocks of a GGML type and their float32 values by the package `gguf`.
- tiny.gguf, written by `gguf`, with the row order that converters give to queries and keys; tiny.json holds one hash a
  tensor of the values in Hugging Face order (FNV-1a over the 32-bit patterns).
"""
import json
import os
import sys

import numpy as np
from gguf import GGMLQuantizationType as Type
from gguf import GGUFWriter, dequantize, quantize

SMALL = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"]
LARGE = {"Q4_K": (144, (0, 2)), "Q5_K": (176, (0, 2)), "Q6_K": (210, (208,))}
SMALL_BYTES = {"Q4_0": (18, (0,)), "Q4_1": (20, (0, 2)), "Q5_0": (22, (0,)), "Q5_1": (24, (0, 2)), "Q8_0": (34, (0,))}


def random_blocks(rng, count, size, halves):
    """Any bits where quanta are, any finite half where scales are: negative, subnormal, large."""
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for offset in halves:
        scale = (rng.standard_normal(count) * 10.0 ** rng.integers(-7, 3, count)).astype(np.float16)
        scale[0] = np.float16(6e-8)
        scale[1] = np.float16(-65504)
        blocks[:, offset:offset + 2] = scale.view(np.uint8).reshape(count, 2)
    return blocks


def write_blocks(out, rng):
    for name, (size, halves) in {**SMALL_BYTES, **LARGE}.items():
        # Eight blocks of 32 make one row of 256; three rows of each type.
        blocks = random_blocks(rng, 24 if name in SMALL else 3, size, halves)
        values = dequantize(blocks.reshape(3, -1), Type[name])
        assert values.shape == (3, 256) and values.dtype == np.float32 and np.isfinite(values).all()
        blocks.tofile(os.path.join(out, name + ".blocks"))
        values.astype("<f4").tofile(os.path.join(out, name + ".values"))


HIDDEN, FFN, LAYERS, HEADS, KV_HEADS, VOCAB = 64, 32, 2, 4, 2, 48


def tiny_tensors(rng):
    """(GGUF name, Hugging Face name, shape, type, heads whose rows are interleaved)"""
    head = HIDDEN // HEADS
    yield "token_embd.weight", "model.embed_tokens.weight", (VOCAB, HIDDEN), "Q8_0", 0
    yield "output_norm.weight", "model.norm.weight", (HIDDEN,), "F32", 0
    yield "output.weight", "lm_head.weight", (VOCAB, HIDDEN), "BF16", 0
    types = [["Q4_0", "Q4_1", "Q5_0", "F16"], ["Q5_1", "Q8_0", "F32", "BF16"]]
    for layer in range(LAYERS):
        q, k, v, other = types[layer]
        for name, hf, shape, kind, heads in (
            ("attn_norm.weight", "input_layernorm.weight", (HIDDEN,), "F32", 0),
            ("ffn_norm.weight", "post_attention_layernorm.weight", (HIDDEN,), "F32", 0),
            ("attn_q.weight", "self_attn.q_proj.weight", (HEADS * head, HIDDEN), q, HEADS),
            ("attn_q.bias", "self_attn.q_proj.bias", (HEADS * head,), "F32", HEADS),
            ("attn_k.weight", "self_attn.k_proj.weight", (KV_HEADS * head, HIDDEN), k, KV_HEADS),
            ("attn_k.bias", "self_attn.k_proj.bias", (KV_HEADS * head,), "F32", KV_HEADS),
            ("attn_v.weight", "self_attn.v_proj.weight", (KV_HEADS * head, HIDDEN), v, 0),
            ("attn_v.bias", "self_attn.v_proj.bias", (KV_HEADS * head,), "F32", 0),
            ("attn_output.weight", "self_attn.o_proj.weight", (HIDDEN, HEADS * head), other, 0),
            ("ffn_gate.weight", "mlp.gate_proj.weight", (FFN, HIDDEN), q, 0),
            ("ffn_up.weight", "mlp.up_proj.weight", (FFN, HIDDEN), k, 0),
            ("ffn_down.weight", "mlp.down_proj.weight", (HIDDEN, FFN), v, 0),
        ):
            yield f"blk.{layer}.{name}", f"model.layers.{layer}.{hf}", shape, kind, heads


def write_gguf(out, rng):
    writer = GGUFWriter(os.path.join(out, "tiny.gguf"), "llama")
    writer.add_block_count(LAYERS)
    writer.add_context_length(128)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FFN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(50000.0)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_vocab_size(VOCAB)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([b"<unk>", b"<s>", b"</s>"] + [f"p{i}".encode() for i in range(VOCAB - 3)])
    writer.add_token_scores([float(-i) for i in range(VOCAB)])
    writer.add_token_types([2, 3, 3] + [1] * (VOCAB - 3))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_chat_template("{{ messages[0]['content'] }}")
    hashes = {}
    for name, hf, shape, kind, heads in tiny_tensors(rng):
        values = rng.standard_normal(shape).astype(np.float32)
        data = quantize(values, Type[kind])
        stored = dequantize(data, Type[kind]).reshape(shape)
        if heads:
            # A converter swaps (half, pair) to (pair, half); this goes back.
            half = shape[0] // heads // 2
            stored = stored.reshape(heads, half, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)
        hashes[hf] = f"{fnv(stored):016x}"
        is_plain = kind in ("F32", "F16")
        writer.add_tensor(name, data, raw_shape=None, raw_dtype=None if is_plain else Type[kind])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with open(os.path.join(out, "tiny.json"), "w") as file:
        json.dump(hashes, file, indent=1)
        file.write("\n")


def fnv(values):
    result = 0xCBF29CE484222325
    for bits in np.ascontiguousarray(values, dtype="<f4").view("<u4").ravel().tolist():
        result = (result ^ bits) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return result


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    rng = np.random.Generator(np.random.PCG64(2024))
    write_blocks(out, rng)
    write_gguf(out, rng)


if __name__ == "__main__":
    main()
