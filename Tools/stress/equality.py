"""Answers under load are those of the quiet server: every token, every log probability, every character."""
import json
import queue
import random
import threading
import time

import wire

WORDS = ("the little dog saw a red ball in the old garden and ran to his mother who sat under a tall tree with her "
         "friend the bird they laughed because it was sunny but then rain came so we all went home to eat warm bread "
         "one day Tim found Lily near river big blue boat very happy sad lost toy box said please help me").split()


def prose(generator, count):
    return " ".join(generator.choice(WORDS) for _ in range(count))


def make_request(generator, model, prefixes, vocabulary):
    """A path and a body; half of the prompts go on from one of a few beginnings."""
    start = generator.choice(prefixes) + " " if generator.random() < 0.5 else ""
    text = start + prose(generator, generator.choice((2, 5, 10, 20, 30)))
    body = {"model": model, "max_tokens": generator.choice((1, 8, 24, 48, 80))}
    if generator.random() < 0.5:
        body["temperature"] = 0
    else:
        body |= {"temperature": generator.choice((0.7, 1, 1.5)), "seed": generator.randrange(2**63)}
        body |= generator.choice(({}, {"top_p": 0.9}, {"top_k": 40}, {"min_p": 0.05}, {"repetition_penalty": 1.2}))
    if generator.random() < 0.1:
        body["n"] = 2
    if generator.random() < 0.1:
        body["stop"] = [generator.choice(WORDS), "."]
    if generator.random() < 0.1:
        body["logit_bias"] = {str(generator.randrange(vocabulary)): 5}
    if generator.random() < 0.5:
        body["ignore_eos"] = True
    scored = generator.random() < 0.5
    if generator.random() < 0.5:
        body["messages"] = [{"role": "system", "content": start or "Be kind."}, {"role": "user", "content": text}]
        body |= {"logprobs": True, "top_logprobs": 3} if scored else {}
        return "/v1/chat/completions", body
    body["prompt"] = text
    body |= {"logprobs": 3} if scored else {}
    if generator.random() < 0.1:
        body["prompt"] = [generator.randrange(3, vocabulary) for _ in range(generator.randrange(1, 80))]
    return "/v1/completions", body


def make_requests(count, seed, model, vocabulary):
    generator = random.Random(seed)
    prefixes = [prose(generator, length) for length in (4, 8, 12, 16, 20, 24)]
    return [make_request(generator, model, prefixes, vocabulary) for _ in range(count)]


def canonical(choices, usage):
    """What two answers must have in common: texts, log probabilities, ends, and the number of tokens."""
    told = {index: (choice["text"], choice["tokens"], choice["end"]) for index, choice in choices.items()}
    return told, usage


def add_choice(choices, choice):
    """Adds what a whole answer or a chunk of one says of a choice."""
    known = choices.setdefault(choice["index"], {"text": "", "tokens": [], "end": None})
    message = choice.get("message") or choice.get("delta")
    known["text"] += choice["text"] if message is None else message.get("content") or ""
    known["end"] = choice["finish_reason"] or known["end"]
    scores = choice.get("logprobs")
    if not scores:
        return
    if "content" in scores:
        known["tokens"] += scores["content"]
    else:
        known["tokens"] += list(map(list, zip(
            scores["tokens"], scores["token_logprobs"], scores["top_logprobs"], scores["text_offset"])))


def ask_whole(port, path, body, source=None):
    status, answer = wire.ask(port, wire.post(path, body), source, timeout=300)
    if status != 200:
        return status, answer[:200]
    answer = json.loads(answer)
    choices = {}
    for choice in answer["choices"]:
        add_choice(choices, choice)
    return status, canonical(choices, answer["usage"]["completion_tokens"])


def ask_streaming(port, path, body, source=None, leave_after=None, resets=False):
    """leave_after: events after which the client is gone; then what came so far is returned with usage None."""
    choices, usage, is_done = {}, None, False
    with wire.Connection(port, source=source, timeout=300) as connection:
        connection.send(wire.post(path, {**body, "stream": True, "stream_options": {"include_usage": True}}))
        if connection.read_head() != 200:
            return connection.status, connection.body()[:200]
        for count, event in enumerate(connection.events()):
            if leave_after is not None and count >= leave_after:
                if resets:
                    connection.reset()
                return 200, canonical(choices, None)
            if event == b"[DONE]":
                is_done = True
                continue
            chunk = json.loads(event)
            if "error" in chunk:
                return 0, str(chunk)
            usage = chunk["usage"]["completion_tokens"] if chunk["usage"] else usage
            for choice in chunk["choices"]:
                add_choice(choices, choice)
    return (200, canonical(choices, usage)) if is_done else (0, "no [DONE]")


