"""HTTP/1.1 by hand: says what is sent when, and how a connection ends."""
import json
import socket
import struct
import time


class Closed(Exception):
    """The server ended the connection before the answer's end."""


def post(path, body, headers=(), host="127.0.0.1"):
    """The bytes of a request. body: bytes, or an object to be sent as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Content-Type: application/json", f"Content-Length: {len(data)}"]
    return "\r\n".join(lines + list(headers)).encode() + b"\r\n\r\n" + data


def get(path, headers=()):
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers]).encode() + b"\r\n\r\n"


class Connection:
    """One socket to the server of this machine. source: the address to come from; limits are counted by it."""

    def __init__(self, port, source=None, receive_buffer=None, timeout=60):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            self.socket.bind((source, 0))
        self.socket.settimeout(timeout)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.status = None
        self.headers = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection without a farewell: RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def fill(self):
        data = self.socket.recv(65536)
        if not data:
            raise Closed(f"after {len(self.buffer)} unread bytes")
        self.buffer += data

    def take_until(self, mark):
        while mark not in self.buffer:
            self.fill()
        piece, self.buffer = self.buffer.split(mark, 1)
        return piece

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        piece, self.buffer = self.buffer[:count], self.buffer[count:]
        return piece

    def read_head(self):
        lines = self.take_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1])
        self.headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        return self.read_head() if self.status == 100 else self.status

    def pieces(self):
        """The answer's body as it comes."""
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.take_until(b"\r\n"), 16):
                yield self.take(size)
                self.take(2)
            self.take(2)
        else:
            yield self.take(int(self.headers.get("content-length", 0)))

    def body(self):
        return b"".join(self.pieces())

    def events(self):
        """The data of server-sent events, comments left out."""
        text = b""
        for piece in self.pieces():
            text += piece
            while b"\n\n" in text:
                event, text = text.split(b"\n\n", 1)
                if event.startswith(b"data: "):
                    yield event[6:]

    def ask(self, data):
        """Sends a request and reads its answer: status and body."""
        self.send(data)
        return self.read_head(), self.body()

    def is_closed_within(self, seconds):
        """Reads and drops until the server ends the connection."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                if not self.socket.recv(65536):
                    return True
            except (ConnectionError, BrokenPipeError):
                return True
            except TimeoutError:
                return False
        return False


def ask(port, data, source=None, timeout=60):
    with Connection(port, source=source, timeout=timeout) as connection:
        return connection.ask(data)
