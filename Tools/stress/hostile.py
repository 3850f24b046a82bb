"""Requests that are too large, too deep, too many or no text at all: each is refused by name and costs nothing."""
import json
import time

import survival
import wire

BODY_LIMIT = 8 << 20


def padded(model, length):
    """A request that could be answered, filled up with spaces to a length."""
    start, end = b'{"model":"' + model.encode() + b'","prompt":"a","max_tokens":1', b"}"
    return start + b" " * (length - len(start) - len(end)) + end


def chunked(path, body, size=60_000):
    head = wire.post(path, b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    pieces = [body[start:start + size] for start in range(0, len(body), size)]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def with_headers(lines):
    return wire.get("/health", lines)


def header_cases():
    """The limits: 100 fields, 32 KiB of headers, 4 KiB of target. Host is a field, too."""
    name_length = len("X-A: ")
    yield "99 header fields", with_headers([f"X-{i}: a" for i in range(99)]), {200}
    yield "101 header fields", with_headers([f"X-{i}: a" for i in range(100)]), {431}
    yield "100,000 header fields", with_headers([f"X-{i}: a" for i in range(100_000)]), {431}
    yield "a header of 30 KiB", with_headers(["X-A: " + "a" * (30 * 1024 - name_length)]), {200}
    yield "a header of 33 KiB", with_headers(["X-A: " + "a" * (33 * 1024)]), {431}
    yield "a header of 8 MiB", with_headers(["X-A: " + "a" * (8 << 20)]), {431}
    yield "8 MiB of headers of 1 KiB", with_headers([f"X-{i}: " + "a" * 1000 for i in range(8000)]), {431}
    yield "a header's name of 1 MiB", with_headers(["X" * (1 << 20) + ": a"]), {400, 431}
    yield "a target of 4 KiB", wire.get("/" + "a" * 4095), {404}
    yield "a target of 4 KiB and a byte", wire.get("/" + "a" * 4096), {414}
    yield "a target of 1 MiB", wire.get("/" + "a" * (1 << 20)), {414, 431}
    yield "a target that is no UTF-8", wire.get("/").replace(b"GET / ", b"GET /\xff\xfe "), {400, 404}
    yield "a header that is no UTF-8", wire.get("/health")[:-2] + b"X-A: \xff\xfe\x80\r\n\r\n", {200, 400}
    for length, status in (("-1", 400), ("1e3", 400), (str(1 << 62), 413), (str(1 << 63), 413), (str(1 << 64), 400)):
        request = wire.post("/v1/completions", b"{}").replace(b"Length: 2", b"Length: " + length.encode())
        yield f"a length of {length}", request, {status}


def body_cases(model):
    path = "/v1/completions"
    ends = ((-1, "a byte below the limit", {200}), (0, "at the limit", {200}), (1, "a byte above it", {413}))
    for extra, name, allowed in ends:
        body = padded(model, BODY_LIMIT + extra)
        yield f"a body {name}", wire.post(path, body), allowed
        yield f"a body {name}, in chunks", chunked(path, body), allowed
    for opening, name in ((b"[", "arrays"), (b'{"a":', "objects")):
        yield f"10^5 nested {name}", wire.post(path, opening * 100_000), {400}
    yield "10^5 nested arrays in a field", wire.post(
        path, b'{"model":"' + model.encode() + b'","prompt":' + b"[" * 100_000 + b"]" * 100_000 + b"}"), {400}
    yield "64 nested values", wire.post(path, b'{"model":"m","metadata":' + b"[" * 63 + b"]" * 63 + b"}"), {400, 404}
    yield "a million values", wire.post(path, b'{"prompt":[' + b"1," * 1_000_000 + b"1]}"), {400}
    yield "10^5 keys", wire.post(path, json.dumps({f"k{i}": i for i in range(100_000)}).encode()), {400}
    yield "10^5 equal keys", wire.post(path, b"{" + b'"prompt":"a",' * 100_000 + b'"prompt":"a"}'), {400}


def length_cases(model, context, vocabulary):
    long = "once upon a time " * (context * 100 // 4)
    message = {"role": "user", "content": "a"}
    chat = "/v1/chat/completions"
    yield "a prompt of 100 contexts", wire.post("/v1/completions", {"model": model, "prompt": long[:7 << 20]}), {400}
    yield "100 contexts of token ids", wire.post(
        "/v1/completions", {"model": model, "prompt": [7] * min(context * 100, 400_000)}), {400}
    yield "a message of 100 contexts", wire.post(
        chat, {"model": model, "messages": [{"role": "user", "content": long[:7 << 20]}]}), {400}
    yield "100 contexts to embed", wire.post("/v1/embeddings", {"model": model, "input": long[:7 << 20]}), {400}
    yield "10^5 messages", wire.post(chat, {"model": model, "messages": [message] * 100_000}), {400}
    yield "2,049 messages", wire.post(chat, {"model": model, "messages": [message] * 2049}), {400}
    yield "a letter 2^20 times", wire.post("/tokenize", {"content": "a" * (1 << 20)}), {200}
    yield "2^20 spaces", wire.post("/tokenize", {"content": " " * (1 << 20)}), {200}
    yield "a letter 2^20 + 1 times", wire.post("/tokenize", {"content": "a" * ((1 << 20) + 1)}), {400}
    yield "33 prompts", wire.post("/v1/completions", {"model": model, "prompt": ["a"] * 33}), {400}
    yield "301 biases", wire.post("/v1/completions", {
        "model": model, "prompt": "a", "logit_bias": {str(i): 1 for i in range(301)}}), {400}
    yield "5 stops", wire.post("/v1/completions", {"model": model, "prompt": "a", "stop": list("abcde")}), {400}
    yield "a stop of 257 bytes", wire.post("/v1/completions", {"model": model, "prompt": "a", "stop": "a" * 257}), {400}


def text_cases(model):
    bad = {
        "a lone continuation byte": b"\x80", "an overlong slash": b"\xc0\xaf", "a surrogate": b"\xed\xa0\x80",
        "beyond Unicode": b"\xf4\x90\x80\x80", "half a character": b"\xe2\x82", "0xFF": b"\xff",
        "an escaped lone surrogate": b"\\ud800", "an escaped low surrogate": b"\\udc00", "half an escape": b"\\u12",
        "a NUL": b"\x00", "a line feed": b"\n"}
    start = b'{"model":"' + model.encode() + b'","max_tokens":1,'
    for name, bytes_ in bad.items():
        yield f"{name} in a prompt", wire.post("/v1/completions", start + b'"prompt":"a' + bytes_ + b'"}'), {400}
        yield f"{name} in a message", wire.post(
            "/v1/chat/completions", start + b'"messages":[{"role":"user","content":"' + bytes_ + b'"}]}'), {400}
    yield "an invalid key", wire.post("/v1/completions", start + b'"prompt":"a","\xff":1}'), {400}
    yield "a byte-order mark", wire.post("/v1/completions", b"\xef\xbb\xbf" + start + b'"prompt":"a"}'), {400}
    yield "an escaped NUL", wire.post("/v1/completions", start + b'"prompt":"a\\u0000b"}'), {200}
    yield "UTF-16", wire.post("/v1/completions", (start + b'"prompt":"a"}').decode().encode("utf-16")), {400}
    yield "no body", wire.post("/v1/completions", b""), {400}


def cases(run, model):
    yield from header_cases()
    yield from body_cases(model)
    yield from length_cases(model, run.context, run.vocabulary)
    yield from text_cases(model)


def send(server, data):
    """The status, None if the connection ended without one, and the seconds until it came."""
    start = time.monotonic()
    try:
        with wire.Connection(server.port, source="127.0.4.1", timeout=60) as connection:
            try:
                connection.send(data)
            except (BrokenPipeError, ConnectionResetError):
                pass  # Refused before all was sent; the answer may still be there.
            status = connection.read_head()
            body = connection.body()
            if status >= 400:
                json.loads(body)["error"]["message"]
            return status, time.monotonic() - start
    except (OSError, wire.Closed) as error:
        return repr(error), time.monotonic() - start


# Seconds each in a debug build.
LONG = ("million", "2^20", "10^5 keys", "10^5 messages", "chunks")


def attack(run, server, around=None):
    wrong, slowest, count = [], (0, ""), 0
    for name, data, allowed in cases(run, server.model):
        if run.quick and any(word in name for word in LONG):
            continue
        status, seconds = send(server, data)
        count += 1
        if status not in allowed:
            wrong.append((name, status))
        slowest = max(slowest, (seconds, name))
        if around:
            around.watch()
    return wrong, slowest, count


def part(run):
    with run.server("--parallel", 8, name="hostile") as server:
        around = survival.Survival(run, "hostile", server)
        around.before(lambda: attack(run, server))
        found = []
        around.beside(lambda: found.append(attack(run, server, around)), None)
        wrong, slowest, count = found[0]
        run.report.check("hostile", f"{count} requests get the answers they deserve", not wrong, wrong or "")
        run.report.note("hostile", "the slowest", f"{slowest[1]}: {slowest[0]:.2f} s")
        around.after()
