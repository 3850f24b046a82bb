#!/usr/bin/env python3
"""Score task items with transformers, by the prompts and rules of `ister eval tasks`, written independently.

  pip install torch==2.13.0 transformers==5.24.0
  Tools/golden-evaluation.py CHECKPOINT --data DIR --suite mmlu,piqa --limit 200 -o golden.jsonl
  Tools/golden-evaluation.py CHECKPOINT --data DIR --suite mmlu,piqa --limit 200 -o golden.jsonl --compare run.jsonl

Tests/IsterEvaluationTests/Golden/golden.jsonl is made of that folder's items and the checkpoint stories260K:
  --shots 1 --suite mmlu,winogrande,gsm8k,arc_easy,arc_challenge,openbookqa
  --suite truthfulqa,hellaswag,piqa,boolq

-o is written item by item; items that it holds already are not scored again, so an interrupted run goes on.
--compare reads a run file of `ister eval tasks --output` and tells for how many items the chosen option (the text, where
the model writes) is the same; it exits with 1 when that is less than --require of any suite's items.
The rules are lm-evaluation-harness': white space at the end of a context belongs to the continuation, both are encoded
together, and what comes after the context's own tokens is the continuation. float32 on the CPU.
"""
import argparse
import itertools
import json
import os
import re
import string
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache, PreTrainedTokenizerFast

NUMBER = re.compile(r"-?[0-9][0-9,]*(?:\.[0-9]+)?")
FILES = {"truthfulqa": "truthfulqa_mc"}
POOLS = {"mmlu": ("mmlu_dev", 5), "winogrande": ("winogrande_train_s", 5), "gsm8k": ("gsm8k_train", 5),
         "arc_challenge": ("arc_challenge_dev", 25), "arc_easy": ("arc_easy_dev", 0),
         "openbookqa": ("openbookqa_train", 0)}


def load_tokenizer(folder):
    """tokenizer.json as it stands: transformers 5 rebuilds some tokenizers by class and drops its pre-tokenizer."""
    path = os.path.join(folder, "tokenizer.json")
    return PreTrainedTokenizerFast(tokenizer_file=path) if os.path.exists(path) else AutoTokenizer.from_pretrained(folder)


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def mmlu(item, with_answer=False):
    lines = [item["question"].strip()]
    lines += [f"{letter}. {choice}" for letter, choice in zip(string.ascii_uppercase, item["choices"])]
    return "\n".join(lines) + "\nAnswer:" + (" " + string.ascii_uppercase[item["answer"]] if with_answer else "")


def stem(suite, item):
    if suite == "hellaswag":
        return item["context"]
    if suite == "boolq":
        return f"{item['passage']}\nQuestion: {item['question']}?\nAnswer:"
    if suite == "openbookqa":
        return item["question"]
    if suite == "truthfulqa":
        return f"Q: {item['question']}\nA:"
    return f"Question: {item['question']}\nAnswer:"


def example(suite, item):
    if suite == "winogrande":
        return item["contexts"][item["answer"]] + item["continuation"]
    if suite == "gsm8k":
        return stem(suite, item) + " " + item["solution"]
    return stem(suite, item) + " " + item["choices"][item["answer"]]


def prompts(suite, item, pool, shots, primer):
    """(context, continuation) of each choice; for gsm8k the context alone."""
    if suite == "mmlu":
        same = [shot for shot in pool if shot["subject"] == item["subject"]][:shots]
        head = "The following are multiple choice questions (with answers) about "
        head += item["subject"].replace("_", " ") + ".\n\n"
        context = head + "".join(mmlu(shot, True) + "\n\n" for shot in same) + mmlu(item)
        return [(context, " " + string.ascii_uppercase[i]) for i in range(len(item["choices"]))]
    before = "".join(example(suite, shot) + "\n\n" for shot in pool[:shots])
    if suite == "winogrande":
        return [(before + context, item["continuation"]) for context in item["contexts"]]
    if suite == "truthfulqa":
        before = primer + "\n\n" + before
    context = before + stem(suite, item)
    if suite == "gsm8k":
        return context
    return [(context, " " + choice) for choice in item["choices"]]


def encode_pair(tokenizer, context, continuation):
    trailing = len(context) - len(context.rstrip())
    if trailing:
        context, continuation = context[:-trailing], context[-trailing:] + continuation
    whole = tokenizer(context + continuation)["input_ids"]
    start = tokenizer(context)["input_ids"]
    return start, whole[len(start):]