def is_beginning(part, whole):
    """Whether an answer that was left early says nothing that the whole one does not."""
    for index, (text, tokens, _) in part[0].items():
        full_text, full_tokens, _ = whole[0][index]
        if not full_text.startswith(text) or full_tokens[:len(tokens)] != tokens:
            return False
    return True


class Tally:
    def __init__(self):
        self.lock = threading.Lock()
        self.equal = self.left = self.tokens = self.scored = self.refused = 0
        self.wrong = []

    def count(self, number, status, answer, expected, leaves):
        with self.lock:
            if status != 200:
                self.wrong.append((number, status, answer))
            elif leaves and answer[1] is None:
                self.left += 1
                if not is_beginning(answer, expected):
                    self.wrong.append((number, "left", answer, expected))
            elif answer != expected:
                self.wrong.append((number, "differs", answer, expected))
            elif not leaves:
                self.equal += 1
                self.tokens += answer[1]
                self.scored += sum(len(tokens) for _, tokens, _ in answer[0].values())


def run_together(port, requests, expected, concurrency, seed, leaving):
    """All requests at once, `concurrency` at a time: half of them streaming, `leaving` more that leave midway."""
    generator = random.Random(seed)
    jobs = [(number, generator.random() < 0.5, None, False) for number in range(len(requests))]
    jobs += [(generator.randrange(len(requests)), True, generator.randrange(12), generator.random() < 0.5)
             for _ in range(leaving)]
    generator.shuffle(jobs)
    waiting, tally = queue.SimpleQueue(), Tally()
    for job in jobs:
        waiting.put(job)

    def work(source):
        while True:
            try:
                number, streams, leave_after, resets = waiting.get_nowait()
            except queue.Empty:
                return
            path, body = requests[number]
            status = 503
            while status == 503:
                try:
                    if streams:
                        status, answer = ask_streaming(port, path, body, source, leave_after, resets)
                    else:
                        status, answer = ask_whole(port, path, body, source)
                except (OSError, wire.Closed) as error:
                    status, answer = -1, repr(error)
                if status == 503:
                    # So many tokens may not wait at once, as designed.
                    tally.refused += 1
                    time.sleep(0.05)
            tally.count(number, status, answer, expected[number], leave_after is not None)

    threads = [threading.Thread(target=work, args=(f"127.0.0.{20 + index % 4}",)) for index in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def part(run):
    """Serial, cold and alone on one server; then together on another whose cache is too small for all."""
    # Room for a few of the requests; the longest fits.
    count, blocks = 60 if run.quick else run.requests, 32
    requests = make_requests(count, run.seed, run.model_name, run.vocabulary)
    start = time.monotonic()
    # Two places, for the two choices of one request; requests come one after the other.
    with run.server("--parallel", 2, "--no-prefix-cache", name="serial") as server:
        expected = []
        for path, body in requests:
            status, answer = ask_whole(server.port, path, body)
            if status != 200:
                return run.report.check("equal", "the serial run is answered", False, answer)
            expected.append(answer)
    run.report.note("equal", "serial run", f"{count} requests in {time.monotonic() - start:.0f} s")
    memory = blocks * run.block_bytes
    start = time.monotonic()
    with run.server(
            "--parallel", 16, "--kv", "f16", "--cache-memory", memory, "--max-connections-per-address", 512,
            name="together") as server:
        tally = run_together(server.port, requests, expected, 16, run.seed, count // 10)
        seconds = time.monotonic() - start
        left = server.settle()
        metrics = server.metrics()
    tell(run.report, tally, count, seconds, left, metrics)


def tell(report, tally, count, seconds, left, metrics):
    first = f"; first: {str(tally.wrong[0])[:400]}" if tally.wrong else ""
    report.check(
        "equal", f"{count} answers under concurrency 16 equal the serial ones", tally.equal == count and not tally.wrong,
        f"{tally.equal} equal, {len(tally.wrong)} not; {tally.tokens} tokens, {tally.scored} of them with log "
        f"probabilities; {seconds:.0f} s, {tally.refused} times told to come later{first}")
    report.check("equal", "what came to clients that left is a beginning of it", tally.left > 0, f"{tally.left} left")
    preempted = metrics.get("ister_num_preemptions_total", 0)
    evicted = metrics.get("ister_prefix_cache_evictions_total", 0)
    cached = metrics.get("ister_prefix_cache_hits_total", 0)
    queried = metrics.get("ister_prefix_cache_queries_total", 0)
    report.check("equal", "requests had to give way", preempted > 0, f"{preempted:.0f} preemptions")
    report.check("equal", "cached blocks were evicted", evicted > 0, f"{evicted:.0f} blocks of 16 tokens")
    report.check(
        "equal", "prefixes were found in the cache", cached > 0, f"{cached:.0f} of {queried:.0f} prompt tokens")
    report.check("equal", "nothing is held afterwards", not left, left or "")
