"""What was claimed and what was found."""
import sys
import time


class Report:
    def __init__(self, verbose=True):
        self.rows = []
        self.verbose = verbose
        self.start = time.monotonic()

    def check(self, part, claim, holds, found=""):
        """A claim that decides the exit code."""
        self.rows.append((part, claim, bool(holds), str(found)))
        self.tell(f"{'ok' if holds else 'FAILED':6} {part}: {claim}" + (f": {found}" if found != "" else ""))
        return bool(holds)

    def note(self, part, name, found):
        """A figure that decides nothing."""
        self.rows.append((part, name, None, str(found)))
        self.tell(f"       {part}: {name}: {found}")

    def tell(self, line):
        if self.verbose:
            print(f"[{time.monotonic() - self.start:6.1f} s] {line}", file=sys.stderr, flush=True)

    @property
    def failures(self):
        return [row for row in self.rows if row[2] is False]

    def table(self):
        verdicts = {True: "ok", False: "FAILED", None: ""}
        lines = ["| part | claim | found | |", "|---|---|---|---|"]
        for part, claim, holds, found in self.rows:
            lines.append(f"| {part} | {claim} | {found.replace('|', '/')} | {verdicts[holds]} |")
        return "\n".join([*lines, "", self.counts()])

    def summary(self):
        return "\n".join([*(f"failed: {part}: {claim}: {found}" for part, claim, _, found in self.failures), self.counts()])

    def counts(self):
        checks = [row for row in self.rows if row[2] is not None]
        return f"stress-server: {len(checks)} checks, {len(self.failures)} failed, {time.monotonic() - self.start:.0f} s"


def percentile(values, share):
    """The smallest value that at least this share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else float("nan")
