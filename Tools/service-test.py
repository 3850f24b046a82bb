#!/usr/bin/env python3
"""Plays systemd for `ister serve`: hands it a listening socket, hears its notifications, reloads and stops it.

usage: Tools/service-test.py PATH-TO-ISTER MODEL.ister
"""
import contextlib
import os
import signal
import socket
import sys
import tempfile
import time
import urllib.request

failures = 0


def check(name, holds, found=""):
    global failures
    if not holds:
        failures += 1
        print(f"service-test: failed: {name}: {found!r}", file=sys.stderr)


def main(ister, model):
    with tempfile.TemporaryDirectory() as folder:
        play(ister, model, folder)
        if failures:
            with open(os.path.join(folder, "log")) as log:
                sys.stderr.write(log.read())
    if not failures:
        print("service-test: ok")
    return 1 if failures else 0


def play(ister, model, folder):
    inbox = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    inbox.bind(os.path.join(folder, "notify"))
    inbox.settimeout(20)
    keys = os.path.join(folder, "keys")
    descriptor = os.open(keys, os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(descriptor, b'{"name":"a","sha256":"' + b"0a" * 32 + b'"}\n')
    os.close(descriptor)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    child = os.fork()
    if child == 0:
        os.dup2(listening.fileno(), 3)
        os.environ.update(
            LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET=os.path.join(folder, "notify"), WATCHDOG_USEC="400000"
        )
        os.dup2(os.open(os.path.join(folder, "log"), os.O_CREAT | os.O_WRONLY), 2)
        os.execv(ister, [ister, "serve", model, "--cache-memory", "16M", "--key-file", keys])
    handle = os.pidfd_open(child)
    try:
        talk(child, inbox, port)
    finally:
        # Nobody else knows the process.
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)


def talk(child, inbox, port):
    def wait_for(word):
        heard = []
        while True:
            try:
                heard.append(inbox.recv(4096).decode())
            except TimeoutError:
                return heard + [""]
            if any(line == word for line in heard[-1].split("\n")):
                return heard

    check("it tells that it is ready", "READY=1" in wait_for("READY=1")[-1])
    answer = urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=10).read()
    check("it serves the socket that it was given", answer == b'{"status":"ok"}', answer)
    for _ in range(2):
        check("it feeds the watchdog", wait_for("WATCHDOG=1")[-1] == "WATCHDOG=1")
    os.kill(child, signal.SIGHUP)
    heard = wait_for("RELOADING=1")[-1]
    check("it tells that it reloads", "MONOTONIC_USEC=" in heard, heard)
    check("it is ready again", "READY=1" in wait_for("READY=1")[-1])
    # A connection that says nothing must not keep the server.
    idle = socket.create_connection(("127.0.0.1", port))
    started = time.monotonic()
    os.kill(child, signal.SIGTERM)
    heard = wait_for("STOPPING=1")[-1]
    check("it tells that it stops", "EXTEND_TIMEOUT_USEC=" in heard, heard)
    status = end(child, 30)
    check("it ends with 0", status == 0, status)
    check("it ends soon", time.monotonic() - started < 5, time.monotonic() - started)
    idle.close()


def end(child, seconds):
    """The status of a child that was told to end; None if it does not."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        process, status = os.waitpid(child, os.WNOHANG)
        if process:
            return status
        time.sleep(0.02)
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
