# SPDX-License-Identifier: Apache-2.0
"""A control.sock that answers one request with given bytes: for what a real daemon never does."""
import os
import socket
import struct
import threading


def pack(v):
    """The part of msgpack that the tables use, in its shortest form."""
    if isinstance(v, bool):
        return b"\xc3" if v else b"\xc2"
    if isinstance(v, int):
        for limit, head, fmt in ((1 << 7, b"", ">B"), (1 << 8, b"\xcc", ">B"), (1 << 16, b"\xcd", ">H"),
                                 (1 << 32, b"\xce", ">I"), (1 << 64, b"\xcf", ">Q")):
            if v < limit:
                return head + struct.pack(fmt, v)
    if isinstance(v, str):
        b = v.encode()
        return (bytes([0xa0 | len(b)]) if len(b) < 32 else b"\xd9" + bytes([len(b)])) + b
    if isinstance(v, bytes):
        return (b"\xc4" + bytes([len(v)]) if len(v) < 256 else b"\xc5" + struct.pack(">H", len(v))) + v
    if isinstance(v, list):
        return bytes([0x90 | len(v)]) + b"".join(pack(x) for x in v)
    pairs = b"".join(pack(k) + pack(x) for k, x in sorted(v.items()))
    return (bytes([0x80 | len(v)]) if len(v) < 16 else b"\xde" + struct.pack(">H", len(v))) + pairs


def frame(number, fields):
    body = pack(number) + pack(fields)
    return struct.pack(">I", len(body)) + body


class FakeDaemon:
    """answers: for each request in turn the bytes to send; None keeps silent, the end of the list closes."""

    def __init__(self, folder, answers, name="control.sock"):
        self.path = os.path.join(folder, name)
        self.answers = answers
        self.requests = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _read(self, s, n):
        b = b""
        while len(b) < n:
            more = s.recv(n - len(b))
            if not more:
                raise EOFError
            b += more
        return b

    def _serve(self):
        try:
            s, _ = self.listener.accept()
        except OSError:  # closed: nobody called
            return
        try:
            for answer in self.answers:
                n = struct.unpack(">I", self._read(s, 4))[0]
                self.requests.append(self._read(s, n))
                if answer is None:
                    s.recv(1)
                else:
                    s.sendall(answer)
        except (EOFError, OSError):
            pass
        s.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.thread.join(5)
        self.listener.close()
        os.unlink(self.path)
