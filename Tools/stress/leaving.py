"""Clients that leave at any moment, with a farewell (FIN), half of one, or none (RST)."""
import random
import socket
import threading
import time

import equality
import wire

PHASES = (
    "connected", "request line", "headers", "before body", "body", "sent", "answer's head", "first token",
    "mid-stream", "end", "whole answer running", "second request")


def request_bytes(generator, model):
    path, body = equality.make_request(generator, model, [equality.prose(generator, 20)], 500)
    body |= {"max_tokens": 40, "ignore_eos": True, "stream": True}
    return wire.post(path, body), wire.post(path, {**body, "stream": False})


def go_until(connection, phase, streaming, whole, generator):
    """Does what a client would do up to a phase."""
    head = streaming.index(b"\r\n\r\n") + 4
    cuts = {
        "connected": 0, "request line": 9, "headers": head - generator.randrange(3, 60), "before body": head,
        "body": generator.randrange(head + 1, len(streaming))}
    if phase in cuts:
        return connection.send(streaming[:cuts[phase]])
    if phase == "whole answer running":
        connection.send(whole)
        return time.sleep(generator.random() * 0.1)
    connection.send(streaming)
    if phase == "sent":
        return time.sleep(generator.choice((0, 0.001, 0.01)))
    if connection.read_head() != 200 or phase == "answer's head":
        return None
    events = connection.events()
    count = {"first token": 1, "mid-stream": generator.randrange(2, 40)}.get(phase)
    for number, _ in enumerate(events, 1):
        if number == count:
            return None
    if phase == "second request":
        connection.send(whole[:generator.randrange(1, len(whole) + 1)])
    return None


def leave(port, phase, farewell, seed, model, source):
    generator = random.Random(seed)
    streaming, whole = request_bytes(generator, model)
    connection = wire.Connection(port, source=source)
    try:
        go_until(connection, phase, streaming, whole, generator)
    except (OSError, wire.Closed):
        pass
    if farewell == "reset":
        return connection.reset()
    if farewell == "half":
        # Half of a farewell: the server ends the other half.
        try:
            connection.socket.shutdown(socket.SHUT_WR)
            connection.is_closed_within(20)
        except OSError:
            pass
    return connection.close()


def at_once(count, concurrency, action):
    """action(number, source address) for each number, `concurrency` at a time."""
    numbers = iter(range(count))
    lock = threading.Lock()

    def work(source):
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            action(number, source)

    threads = [threading.Thread(target=work, args=(f"127.0.0.{20 + index % 8}",)) for index in range(concurrency)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def storm(server, count, seed):
    def one(number, source):
        generator = random.Random(seed * 1_000_003 + number)
        phase = PHASES[number % len(PHASES)]
        farewell = generator.choice(("finish", "half", "reset"))
        leave(server.port, phase, farewell, generator.random(), server.model, source)

    at_once(count, 16, one)


def stay(server, count):
    """The same requests by clients that stay."""
    def one(number, source):
        generator = random.Random(number)
        streaming, whole = request_bytes(generator, server.model)
        try:
            wire.ask(server.port, streaming if number % 2 else whole, source)
        except (OSError, wire.Closed):
            pass

    at_once(count, 16, one)
