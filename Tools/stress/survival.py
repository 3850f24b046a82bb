"""What every attack must leave as it was: descriptors, threads, memory, and the speed of the others."""
import os
import time

import bystanders
import leaving


class Survival:
    """Measures a server around attacks. Used as: warm up, `before`, attack, `after`."""

    def __init__(self, run, part, server):
        self.run, self.part, self.server = run, part, server
        self.report = run.report
        self.base = self.errors = None
        self.peak = 0

    def before(self, warm_up=None):
        """Fills the pools of threads, after the part's own warm-up.

        warm_up: repeated until memory stays as it is, since any thread may come to a part of the heap that it has not
        used; a leak grows on.
        """
        leaving.stay(self.server, 32)
        self.server.settle()
        self.base = self.server.held()
        for _ in range(5 if warm_up else 0):
            warm_up()
            self.server.settle()
            time.sleep(2)  # Memory is given back once a second.
            last, self.base = self.base, self.server.held()
            if self.base.resident <= 1.01 * last.resident:
                break
        else:
            if warm_up:
                self.report.check(self.part, "memory stays as it is after five rounds", False,
                                  f"{last.resident / 2**20:.1f} MiB, then {self.base.resident / 2**20:.1f}")
        self.errors = self.server.counts_5xx()
        self.peak = self.base.resident

    def watch(self):
        """Called now and then during an attack."""
        self.peak = max(self.peak, self.server.held().resident)

    def after(self):
        """All that is left must be gone within 15 s."""
        start = time.monotonic()
        left = self.server.settle(self.base.descriptors)
        self.report.note(self.part, "released after", f"{time.monotonic() - start:.1f} s")
        held = self.wait_for_rest()
        check = self.report.check
        check(self.part, "the server lives", self.server.is_alive())
        check(self.part, "no request, block or connection is left", not left, left or "")
        check(self.part, "descriptors are back", held.descriptors <= self.base.descriptors,
              f"{self.base.descriptors} before, {held.descriptors} after")
        # The runtime adds a worker where one stands still for a moment, and takes its time to end it.
        check(self.part, "threads are back, and at most one worker a processor has come",
              held.threads <= self.base.threads and held.workers <= self.base.workers + os.cpu_count(),
              f"{self.base.threads} + {self.base.workers} before, {held.threads} + {held.workers} after "
              f"{held.new_threads(self.base) or ''}")
        ratio = held.resident / self.base.resident
        check(self.part, "resident memory is back to base + 5 %", ratio <= 1.05,
              f"{self.base.resident / 2**20:.1f} MiB before, {held.resident / 2**20:.1f} after ({ratio:.3f}); private "
              f"{self.base.anonymous / 2**20:.1f}, {held.anonymous / 2**20:.1f}; peak {self.peak / 2**20:.1f}")
        grown = {
            status: count - self.errors.get(status, 0) for status, count in self.server.counts_5xx().items()
            if count > self.errors.get(status, 0)}
        check(self.part, "no 5xx but 503", not set(grown) - {"503"}, grown or "")

    def wait_for_rest(self):
        """Memory and threads are given back a little later than connections."""
        end = time.monotonic() + 10
        while True:
            held = self.server.held()
            if held.resident <= 1.05 * self.base.resident and held.threads <= self.base.threads:
                return held
            if time.monotonic() > end:
                return held
            time.sleep(0.5)

    def beside(self, attack, reference):
        """Runs a reference load, then the attack, both beside streams of others; these must not suffer from it.

        reference: what as many well-behaved clients do, called with the server; or None for seconds of calm.
        """
        others = bystanders.Bystanders(self.server)
        time.sleep(1)
        windows = []
        for action in (reference, attack):
            start = time.monotonic()
            if action is None:
                time.sleep(1 if self.run.quick else 6)
            else:
                action()
            windows.append((start, time.monotonic()))
        others.stop()
        self.judge(others, windows)

    def judge(self, others, windows):
        calm, attacked = (others.p99(window) for window in windows)
        count = len(others.gaps(windows[1]))
        found = (f"p99 {calm * 1e3:.1f} ms before, {attacked * 1e3:.1f} ms during ({attacked / calm:.2f}), "
                 f"{count} tokens")
        self.report.check(
            self.part, "streams of others come to their ends, always with the same text",
            not others.seen["errors"] and not others.seen["texts"] and others.seen["streams"] > 0,
            f"{others.seen['streams']} streams, {others.seen['refused']} told to come later, "
            f"{others.seen['texts']} other texts, {others.seen['errors'][:3] or 'no errors'}")
        if self.run.quick:
            # Other work on the machine decides this as well.
            self.report.note(self.part, "time between tokens of others", found)
        else:
            self.report.check(self.part, "time between tokens of others is within twice", attacked <= 2 * calm, found)
