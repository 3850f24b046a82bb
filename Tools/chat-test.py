"""Talks with `ister chat` through a pseudo-terminal, as a person would. Called by Tools/check-commands.

usage: chat-test.py ISTER MODEL TEMPLATE
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

ISTER, MODEL, TEMPLATE = sys.argv[1:4]
failures = []


def check(claim, holds, seen=""):
    if not holds:
        failures.append(claim)
        print(f"chat-test: failed: {claim}: {seen[-300:]!r}", file=sys.stderr)


class Chat:
    def __init__(self, *options):
        # The slow kernels: an answer lasts long enough to be stopped.
        environment = dict(os.environ, ISTER_ISA="scalar", TERM="xterm")
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.execve(ISTER, [ISTER, "chat", MODEL, "--chat-template", TEMPLATE, *options], environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        self.seen = ""

    def wait(self, text, seconds=20):
        """What came up to `text`; empty if it does not come."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            if time.monotonic() > end or not self.read(0.1):
                return ""
        before, self.seen = self.seen.split(text, 1)
        return before + text

    def read(self, seconds):
        """Whether the terminal is still open."""
        if not select.select([self.terminal], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.terminal, 65536)
        except OSError:
            return False
        self.seen += data.decode(errors="replace")
        return bool(data)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def exit_code(self):
        end = time.monotonic() + 20
        while time.monotonic() < end and self.read(0.1):
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])


def test_answers_and_history():
    chat = Chat("-n", "8")
    check("the prompt comes", chat.wait("> "), chat.seen)
    chat.type("Once upon a time there was a little girl called Lily who lived in a small house\r")
    answer = chat.wait("finish reason")
    check("an answer comes with its figures", "generated 8" in answer, answer)
    chat.wait("> ")
    chat.type("\x1b[A")
    check("the up arrow brings the last line back", chat.wait("in a small house"), chat.seen)
    chat.type("\x15/set seed 7\r")
    chat.wait("> ")
    chat.type("\x1b[200~first\nsecond\x1b[201~")
    check("a paste of two lines stays one entry", chat.wait("first↵second"), chat.seen)
    chat.type("\r")
    answer = chat.wait("finish reason length, seed 7")
    check("a setting holds for the next answer, and the turn before is cached", "cached)" in answer, answer)
    chat.wait("> ")
    chat.type("/nonsense\r")
    check("a wrong command is told and the chat goes on", chat.wait("is no command") and chat.wait("> "), chat.seen)
    chat.type("\x04")
    check("Ctrl-D ends with 0", chat.exit_code() == 0, chat.seen)


def test_interrupts():
    chat = Chat("--temperature", "1", "--seed", "4")
    chat.wait("> ")
    chat.type("Once upon a time\r")
    chat.wait("\n")
    while chat.seen.count(" ") < 3 and chat.read(0.1):
        pass
    chat.type("\x03")
    check("Ctrl-C stops the answer", chat.wait("finish reason cancelled"), chat.seen)
    check("and the chat goes on", chat.wait("> "), chat.seen)
    chat.type("unfinished\x03")
    check("Ctrl-C at the prompt drops the line", chat.wait("once more") and chat.wait("> "), chat.seen)
    chat.type("/stats\r")
    check("another entry forgets it", chat.wait("context ") and chat.wait("> "), chat.seen)
    chat.type("\x03")
    chat.wait("once more")
    chat.wait("> ")
    chat.type("\x03")
    check("twice at the prompt it ends the chat", chat.exit_code() == 0, chat.seen)


def terminal_of(process):
    """Its path, as soon as the new process has it."""
    while not (path := os.readlink(f"/proc/{process}/fd/0")).startswith("/dev/pts/"):
        time.sleep(0.001)
    return path


def test_ends_from_outside():
    """The terminal is as it was, at the prompt and during an answer."""
    for number, answers in ((signal.SIGTERM, False), (signal.SIGHUP, False), (signal.SIGTERM, True)):
        chat = Chat("--temperature", "1", "--seed", "4")
        # Keeps the terminal alive when the process is gone.
        kept = os.open(terminal_of(chat.child), os.O_RDWR | os.O_NOCTTY)
        cooked = termios.tcgetattr(kept)
        chat.wait("> ")
        raw = termios.tcgetattr(kept)
        check("at the prompt keys come one by one", raw[3] & termios.ICANON == 0)
        if answers:
            chat.type("Once upon a time\r")
            chat.wait("\n")
            while chat.seen.count(" ") < 3 and chat.read(0.1):
                pass
        os.kill(chat.child, number)
        ended = os.waitpid(chat.child, 0)[1]
        chat.read(0)
        name = f"{number.name} {'during an answer' if answers else 'at the prompt'}"
        check(f"{name} ends the chat", os.WIFSIGNALED(ended) and os.WTERMSIG(ended) == number, str(ended))
        check(f"{name} leaves the terminal as it was", termios.tcgetattr(kept) == cooked)
        check(f"{name} ends bracketed paste", "\x1b[?2004l" in chat.seen, chat.seen)
        os.close(kept)


def main():
    test_answers_and_history()
    test_interrupts()
    test_ends_from_outside()
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
