#!/usr/bin/env python3
"""Golden data of the sampler's tests, by an independent implementation in numpy float64.

  pip install numpy==2.4.6
  Tools/golden-sampler.py > Tests/IsterGeneratorTests/Golden/sampler.json

The rules are those of Hugging Face transformers' logits processors, written as masks over a full sort:
bias, repetition penalty (prompt and text), frequency and presence penalty (text only, as OpenAI defines them),
temperature, top-k (ties with the k-th stay), top-p, min-p, draw. Random numbers: SplitMix64.
"""
import json
import numpy as np

VOCABULARY = 200
MASK = (1 << 64) - 1


def splitmix(seed, index):
    z = (seed + (index + 1) * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def adjust(logits, case):
    """Bias and penalties in float32; `used` are the prompt's tokens, `generated` the text's."""
    out = logits.copy()
    for i, bias in case.get("bias", []):
        out[i] += np.float32(bias)
    p = np.float32(case["repetition_penalty"])
    generated = case.get("generated", [])
    for i in sorted(set(case["used"]) | set(generated)):
        out[i] = out[i] * p if out[i] < 0 else out[i] / p
    for i in sorted(set(generated)):
        out[i] -= np.float32(generated.count(i)) * np.float32(case.get("frequency_penalty", 0))
        out[i] -= np.float32(case.get("presence_penalty", 0))
    return out


def softmax(scores):
    e = np.exp(scores - scores.max())
    return e / e.sum()


def distribution(logits, case):
    scores = adjust(logits, case).astype(np.float64) / case["temperature"]
    falling = np.argsort(-scores, kind="stable")
    k, p, m = case.get("top_k"), case.get("top_p"), case.get("min_p")
    if k is not None and k < len(scores):
        scores = np.where(scores < scores[falling[k - 1]], -np.inf, scores)
    if p is not None and p < 1:
        before = np.concatenate([[0.0], np.cumsum(softmax(scores)[falling])[:-1]])
        cut = before >= p
        cut[0] = False
        scores[falling[cut]] = -np.inf
    if m is not None:
        probabilities = softmax(scores)
        scores = np.where(probabilities < m * probabilities.max(), -np.inf, scores)
    ordered = (k is not None and k < len(scores)) or (p is not None and p < 1)
    order = [i for i in (falling if ordered else np.arange(len(scores))) if scores[i] > -np.inf]
    return np.asarray(order), softmax(scores)


def draws(order, probabilities, seed, count):
    steps = np.cumsum(probabilities[order])
    out = []
    for n in range(count):
        u = (splitmix(seed, n) >> 11) * 2.0 ** -53
        out.append(int(order[min(np.searchsorted(steps, u * steps[-1], side="right"), len(order) - 1)]))
    return out


def walk(setting, seed, prompt, count):
    """Ids from a model of 10 tokens whose logits fall with the distance from last token + 1."""
    ids, last = [], prompt
    for n in range(count):
        logits = np.array([-((i - last - 1) % 10) for i in range(10)], dtype=np.float32)
        case = {"temperature": 1.0, "repetition_penalty": 1.0, "used": [prompt], "generated": ids} | setting
        order, probabilities = distribution(logits, case)
        steps = np.cumsum(probabilities[order])
        u = (splitmix(seed, n) >> 11) * 2.0 ** -53
        last = int(order[np.searchsorted(steps, u * steps[-1], side="right")])
        ids.append(last)
    return ids


def score(logits, chosen, count):
    """Log probabilities of the chosen token and of the `count` most probable ones."""
    x = logits.astype(np.float64)
    logprobs = x - x.max() - np.log(np.exp(x - x.max()).sum())
    best = [int(i) for i in np.argsort(-logits, kind="stable")[:count]]
    return {"chosen": chosen, "logprob": float(logprobs[chosen]), "best": best,
            "logprobs": [float(logprobs[i]) for i in best]}


def main():
    rng = np.random.Generator(np.random.PCG64(7))
    logits = (rng.standard_normal(VOCABULARY) * 3).astype(np.float32)
    # Equal logits at several ranks: the largest, near the 40th, near the end.
    falling = np.argsort(-logits, kind="stable")
    for rank in (0, 39, 40, 41, 180):
        logits[falling[rank + 1]] = logits[falling[rank]]
    used = [int(i) for i in rng.integers(0, VOCABULARY, 30)]
    settings = [
        {}, {"temperature": 0.3}, {"temperature": 3.0}, {"top_k": 1}, {"top_k": 5}, {"top_k": 40}, {"top_k": 200},
        {"top_k": 1000}, {"top_p": 0.05}, {"top_p": 0.5}, {"top_p": 0.95}, {"top_p": 0.999}, {"top_p": 1.0},
        {"min_p": 0.0}, {"min_p": 0.05}, {"min_p": 1.0}, {"repetition_penalty": 1.3}, {"repetition_penalty": 0.8},
        {"top_k": 40, "top_p": 0.9}, {"top_k": 40, "min_p": 0.2}, {"top_p": 0.9, "min_p": 0.1},
        {"temperature": 0.7, "top_k": 20, "top_p": 0.8, "min_p": 0.02, "repetition_penalty": 1.1},
        {"temperature": 1.8, "top_k": 60, "top_p": 0.97, "min_p": 0.01, "repetition_penalty": 1.5},
    ]
    cases = []
    for number, setting in enumerate(settings):
        case = {"temperature": 1.0, "repetition_penalty": 1.0, "used": used, "seed": 1000 + number} | setting
        order, probabilities = distribution(logits, case)
        case["kept"] = sorted(int(i) for i in order)
        case["probabilities"] = [float(probabilities[i]) for i in case["kept"]]
        case["draws"] = draws(order, probabilities, case["seed"], 50)
        cases.append(case)
    generated = [49, 49, 103, 7, 7, 7, 158, 3, 199, 103, 49, 49]
    bias = [[49, -100.0], [103, 1.25], [12, 6.5], [158, -0.5], [22, 100.0]]
    for setting in [
        {"frequency_penalty": 0.7}, {"presence_penalty": 1.5}, {"frequency_penalty": -0.4, "presence_penalty": -1.1},
        {"bias": bias[:4]}, {"bias": bias},
        {"bias": bias[:4], "repetition_penalty": 1.3, "frequency_penalty": 0.3, "presence_penalty": 0.6, "top_k": 30,
         "temperature": 1.2},
    ]:
        case = {"temperature": 1.0, "repetition_penalty": 1.0, "used": used, "generated": generated,
                "seed": 1000 + len(cases)} | setting
        order, probabilities = distribution(logits, case)
        case["kept"] = sorted(int(i) for i in order)
        case["probabilities"] = [float(probabilities[i]) for i in case["kept"]]
        case["draws"] = draws(order, probabilities, case["seed"], 50)
        cases.append(case)
    wanted = [(49, 0), (103, 1), (26, 5), (7, 20), (0, 50), (1, 300)]
    scores = [score(logits, chosen, count) for chosen, count in wanted]
    bits = [{"seed": s, "bits": [str(splitmix(s, n)) for n in range(4)]} for s in (0, 1, MASK)]
    setting = {"temperature": 2.0, "top_k": 5, "top_p": 0.95, "repetition_penalty": 1.2}
    walks = [{"seed": seed, "ids": walk(setting, seed, 1, 40)} for seed in (42, 43)]
    setting = {"temperature": 2.0, "frequency_penalty": 0.8, "presence_penalty": -0.3, "bias": [[4, -100.0], [5, 1.5]]}
    adjusted_walks = [setting | {"seed": seed, "ids": walk(setting, seed, 1, 40)} for seed in (44, 45)]
    print(json.dumps({"walks": walks, "adjusted_walks": adjusted_walks, "scores": scores,
                      "logits": [float(x) for x in logits], "cases": cases, "bits": bits}))


main()
