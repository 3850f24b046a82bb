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
        self.base = self.errors = self.attack = None
        self.peak = 0

    def before(self):
        """After the part's own warm-up; this one fills the pools of threads."""
        leaving.stay(self.server, 32)
        self.server.settle()
        self.base = self.server.held()
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
        self.check_memory(held)
        grown = {
            status: count - self.errors.get(status, 0) for status, count in self.server.counts_5xx().items()
            if count > self.errors.get(status, 0)}
        check(self.part, "no 5xx but 503", not set(grown) - {"503"}, grown or "")

    def check_memory(self, held):
        """Where the warm-up left a thread's part of the heap untouched, an attack fills it once; a leak grows each time.

        So what has grown too much is attacked again, up to three times, and must then stay as it was.
        """
        base, rounds = self.base, [self.base, held]
        while rounds[-1].resident > 1.05 * rounds[-2].resident and self.attack and len(rounds) < 5:
            self.attack()
            self.server.settle(base.descriptors)
            rounds.append(self.wait_for_rest(rounds[-1]))
        sizes = [round.resident for round in rounds]
        self.report.check(
            self.part, "resident memory is back to base + 5 %", sizes[-1] <= min(1.05 * sizes[-2], 1.15 * sizes[0]),
            f"MiB before and after: {', '.join(f'{size / 2**20:.1f}' for size in sizes)}, of these private "
            f"{', '.join(f'{round.anonymous / 2**20:.1f}' for round in rounds)}; peak {self.peak / 2**20:.1f}")

    def wait_for_rest(self, base=None):
        """Memory and threads are given back a little later than connections."""
        base = base or self.base
        end = time.monotonic() + 10
        while True:
            held = self.server.held()
            if held.resident <= 1.05 * base.resident and held.threads <= base.threads:
                return held
            if time.monotonic() > end:
                return held
            time.sleep(0.5)

    def beside(self, attack, reference):
        """Runs a reference load, then the attack, both beside streams of others; these must not suffer from it.

        reference: what as many well-behaved clients do, called with the server; or None for seconds of calm.
        """
        self.attack = attack
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