class Scorer:
    """Runs what a context shares with the one before it once, and the continuations of a context in one batch."""

    def __init__(self, model, tokenizer):
        self.model, self.tokenizer = model, tokenizer
        self.held, self.cache = [], DynamicCache()

    def run(self, ids, rows):
        """Appends ids; logits of the last `rows` of them."""
        output = self.model(torch.tensor([ids]), past_key_values=self.cache, use_cache=True, logits_to_keep=rows)
        self.held += ids
        return output.logits[0]

    def rewind(self, count):
        if count < len(self.held):
            self.cache.crop(count - len(self.held))
            self.held = self.held[:count]

    def move(self, context):
        """The logits after a context."""
        shared = 0
        while shared < min(len(self.held), len(context) - 1) and self.held[shared] == context[shared]:
            shared += 1
        self.rewind(shared)
        return self.run(context[shared:], 1)

    def following(self, rests):
        """The logits after each token but the last of several continuations; the context is held afterwards as before."""
        width = max(len(rest) for rest in rests) - 1
        if width == 0:
            return [None] * len(rests)
        # Causal attention: what fills a shorter row up comes after all that is read from it.
        rows = torch.tensor([rest[:-1] + [0] * (width + 1 - len(rest)) for rest in rests])
        self.cache.batch_repeat_interleave(len(rests))
        logits = self.model(rows, past_key_values=self.cache, use_cache=True).logits
        self.cache.batch_select_indices(torch.tensor([0]))
        self.cache.crop(-width)
        return [row[:len(rest) - 1] for row, rest in zip(logits, rests)]

    @torch.inference_mode()
    def scores(self, pairs):
        encoded = [encode_pair(self.tokenizer, *pair) for pair in pairs]
        result = []
        for start, group in itertools.groupby(encoded, key=lambda pair: pair[0]):
            rests = [rest for _, rest in group]
            first = self.move(start)
            for rest, more in zip(rests, self.following(rests)):
                table = torch.log_softmax((first if more is None else torch.cat([first, more])).double(), -1)
                result.append(float(sum(table[i, token] for i, token in enumerate(rest))))
        return result

    @torch.inference_mode()
    def generate(self, context, stop, limit, draft=""):
        """Greedy. The tokens of a draft pass through the model at once and count as far as each is the likeliest."""
        prompt = self.tokenizer(context)["input_ids"]
        guess = self.tokenizer(draft + stop, add_special_tokens=False)["input_ids"]
        known = torch.cat([self.move(prompt)[-1:], self.run(guess, len(guess))])
        agreed = next((i for i, token in enumerate(guess) if int(known[i].argmax()) != token), len(guess))
        self.rewind(len(prompt) + agreed)
        made = []
        while len(made) < limit:
            logits = known[len(made)] if len(made) <= agreed else self.run(made[-1:], 1)[-1]
            token = int(logits.argmax())
            if token == self.model.config.eos_token_id:
                break
            made.append(token)
            text = self.tokenizer.decode(made, skip_special_tokens=True)
            if stop in text:
                return text[:text.index(stop)]
        return self.tokenizer.decode(made, skip_special_tokens=True)


def number(text):
    parts = text.split("####", 1)
    found = NUMBER.findall(parts[1])[:1] if len(parts) > 1 else []
    found = found or NUMBER.findall(text)[-1:]
    return float(found[0].replace(",", "")) if found else None


def score(scorer, suite, item, pool, shots, primer, draft):
    asked = prompts(suite, item, pool, shots, primer)
    line = {"suite": suite, "id": item["id"]}
    if suite == "gsm8k":
        text = scorer.generate(asked, "Question:", 256, draft)
        return line | {"generated": text, "correct": number(text) == number(item["answer_text"])}
    values = scorer.scores(asked)
    normalized = [value / len(text.removeprefix(" ")) for value, (_, text) in zip(values, asked)]
    line |= {"scores": values, "chosen": values.index(max(values)), "chosen_norm": normalized.index(max(normalized))}
    if "mc2_choices" in item:
        pairs = [(asked[0][0], " " + choice) for choice in item["mc2_choices"]]
        powers = torch.tensor(scorer.scores(pairs), dtype=torch.float64).exp()
        line["mc2"] = float((powers * torch.tensor(item["mc2_labels"])).sum() / powers.sum())
    return line


