"""Compares lm-eval through a server with a run of `ister eval tasks`. Called by Tools/check-lm-eval.

usage: lm-eval-test.py URL CHECKPOINT ITEMS.jsonl ISTER_RUN.jsonl
"""

import json
import logging
import sys

import lm_eval
from lm_eval.tasks import TaskManager

URL, CHECKPOINT, ITEMS, RUN = sys.argv[1:5]

TASK = {
    "task": "hellaswag_file", "dataset_path": "json", "dataset_kwargs": {"data_files": {"validation": ITEMS}},
    "validation_split": "validation", "output_type": "multiple_choice", "doc_to_text": "{{context}}",
    "doc_to_target": "{{answer}}", "doc_to_choice": "choices",
    "metric_list": [
        {"metric": "acc", "aggregation": "mean", "higher_is_better": True},
        {"metric": "acc_norm", "aggregation": "mean", "higher_is_better": True}],
}


def score_through_server():
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    return lm_eval.simple_evaluate(
        model="local-completions",
        model_args={
            "base_url": URL + "/v1/completions", "model": "scored", "tokenizer": CHECKPOINT,
            "tokenizer_backend": "huggingface", "num_concurrent": 4, "max_retries": 3, "max_length": 2048},
        tasks=[TASK], task_manager=TaskManager(include_defaults=False), batch_size=8, bootstrap_iters=0,
        log_samples=True)


def main():
    found = score_through_server()
    with open(RUN) as file:
        lines = [json.loads(line) for line in file]
    ister = {line["item"]["id"]: line["item"] for line in lines if line.get("item")}
    worst = 0.0
    for sample in found["samples"]["hellaswag_file"]:
        scores = [response[0][0] for response in sample["resps"]]
        expected = ister[sample["doc"]["id"]]["scores"]
        worst = max([worst] + [abs(float(a) - b) for a, b in zip(scores, expected, strict=True)])
    answers = [item["answer"] for item in map(json.loads, open(ITEMS))]
    results = found["results"]["hellaswag_file"]
    own = {
        "acc": sum(item["correct"] for item in ister.values()) / len(answers),
        "acc_norm": sum(item["correct_norm"] for item in ister.values()) / len(answers),
    }
    equal = True
    for metric, value in own.items():
        theirs = results[f"{metric},none"]
        equal = equal and abs(theirs - value) < 1e-9
        print(f"{metric}: lm-eval through the server {theirs:.4f}, ister eval tasks {value:.4f}")
    print(f"{len(answers)} items, largest difference of a log probability {worst:.2g}")
    # The server tells single precision; a sum of a hundred of them is off by less than this.
    sys.exit(0 if equal and worst < 1e-3 else 1)


if __name__ == "__main__":
    main()
