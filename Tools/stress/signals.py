"""What an operator, a disk or a deployment does to a server that is busy."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time

import wire


def body_of(model, number, tokens):
    return {"model": model, "prompt": f"Once upon a time there were {number + 2} friends who", "max_tokens": tokens,
            "temperature": 0, "ignore_eos": True}


class Stream(threading.Thread):
    """Reads one stream to its end and keeps what came."""

    def __init__(self, server, number, tokens, headers=()):
        super().__init__(daemon=True)
        body = {**body_of(server.model, number, tokens), "stream": True}
        self.data = wire.post("/v1/completions", body, headers)
        self.server, self.number = server, number
        self.text, self.reason, self.error, self.status = "", None, None, None
        self.is_done = False

    def run(self):
        try:
            with wire.Connection(self.server.port, f"127.0.0.{40 + self.number % 8}", timeout=120) as connection:
                connection.send(self.data)
                self.status = connection.read_head()
                if self.status != 200:
                    self.error = json.loads(connection.body())["error"]["code"]
                    return
                for event in connection.events():
                    self.take(event)
        except (OSError, wire.Closed) as error:
            self.error = self.error or repr(error)

    def take(self, event):
        if event == b"[DONE]":
            self.is_done = True
            return
        body = json.loads(event)
        if "error" in body:
            self.error = body["error"]["code"]
            return
        choice = body["choices"][0]
        self.text += choice["text"]
        self.reason = choice["finish_reason"] or self.reason

    def is_whole(self, expected):
        return self.is_done and self.error is None and self.reason == "length" and self.text == expected


def texts(run, tokens, count):
    """Each prompt's answer by a server that does nothing else."""
    with run.server("--parallel", 1, "--no-prefix-cache", name="alone") as server:
        found = []
        for number in range(count):
            _, answer = wire.ask(server.port, wire.post("/v1/completions", body_of(server.model, number, tokens)))
            found.append(json.loads(answer)["choices"][0]["text"])
        return found


def start_streams(server, count, tokens, until):
    """Starts streams; returns when `until` of them have text."""
    streams = [Stream(server, number, tokens) for number in range(count)]
    for stream in streams:
        stream.start()
    end = time.monotonic() + 30
    while sum(bool(stream.text) for stream in streams) < until and time.monotonic() < end:
        time.sleep(0.001)
    return streams


def wait_for_heads(streams):
    """Accepted is what has its status: the promise to end whole is made to those."""
    while not all(stream.status or stream.error for stream in streams):
        time.sleep(0.001)


def refuses_connections(server):
    """Whether nobody listens any more."""
    for _ in range(50):
        try:
            wire.Connection(server.port, "127.0.0.50", timeout=5).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            pass
        time.sleep(0.02)
    return False


def drain(run):
    tokens = 200
    expected = texts(run, tokens, 32)
    for round in range(1 if run.quick else 8):
        # Sometimes before the first token, sometimes in the middle, sometimes when some have ended.
        until = (4, 0, 8, 16, 1, 24, 8, 31)[round]
        with run.server("--parallel", 8, "--queue", 64, name="drain") as server:
            idle = wire.Connection(server.port, "127.0.0.51")
            idle.ask(wire.get("/health"))
            streams = start_streams(server, 32, tokens, until)
            wait_for_heads(streams)
            running = sum(stream.is_alive() for stream in streams)
            start = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            refused = refuses_connections(server)
            for stream in streams:
                stream.join(60)
            code = server.end()
            tell_drain(run, server, streams, expected, code, refused, running, time.monotonic() - start)
            idle.close()
    cut(run)


def tell_drain(run, server, streams, expected, code, refused, running, seconds):
    whole = sum(stream.is_whole(expected[stream.number]) for stream in streams)
    told = re.search(r"stopped cut=(\d+) drained=(\d+)", server.log())
    # Some may have come to their ends between the count and the signal.
    is_told = told is not None and told[1] == "0" and 0 < int(told[2]) <= running
    run.report.check(
        "drain", "SIGTERM under 32 streams: all end whole, nobody new is taken, exit 0",
        whole == 32 and code == 0 and refused and is_told,
        f"{running} running, {whole} whole, exit {code}, {seconds:.1f} s, log: {told and told.group(0)}"
        + ("" if refused else ", connections still taken")
        + "".join(f"; {stream.error}" for stream in streams if stream.error)[:200])


def cut(run):
    """Longer than the time that is given: an error event, and the end in time all the same."""
    with run.server("--parallel", 2, "--queue", 64, "--drain-timeout", 1, "-t", 1, name="cut") as server:
        streams = start_streams(server, 32, min(run.context - 40, 1000), 2)
        wait_for_heads(streams)
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = server.end()
        seconds = time.monotonic() - start
        for stream in streams:
            stream.join(5)
        errors = [stream.error for stream in streams if not stream.is_done]
        run.report.check(
            "drain", "what outlasts the deadline is told so; exit 0 in time",
            code == 0 and seconds < 8 and set(errors) <= {"server_is_overloaded"},
            f"{len(errors)} cut ({sorted(set(map(str, errors)))}), {seconds:.1f} s, exit {code}")


