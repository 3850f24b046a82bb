#!/usr/bin/env python3
"""Writes what transformers computes with a checkpoint, for Tools/compare-reference. float32 on the CPU.

  pip install torch==2.13.0 transformers==5.24.0 sentencepiece==0.2.3 protobuf==7.36.2
  Tools/reference-logits.py CHECKPOINT [--text FILE] [--tokens 48] > REFERENCE.json

CHECKPOINT: a Hugging Face folder. FILE: a text a line, else a few built-in ones; what does not fit into the context is
left out. The form: {"cases": [{"text", "input_ids", "top10_ids", "top10_logits", "greedy_ids"}]}. The logits are those
after the text, best first; greedy_ids the --tokens that follow it, end tokens ignored.
"""
import argparse
import json
import os

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

TEXTS = [
    "Once upon a time",
    "The capital of France is",
    "Ein Zug fährt mit 120 km/h. Nach 3,5 Stunden hat er",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "naïve café, 東京, 👩‍👩‍👧 and   three spaces",
    "The quick brown fox jumps over the lazy dog. " * 8,
]


def load_tokenizer(folder):
    """tokenizer.json as it stands: transformers 5 rebuilds some tokenizers by class and drops its pre-tokenizer."""
    path = os.path.join(folder, "tokenizer.json")
    return PreTrainedTokenizerFast(tokenizer_file=path) if os.path.exists(path) else AutoTokenizer.from_pretrained(folder)


@torch.inference_mode()
def case(model, text, ids, tokens):
    best, greedy = None, []
    output = model(torch.tensor([ids]), use_cache=True)
    while True:
        last = output.logits[0, -1]
        best = best or last.topk(10)
        greedy.append(int(last.argmax()))
        if len(greedy) == tokens:
            break
        output = model(torch.tensor([greedy[-1:]]), past_key_values=output.past_key_values, use_cache=True)
    return {"text": text, "input_ids": ids, "top10_ids": best.indices.tolist(), "top10_logits": best.values.tolist(),
            "greedy_ids": greedy}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--text")
    parser.add_argument("--tokens", type=int, default=48)
    arguments = parser.parse_args()
    texts = TEXTS
    if arguments.text:
        with open(arguments.text, encoding="utf-8") as file:
            texts = file.read().splitlines()
    tokenizer = load_tokenizer(arguments.checkpoint)
    model = AutoModelForCausalLM.from_pretrained(
        arguments.checkpoint, dtype=torch.float32, attn_implementation="eager").eval()
    longest = model.config.max_position_embeddings - arguments.tokens
    encoded = [(text, tokenizer(text)["input_ids"]) for text in texts]
    cases = [case(model, text, ids, arguments.tokens) for text, ids in encoded if text and len(ids) <= longest]
    print(json.dumps({"made_with": "transformers float32, eager attention", "cases": cases}, indent=1))


main()
