"""Puts nginx and HAProxy, as Deployment.md configures them, in front of two servers. Called by Tools/check-proxies.

usage: proxy-test.py ISTER MODEL FOLDER
"""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ISTER, MODEL, FOLDER = sys.argv[1], sys.argv[2], Path(sys.argv[3])
GUIDE = Path(__file__).parent / "deploy/Deployment.md"
HOST = "ister.example"
failures = []


def check(claim, holds, detail=""):
    if not holds:
        failures.append(claim)
    print(f"{'ok' if holds else 'FAILED':6} {claim}" + (f" ({detail})" if not holds else ""), flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def configuration(heading):
    """The first block of a section of the guide."""
    section = GUIDE.read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return section.split("```\n")[1]


def with_servers(text, ports):
    return text.replace("10.0.0.1:8080", f"127.0.0.1:{ports[0]}").replace("10.0.0.2:8080", f"127.0.0.1:{ports[1]}")


def start_nginx(ports, port):
    text = with_servers(configuration("nginx"), ports)
    text = re.sub(r"listen 443 ssl;", f"listen 127.0.0.1:{port};", text)
    text = "\n".join(line for line in text.split("\n") if "ssl_certificate" not in line)
    paths = "".join(f"{name}_temp_path {FOLDER};\n" for name in ("proxy", "fastcgi", "uwsgi", "scgi", "client_body"))
    file = FOLDER / "nginx.conf"
    file.write_text(f"daemon off; pid {FOLDER}/nginx.pid; error_log {FOLDER}/nginx.log;\n"
                    f"events {{}}\nhttp {{\naccess_log off;\n{paths}{text}}}\n")
    return subprocess.Popen(["nginx", "-c", str(file), "-e", f"{FOLDER}/nginx.log"])


def start_haproxy(ports, port):
    text = with_servers(configuration("HAProxy"), ports)
    text = re.sub(r"bind :443 .*", f"bind 127.0.0.1:{port}", text)
    file = FOLDER / "haproxy.cfg"
    file.write_text(text)
    return subprocess.Popen(["haproxy", "-q", "-f", str(file)])


def start_server(port):
    environment = dict(os.environ, ISTER_ISA="scalar")  # Slow enough for streams to be watched.
    return subprocess.Popen(
        [ISTER, "serve", MODEL, "--port", str(port), "--allowed-host", HOST, "--threads", "1", "--drain-delay", "6",
         "--max-connections-per-address", "512", "--cache-memory", "16M"],
        env=environment, stderr=open(FOLDER / f"server-{port}.log", "w"))


def request(port, method, path, body=None, host=HOST):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(method, path, body, {"Host": host, "Content-Type": "application/json"})
    return connection, connection.getresponse()


def chat(tokens, stream):
    return json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": tokens,
                       "stream": stream, "ignore_eos": True})


def status(port, path="/readyz", host=HOST):
    try:
        connection, response = request(port, "GET", path, host=host)
        response.read()
        connection.close()
        return response.status
    except OSError:
        return 0


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


def running(ports):
    total = 0
    for port in ports:
        connection, response = request(port, "GET", "/metrics", host="localhost")
        for line in response.read().decode().split("\n"):
            if line.startswith("ister_num_requests_running"):
                total += float(line.rsplit(" ", 1)[1])
        connection.close()
    return total


def test_proxy(name, port, ports):
    check(f"{name}: the server is reached", wait_for(lambda: status(port) == 200))
    connection, response = request(port, "POST", "/v1/chat/completions", chat(150, True))
    pieces = []
    while piece := response.read1(65536):
        pieces.append(piece)
    whole = b"".join(pieces)
    check(f"{name}: a stream comes in pieces, to its end",
          len(pieces) > 20 and whole.endswith(b"data: [DONE]\n\n"), f"{len(pieces)} pieces")
    check(f"{name}: the answer has a request id", bool(response.getheader("x-request-id")))
    connection.close()
    connection, response = request(port, "POST", "/v1/chat/completions", chat(400, True))
    response.read1(10)
    connection.sock.close()
    response.close()
    check(f"{name}: a client that leaves ends its request", wait_for(lambda: running(ports) == 0, 10))
    connection, response = request(port, "POST", "/v1/chat/completions", b" " * (8 << 20) + b" " * 65536)
    check(f"{name}: a body over the limit is refused", response.status == 413, str(response.status))
    connection.close()
    body = b'{"model":"tiny","prompt":"a","max_tokens":1}'
    connection, response = request(port, "POST", "/v1/completions", b" " * ((8 << 20) - len(body)) + body)
    check(f"{name}: one of the limit is answered", response.status == 200, str(response.status))
    connection.close()


def test_drain(name, port, server):
    """Requests go on without a failure while one of the servers stops."""
    server.send_signal(signal.SIGTERM)
    statuses = []
    while server.poll() is None and len(statuses) < 2000:
        connection, response = request(port, "POST", "/v1/chat/completions", chat(2, False))
        response.read()
        statuses.append(response.status)
        connection.close()
        time.sleep(0.02)
    check(f"{name}: one server stops, and no request fails", set(statuses) == {200} and len(statuses) > 20,
          f"{len(statuses)} requests, {set(statuses)}")
    check(f"{name}: and it stops well", server.wait(30) == 0)


def main():
    for name, start in (("nginx", start_nginx), ("HAProxy", start_haproxy)):
        ports, port = [free_port(), free_port()], free_port()
        servers = [start_server(port) for port in ports]
        proxy = None
        try:
            check(f"{name}: two servers start", all(wait_for(lambda: status(port) == 200) for port in ports))
            proxy = start(ports, port)
            test_proxy(name, port, ports)
            test_drain(name, port, servers[0])
        finally:
            for process in [proxy, *servers]:
                if process:
                    process.terminate()
                    process.wait()
    print(f"proxies: {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