def damage(run):
    tokens = 120 if run.quick else 300
    expected = texts(run, tokens, 8)
    generator = random.Random(run.seed)
    for round in range(2 if run.quick else 20):
        path = os.path.join(run.folder, f"damaged-{round}", os.path.basename(run.model))
        os.makedirs(os.path.dirname(path))
        shutil.copyfile(run.model, path)
        with run.server("--parallel", 8, name="damaged", model=path) as server:
            streams = start_streams(server, 8, tokens, 8)
            time.sleep(generator.random() * 0.05)
            kept = int(os.path.getsize(path) * generator.choice((0, 0.25, 0.5, 0.9)))
            os.truncate(path, kept)
            start = time.monotonic()
            code = server.end(20)
            tell_damage(run, streams, expected, code, time.monotonic() - start, kept)
        shutil.rmtree(os.path.dirname(path))


def tell_damage(run, streams, expected, code, seconds, kept):
    for stream in streams:
        stream.join(5)
    foreign = [stream for stream in streams if not expected[stream.number].startswith(stream.text)]
    told = sum(stream.error == "model_damaged" and not stream.is_done for stream in streams)
    whole = sum(stream.is_whole(expected[stream.number]) for stream in streams)
    characters = sum(len(stream.text) for stream in streams)
    run.report.check(
        "damage", f"cut to {kept >> 10} KiB: error events, exit 74, no wrong text",
        code == 74 and not foreign and told + whole == len(streams) and seconds < 8,
        f"exit {code} after {seconds:.1f} s, {told} told, {whole} had ended, {len(foreign)} wrong of {characters} "
        "characters" + "".join(f"; {s.error}" for s in streams if s.error != "model_damaged" and s.error)[:200])


def make_key(ister, name):
    found = subprocess.run([ister, "key", name], capture_output=True, text=True, check=True)
    return found.stdout, re.search(r"shown only now: (\S+)", found.stderr).group(1)


def write_keys(path, text):
    descriptor = os.open(path + ".new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    os.write(descriptor, text.encode())
    os.close(descriptor)
    os.rename(path + ".new", path)


class KeyUser(threading.Thread):
    """Streams with a key until told to stop; every answer must be whole and the same."""

    def __init__(self, server, number, key, expected):
        super().__init__(daemon=True)
        self.server, self.number, self.key, self.expected = server, number, key, expected
        self.is_over, self.count, self.wrong = False, 0, []

    def run(self):
        while not self.is_over:
            stream = Stream(self.server, self.number, 40, [f"Authorization: Bearer {self.key}"])
            stream.run()
            self.count += 1
            if not stream.is_whole(self.expected):
                self.wrong.append((stream.status, stream.error, stream.reason))


def reload(run):
    (first, key), (second, other) = (make_key(run.ister, name) for name in ("first", "second"))
    path = os.path.join(run.folder, "keys.jsonl")
    write_keys(path, first)
    expected = texts(run, 40, 8)
    with run.server("--key-file", path, "--requests-per-key", 64, "--open", "/metrics", name="reload") as server:
        hang_up(server, path, (first + second, first, "{", first + second), 10)
        # The first ones fill the pools of threads.
        users = start_users(server, key, expected)
        time.sleep(1)
        end_users(users)
        server.settle()
        before = server.held()
        users = start_users(server, key, expected)
        found = switch_keys(server, path, first, second, other, 3 if run.quick else 20)
        hang_up(server, path, (first + second, first, "{"), 30 if run.quick else 300)
        write_keys(path, first)
        end_users(users)
        left = server.settle(before.descriptors)
        tell_reload(run, users, found, before, server.held())
        run.report.check("reload", "nothing is held afterwards", not left, left or "")


def start_users(server, key, expected):
    users = [KeyUser(server, number, key, expected[number]) for number in range(8)]
    for user in users:
        user.start()
    return users


def end_users(users):
    for user in users:
        user.is_over = True
    for user in users:
        user.join(60)


def hang_up(server, path, contents, count):
    for number in range(count):
        write_keys(path, contents[number % len(contents)])
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.01)


def switch_keys(server, path, first, second, other, count):
    """Adds and takes a key away: (turn, how it was answered) where that was not as told within 5 s."""
    wrong = []
    for number in range(count * 2):
        write_keys(path, first + second if number % 2 == 0 else first)
        server.process.send_signal(signal.SIGHUP)
        wanted = 200 if number % 2 == 0 else 401
        end = time.monotonic() + 5
        while True:
            status, _ = wire.ask(server.port, wire.get("/v1/models", [f"Authorization: Bearer {other}"]))
            if status == wanted:
                break
            if time.monotonic() > end:
                wrong.append((number, status))
                break
    return wrong


def tell_reload(run, users, wrong_turns, before, after):
    count = sum(user.count for user in users)
    wrong = [problem for user in users for problem in user.wrong]
    run.report.check("reload", "a key that stays is served all the time", count > 0 and not wrong,
                     f"{count} streams, {len(wrong)} wrong {wrong[:3] or ''}")
    run.report.check("reload", "a key that comes or goes is known within 5 s", not wrong_turns, wrong_turns or "")
    run.report.check("reload", "descriptors and threads are back", after.descriptors <= before.descriptors
                     and after.threads <= before.threads, f"{before}; {after}")
