"""Clients that do nothing wrong while others do: streams whose tokens are timed and compared.

As a program (so that no other thread delays its clock): bystanders.py PORT MODEL COUNT; ends when stdin does, then
prints what it saw as JSON.
"""
import json
import socket
import subprocess
import sys
import threading
import time

import report
import wire

TOKENS = 120


def stream_request(model, number):
    return wire.post("/v1/completions", {
        "model": model, "prompt": f"Once upon a time there were {number + 2} friends who", "max_tokens": TOKENS,
        "temperature": 0, "ignore_eos": True, "stream": True})


def follow(port, model, number, seen, is_over):
    """Streams one after the other. Gaps are only counted within a stream."""
    texts = set()
    while not is_over.is_set():
        try:
            with wire.Connection(port, source="127.0.0.9", timeout=60) as connection:
                connection.send(stream_request(model, number))
                if connection.read_head() == 503:
                    seen["refused"] += 1
                    time.sleep(0.05)
                    continue
                read_stream(connection, seen, texts, is_over)
        except (OSError, wire.Closed, ValueError, KeyError) as error:
            if not is_over.is_set():
                seen["errors"].append(repr(error))
    seen["texts"] += max(len(texts) - 1, 0)


def read_stream(connection, seen, texts, is_over):
    text, last, is_done = "", None, False
    for event in connection.events():
        now = time.monotonic()
        if is_over.is_set():
            return
        if event == b"[DONE]":
            is_done = True
            continue
        body = json.loads(event)
        if "error" in body:
            seen["errors"].append(body["error"]["code"])
            return
        piece = body["choices"][0]["text"]
        text += piece
        if piece:
            if last is not None:
                seen["gaps"].append((now, now - last))
            last = now
    if is_done:
        texts.add(text)
        seen["streams"] += 1
    else:
        seen["errors"].append("a stream without an end")


def main(port, model, count):
    is_over = threading.Event()
    seen = {"gaps": [], "errors": [], "refused": 0, "streams": 0, "texts": 0}
    threads = [
        threading.Thread(target=follow, args=(port, model, number, seen, is_over), daemon=True)
        for number in range(count)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    is_over.set()
    for thread in threads:
        thread.join(10)
    json.dump(seen, sys.stdout)


class Bystanders:
    """Runs the program beside a test; times are of the machine's monotonic clock, as `time.monotonic`."""

    def __init__(self, server, count=2):
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(server.port), server.model, str(count)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.seen = None

    def stop(self):
        out, _ = self.process.communicate("", timeout=90)
        self.seen = json.loads(out)
        return self

    def gaps(self, window):
        """Seconds between tokens that came in a window (start, end)."""
        return [gap for at, gap in self.seen["gaps"] if window[0] <= at <= window[1]]

    def p99(self, window):
        return report.percentile(self.gaps(window), 0.99)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
    except (BrokenPipeError, KeyboardInterrupt, socket.error):
        sys.exit(1)