def same_option(ours, found):
    """Whether a model file and transformers took the same option, or wrote the same text."""
    if "generated" in ours:
        return ours["generated"] == found["generated"]
    return ours["chosen"] == found["chosen"] and ours["chosen_norm"] == found["chosen_norm"]


def run_items(path):
    """The answers of a run file, by suite and id."""
    return {(line["item"]["suite"], line["item"]["id"]): line["item"] for line in rows(path) if "item" in line}


def compare(golden, path, required):
    """Prints a line a suite; True when enough options are the same in each."""
    found = run_items(path)
    enough = True
    for suite in dict.fromkeys(line["suite"] for line in golden):
        lines = [line for line in golden if line["suite"] == suite]
        pairs = [(line, found[suite, line["id"]]) for line in lines if (suite, line["id"]) in found]
        same = sum(same_option(a, b) for a, b in pairs)
        right = sum(a["correct"] == b["correct"] for a, b in pairs if "generated" in a)
        largest = max((abs(x - y) for a, b in pairs for x, y in zip(a.get("scores", []), b["scores"])), default=0.0)
        detail = f"{right} equally right or wrong" if suite == "gsm8k" else f"largest difference of a score {largest:.1e}"
        print(f"{suite}: {'text' if suite == 'gsm8k' else 'option'} equal in {same} of {len(lines)}; {detail}")
        for a, b in pairs:
            if not same_option(a, b):
                print(f"  {a['id']}: {a.get('scores', a.get('generated'))} here, {b['scores'] or b['generated']}")
        enough = enough and same >= required * len(lines)
    return enough


def known_lines(path):
    """Lines that an earlier run wrote; one that was cut short is dropped."""
    if not path or not os.path.exists(path):
        return {}
    with open(path, "rb") as file:
        whole = file.read()
    end = whole.rfind(b"\n") + 1
    if end < len(whole):
        os.truncate(path, end)
    return {(line["suite"], line["id"]): line for line in map(json.loads, whole[:end].decode().splitlines())}


def suite_items(data, suite, limit, shots):
    """The items that `ister eval tasks --limit` takes, their pool and number of shots, and the primer."""
    items = rows(os.path.join(data, FILES.get(suite, suite) + ".jsonl"))
    count = min(limit or len(items), len(items))
    name, usual = POOLS.get(suite, (None, 0))
    shots = usual if shots is None else shots
    pool = rows(os.path.join(data, "fewshot", name + ".jsonl")) if name and shots else []
    primer = ""
    if suite == "truthfulqa":
        with open(os.path.join(data, "qa_primer.txt"), encoding="utf-8") as file:
            primer = file.read().rstrip()
    return [items[index * len(items) // count] for index in range(count)], pool, shots, primer


def make_scorer(folder):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return Scorer(model, load_tokenizer(folder))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("--data", required=True)
    parser.add_argument("--suite", required=True)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--shots", type=int)
    parser.add_argument("-o", "--output")
    parser.add_argument("--compare")
    parser.add_argument("--require", type=float, default=0.99)
    arguments = parser.parse_args()
    known, golden, scorer = known_lines(arguments.output), [], None
    output = open(arguments.output, "a", encoding="utf-8") if arguments.output else None
    # What the other program wrote is the best guess: it costs one pass to see that the model would write the same.
    drafts = run_items(arguments.compare) if arguments.compare else {}
    for suite in arguments.suite.split(","):
        items, pool, shots, primer = suite_items(arguments.data, suite, arguments.limit, arguments.shots)
        for item in items:
            line = known.get((suite, item["id"]))
            if line is None:
                scorer = scorer or make_scorer(arguments.checkpoint)
                draft = drafts.get((suite, item["id"]), {}).get("generated") or ""
                line = score(scorer, suite, item, pool, shots, primer, draft)
                if output:
                    output.write(json.dumps(line, ensure_ascii=False) + "\n")
                    output.flush()
            golden.append(line)
        print(f"{suite}: {len(items)} items", file=sys.stderr, flush=True)
    if arguments.compare and not compare(golden, arguments.compare, arguments.require):
        sys.exit(1)


if __name__ == "__main__":
    main()
