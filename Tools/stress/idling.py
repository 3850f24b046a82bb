"""Thousands of connections that say nothing: held up to the limit, told or closed beyond it, ended after a while."""
import time

import survival
import wire


def open_many(server, count, talks):
    """Connections from several addresses. talks: the share that asks once and then stays."""
    connections = []
    for number in range(count):
        try:
            connection = wire.Connection(server.port, source=f"127.0.3.{1 + number % 100}", timeout=20)
        except OSError:
            continue
        connections.append(connection)
        if number % 100 < talks * 100:
            connection.ask(wire.get("/health"))
    return connections


def wait_for_connections(server, count):
    """The system accepts before the server does. What the server holds at last, without this question's connection."""
    end = time.monotonic() + 5
    while True:
        held = server.metrics().get("ister_http_connections", 0) - 1
        if held >= count or time.monotonic() > end:
            return held
        time.sleep(0.05)


def attack(run, server, count, around=None):
    """Opens them, asks as a normal client meanwhile, and waits until the server has ended them."""
    connections = open_many(server, count, 0 if run.quick else 0.5)
    held = wait_for_connections(server, len(connections))
    times = []
    for number in range(10):
        start = time.monotonic()
        status, _ = wire.ask(server.port, wire.post("/v1/completions", {
            "model": server.model, "prompt": f"Number {number}", "max_tokens": 4}), "127.0.0.30")
        times.append((status, time.monotonic() - start))
    if around:
        around.watch()
    start = time.monotonic()
    open_count = len(connections)
    # 10 s for those that never spoke, 30 s after an answer.
    while open_count > 0 and time.monotonic() - start < 45:
        time.sleep(1)
        open_count = server.metrics().get("ister_http_connections", 0) - 1 - (2 if around else 0)
    for connection in connections:
        connection.close()
    return {"held": held, "times": times, "seconds": time.monotonic() - start, "open": open_count}


def raised(run):
    count = 200 if run.quick else 2000
    limits = ("--max-connections", 4096, "--max-connections-per-address", 4096)
    with run.server("--parallel", 8, *limits, name="idle") as server:
        around = survival.Survival(run, "idle", server)
        if not run.quick:
            attack(run, server, count)
        around.before()
        found = {}
        around.beside(lambda: found.update(attack(run, server, count, around)), None)
        check = run.report.check
        check("idle", f"{count} are held", found["held"] >= count, f"{found['held']:.0f} connections")
        check("idle", "meanwhile others are answered", all(status == 200 for status, _ in found["times"]),
              f"{len(found['times'])} answers, the slowest in {max(s for _, s in found['times']):.2f} s")
        check("idle", "silence ends after 30 s", found["open"] <= 0 and found["seconds"] < 40,
              f"{found['seconds']:.0f} s, {max(found['open'], 0):.0f} left")
        around.after()


def limited(run):
    """The limits as they are: 512 connections, 64 of one address."""
    count = 200 if run.quick else 2000
    with run.server(name="idle-limited") as server:
        around = survival.Survival(run, "idle, default limits", server)
        for connection in open_many_of_one(server, count):
            connection.close()
        around.before()
        connections = open_many_of_one(server, count)
        told = sum(refusal(connection) == 503 for connection in connections[64:128])
        status, _ = wire.ask(server.port, wire.get("/health"), "127.0.0.31")
        run.report.check(
            "idle, default limits", "one address holds 64; of those beyond, 64 are told 503, the others closed",
            told == 64 and status == 200, f"{len(connections)} opened, {told} told, another address gets {status}")
        ended = sum(connection.is_closed_within(0.5) for connection in connections[128:160])
        run.report.check("idle, default limits", "those far beyond are closed at once", ended == 32, f"{ended} of 32")
        for connection in connections:
            connection.close()
        around.after()


def open_many_of_one(server, count):
    connections = []
    for _ in range(count):
        connections.append(wire.Connection(server.port, source="127.0.3.1", timeout=10))
        # One after the other: the limit counts in the order of arrival.
        if len(connections) in (64, 128):
            time.sleep(0.5)
    time.sleep(0.5)
    return connections


def refusal(connection):
    """What a connection beyond the limit is told on its first request."""
    try:
        return connection.ask(wire.get("/health"))[0]
    except (OSError, wire.Closed):
        return None


def part(run):
    raised(run)
    limited(run)
