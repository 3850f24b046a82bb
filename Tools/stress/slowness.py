"""Clients that read or write at a trickle, or stop: each is turned away in time, and nobody else notices."""
import threading
import time

import survival
import wire

# Seconds by which the server may be late; the machine is busy.
GRACE = 6
# Seconds without a byte taken after which the server gives up, and those in which an answer comes to be and fills the
# buffers.
STALL, SURELY = 30, 10


def reader(server, number, trickles, seconds, results):
    """Asks for more than the kernel's buffers hold and takes a byte a second, or nothing."""
    body = {"model": server.model, "messages": [{"role": "user", "content": f"Story {number}"}], "max_tokens": 300,
            "logprobs": True, "top_logprobs": 20, "seed": number, "ignore_eos": True, "stream": True}
    source = f"127.0.1.{1 + number % 8}"
    connection = wire.Connection(server.port, source=source, receive_buffer=4096, timeout=120)
    connection.send(wire.post("/v1/chat/completions", body))
    try:
        while connection.read_head() == 503:
            # Its turn did not come in time.
            connection.body()
            time.sleep(1)
            connection.send(wire.post("/v1/chat/completions", body))
        connection.take_until(b"data: ")
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(1)
            if trickles:
                connection.take(1)
        results.append(("reader", drain(connection) if seconds > STALL else "", seconds))
    except (OSError, wire.Closed) as error:
        results.append(("reader", repr(error), 0))
    connection.close()


def drain(connection):
    """Takes what the kernels still hold: whether that is a whole answer tells if the server had given up."""
    connection.socket.settimeout(10)
    rest = b""
    try:
        while piece := connection.socket.recv(65536):
            rest = rest[-64:] + piece
    except TimeoutError:
        return "open"
    except OSError:
        pass
    return "whole" if b"[DONE]" in rest else "given up"


def writer(server, number, kind, results):
    """Sends a byte of its headers or body each half second, or stops in the middle of them."""
    path = "/v1/completions"
    body = b'{"model":"' + server.model.encode() + b'","prompt":"a","max_tokens":1' + b" " * 4000 + b"}"
    request = wire.post(path, body)
    head = request.index(b"\r\n\r\n") + 4
    sent = {"headers drip": 10, "headers stop": 40, "body drips": head + 10, "body stops": head + 40}[kind]
    connection = wire.Connection(server.port, source=f"127.0.2.{1 + number % 8}", timeout=60)
    connection.send(request[:sent])
    start = time.monotonic()
    answer = b""
    connection.socket.settimeout(0.5)
    while time.monotonic() - start < 90:
        try:
            if kind.endswith(("drip", "drips")):
                connection.send(request[sent:sent + 1])
                sent += 1
            piece = connection.socket.recv(4096)
            if not piece:
                break
            answer += piece
        except TimeoutError:
            continue
        except OSError:
            break
    connection.close()
    return results.append((kind, answer[9:12].decode() or "no answer", time.monotonic() - start))


def attack(server, readers, writers, seconds=STALL + SURELY, around=None):
    """seconds: how long the readers stay."""
    results = []
    kinds = ("headers drip", "headers stop", "body drips", "body stops")
    threads = [
        threading.Thread(target=writer, args=(server, number, kinds[number % 4], results)) for number in range(writers)]
    threads += [
        threading.Thread(target=reader, args=(server, number, number % 2 == 0, seconds, results))
        for number in range(readers)]
    for thread in threads:
        thread.start()
        time.sleep(0.02)
    while any(thread.is_alive() for thread in threads):
        time.sleep(0.5)
        if around:
            around.watch()
    return results


def tell(run, results, readers, writers):
    late = {}
    for kind, answer, seconds in results:
        late.setdefault(kind, []).append((answer, round(seconds, 1)))
    for kind, found in sorted(late.items()):
        longest = max(seconds for _, seconds in found)
        if kind == "reader":
            holds = all(answer == "given up" for answer, _ in found)
        else:
            # 10 s for headers; a body of less than 1 KiB/s is given up after 10 s, one that stands still as well.
            holds = all(answer == "408" for answer, _ in found) and longest <= 10 + GRACE
        answers = sorted({answer for answer, _ in found})
        found_text = f"{'/'.join(answers)} after at most {longest} s"
        run.report.check("slow", f"{len(found)} x {kind}: turned away in time", holds, found_text)
    run.report.check("slow", "all were told", len(results) == readers + writers, f"{len(results)} clients")


def part(run):
    # A reader needs half a minute to be given up.
    readers, writers = (0, 16) if run.quick else (100, 100)
    with run.server("--parallel", 8, "--queue", 256, name="slow") as server:
        around = survival.Survival(run, "slow", server)
        if not run.quick:
            attack(server, readers, writers)
        around.before()
        found = []
        around.beside(lambda: found.extend(attack(server, readers, writers, around=around)), None)
        tell(run, found, readers, writers)
        around.after()
