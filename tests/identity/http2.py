# SPDX-License-Identifier: Apache-2.0
"""HTTP/2 frame by frame over TLS, so that a client can say what no library lets it say (RFC 9113, RFC 7541)."""
import select
import socket
import ssl
import struct
import time

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM = ACK = 1
END_HEADERS = 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
INITIAL_WINDOW_SIZE = 4
LARGEST_WINDOW = 0x7FFFFFFF


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def setting(name: int, value: int) -> bytes:
    return frame(SETTINGS, 0, 0, struct.pack(">HI", name, value))


def window(stream: int, more: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", more))


def prefix_int(value: int, bits: int) -> bytes:
    """An integer after a prefix of so many bits, all others 0 (RFC 7541, 5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([value])
    out = bytearray([most])
    value -= most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def field(name: bytes, value: bytes) -> bytes:
    """A literal field that enters no table and is not packed."""
    return b"\x00" + prefix_int(len(name), 7) + name + prefix_int(len(value), 7) + value


def call_head(path: str, token: str = "") -> bytes:
    """The header block of a gRPC call."""
    block = field(b":method", b"POST") + field(b":scheme", b"https") + field(b":path", path.encode())
    block += field(b":authority", b"kernmesh") + field(b"te", b"trailers") + field(b"content-type", b"application/grpc")
    return block + (field(b"authorization", b"Bearer " + token.encode()) if token else b"")


def message(body: bytes = b"") -> bytes:
    """A message as gRPC frames it: not compressed, its length."""
    return b"\x00" + struct.pack(">I", len(body)) + body


def tls_context(authority: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority)
    context.set_alpn_protocols(["h2"])
    return context


class Connection:
    """One client's connection. Says nothing by itself but the preface, unless told to."""

    def __init__(self, address: tuple, context: ssl.SSLContext, hello: bytes = PREFACE + frame(SETTINGS, 0, 0)):
        raw = socket.create_connection(address, timeout=60)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls = context.wrap_socket(raw, server_hostname="kernmesh")
        self.tls.setblocking(False)
        self.incoming = bytearray()
        self.ended = ""  # why it is over
        self.refusal = b""  # the header block of the last call that was refused
        self.send(hello)

    def fileno(self) -> int:
        return self.tls.fileno()

    def close(self) -> None:
        self.tls.close()

    def poll(self, events: int, seconds: float) -> bool:
        poller = select.poll()  # select() knows no descriptor above 1,023
        poller.register(self.tls, events)
        return bool(poller.poll(max(seconds, 0) * 1000))

    def take(self) -> None:
        """Reads what has arrived."""
        while not self.ended:
            try:
                more = self.tls.recv(65536)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self.ended = f"{type(error).__name__}"
                return
            if not more:
                self.ended = "closed"
                return
            self.incoming += more

    def send(self, data: bytes, deaf: bool = False, patience: float = 10) -> bool:
        """Whether all of it was taken before the connection ended, or the peer took nothing for so many seconds."""
        rest = memoryview(data)
        while len(rest) and not self.ended:
            try:
                rest = rest[self.tls.send(rest[:65536]):]
                continue
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except OSError as error:
                self.ended = type(error).__name__
                return False
            if not self.poll((0 if deaf else select.POLLIN) | select.POLLOUT, patience):
                return False
            if not deaf:
                self.take()
        return not self.ended

    def frames(self):
        """(kind, flags, stream, payload) of each whole frame that has arrived."""
        while len(self.incoming) >= 9:
            length = int.from_bytes(self.incoming[:3], "big")
            if len(self.incoming) < 9 + length:
                return
            kind, flags = self.incoming[3], self.incoming[4]
            stream = int.from_bytes(self.incoming[5:9], "big") & LARGEST_WINDOW
            payload = bytes(self.incoming[9:9 + length])
            del self.incoming[:9 + length]
            yield kind, flags, stream, payload

    def wait(self, seconds: float) -> bool:
        """Waits for more to arrive; whether something did before the time was over or the connection ended."""
        had = len(self.incoming)
        self.poll(select.POLLIN, seconds)
        self.take()
        return len(self.incoming) > had

    def wait_for_end(self, seconds: float) -> str:
        """How the peer ended it: the words of its GOAWAY, or how the socket ended; empty when it did neither."""
        deadline = time.monotonic() + seconds
        while True:
            self.take()
            for kind, _, _, payload in self.frames():
                if kind == GOAWAY:
                    code = int.from_bytes(payload[4:8], "big")
                    return f"GOAWAY {code} {payload[8:].decode(errors='replace')}".strip()
            if self.ended:
                return self.ended
            if time.monotonic() >= deadline:
                return ""
            self.poll(select.POLLIN, 0.05)


def unary(connection: Connection, stream: int, path: str, token: str, body: bytes, seconds: float = 10) -> bytes | None:
    """The answer's message; None when there is none within the time."""
    connection.send(frame(HEADERS, END_HEADERS, stream, call_head(path, token)) + frame(DATA, END_STREAM, stream, message(body)))
    deadline = time.monotonic() + seconds
    answer = b""
    while time.monotonic() < deadline and not connection.ended:
        for kind, flags, of, payload in connection.frames():
            if kind == SETTINGS and not flags & ACK:
                connection.send(frame(SETTINGS, ACK, 0))
            elif kind == PING and not flags & ACK:
                connection.send(frame(PING, ACK, 0, payload))
            elif of == stream and kind == DATA:
                answer += payload
            elif of == stream and flags & END_STREAM:
                connection.send(window(0, len(answer)) if answer else b"")
                connection.refusal = b"" if answer else payload
                return answer[5:] if answer else None
        connection.wait(deadline - time.monotonic())
    return None
