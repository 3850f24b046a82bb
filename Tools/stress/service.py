"""The server under test: its process, what it holds, what it counts."""
import collections
import os
import re
import signal
import subprocess
import time

import wire


class Server:
    """`ister serve` on a free port. options: further flags."""

    def __init__(self, ister, model, folder, *options, name="server"):
        self.log_path = os.path.join(folder, f"{name}.log")
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(
                [ister, "serve", model, "--port", "0", *map(str, options)], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, env={**os.environ, "SWIFT_BACKTRACE": "enable=no"})
        self.port = self.wait_for_port()
        self.model = os.path.basename(model).removesuffix(".ister")

    def wait_for_port(self):
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            if found := re.search(r" at https?:.*:(\d+)$", self.log(), re.MULTILINE):
                return int(found.group(1))
            time.sleep(0.05)
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"the server did not start:\n{self.log()[-2000:]}")

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        """SIGTERM; the exit code, or None if it does not end."""
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
        return self.end()

    def end(self, timeout=45):
        """The exit code of a server that was told to end. A second signal would end it at once."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def metrics(self):
        """All samples by name and labels, without the model's name."""
        _, body = wire.ask(self.port, wire.get("/metrics", ["Connection: close"]))
        samples = {}
        for line in body.decode().splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                name = re.sub(r'model_name="[^"]*",?', "", name).replace(",}", "}").replace("{}", "")
                samples[name] = float(value)
        return samples

    def counts_5xx(self):
        """Answered requests by status, from 500 on."""
        counts = {}
        for name, value in self.metrics().items():
            if found := re.match(r'ister_http_requests_total\{.*status="(5\d\d)"', name):
                counts[found.group(1)] = counts.get(found.group(1), 0) + int(value)
        return counts

    def held(self):
        """Descriptors, threads and resident bytes of the process."""
        root = f"/proc/{self.process.pid}"
        with open(f"{root}/status") as file:
            sizes = dict(re.findall(r"(\w+):\s+(\d+) kB", file.read()))
        return Held(
            len(os.listdir(f"{root}/fd")), thread_names(root), int(sizes["VmRSS"]) << 10, int(sizes["RssAnon"]) << 10)

    def settle(self, descriptors=None, seconds=15):
        """Waits until no request runs and only this question's connection is open; what was found at the end."""
        end = time.monotonic() + seconds
        while True:
            found = self.metrics()
            busy = {
                name: found.get(name, 0) for name in
                ("ister_num_requests_running", "ister_num_requests_waiting", "ister_kv_cache_usage_perc")}
            busy["other connections"] = found.get("ister_http_connections", 0) - 1
            if descriptors is not None:
                busy["more descriptors"] = max(self.held().descriptors - descriptors, 0)
            left = {name: value for name, value in busy.items() if value}
            if not left or time.monotonic() > end:
                return left
            time.sleep(0.1)


def thread_names(root):
    names = []
    for thread in os.listdir(f"{root}/task"):
        try:
            with open(f"{root}/task/{thread}/comm") as file:
                names.append(file.read().strip())
        except OSError:
            pass  # It has just ended.
    return collections.Counter(names)


# Workers of Swift's runtime: it makes up to two for each processor, and ends idle ones when it likes.
POOL = "oot.default-qos"


class Held:
    """threads: those that the server itself makes. workers: those of the runtime's pool."""

    def __init__(self, descriptors, names, resident, anonymous):
        self.descriptors, self.resident, self.anonymous = descriptors, resident, anonymous
        self.workers = names.pop(POOL, 0)
        self.names, self.threads = names, names.total()

    def new_threads(self, before):
        """Names of threads that were not there before."""
        return list((self.names - before.names).elements())

    def __str__(self):
        return (f"{self.descriptors} descriptors, {self.threads} + {self.workers} threads, {self.resident / 2**20:.1f} MiB "
                f"({self.anonymous / 2**20:.1f} private)")
