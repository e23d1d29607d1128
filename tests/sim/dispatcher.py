#!/usr/bin/env python3
"""A dispatcher that holds no key, for tests of routers: the far end of trunks.
docs/wire.md, "Frame" and "Trunk".

As a module: frames made by hand, streams of them, Dispatcher.
As a program it is the next stage of a chain, on its standard input and output:

    dispatcher.py [LOG]     answers each ATTACH and DATA; one JSON line for
                            each frame that comes up, in LOG

Bodies are no ciphertext: whoever tests a router needs none."""
import json
import os
import select
import socket
import struct
import sys
import time

ATTACH, ANSWER, RECOVER, DATA, NOTICE, HINT = 1, 2, 3, 4, 5, 0x40
HELLO, LINK_DOWN, LINK_OK, LINK_CLOSE = 0x80, 0x81, 0x82, 0x83
UP, DOWN = 0, 1
PATIENCE = 20  # seconds that anything may take


def seal(kind, direction, pin, link=0, code=0, rest=b"", version=1):
    """A whole frame: the open header and what follows the PIN."""
    body = struct.pack(">BBBBI", version, kind, direction, code, pin) + rest
    return struct.pack(">HHQ", 0xBB01, len(body), link) + body


def frame(kind, direction, pin, att=1, seq=None, nonce=b"n" * 24, size=20,
          **more):
    """A sound frame of a device with `size` bytes of ciphertext and tag."""
    if seq is None:
        seq = 1 if kind == DATA else 0
    e = b"e" * 32 if kind in (ATTACH, ANSWER, RECOVER) else b""
    rest = b"k" * 8 + struct.pack(">II", att, seq) + nonce + e + b"c" * size
    return seal(kind, direction, pin, rest=rest, **more)


def hint(code, pin, link=0, nonce=b"n" * 8):
    return seal(HINT, DOWN, pin, link=link, code=code, rest=nonce[:8])


def trunk_frame(kind, direction, word=0, link=0, code=0):
    return seal(kind, direction, word, link=link, code=code, rest=bytes(8))


class Frame:
    """What was received."""

    def __init__(self, data):
        self.data = data
        self.link = struct.unpack_from(">Q", data, 4)[0]
        self.version, self.kind, self.dir, self.code, self.pin = \
            struct.unpack_from(">BBBBI", data, 12)
        self.att = self.seq = 0
        self.nonce = data[20:28]
        if self.kind < HINT:
            self.att, self.seq = struct.unpack_from(">II", data, 28)
            self.nonce = data[36:60]

    def __repr__(self):
        return "<type 0x%02x link %016x pin %08x att %d seq %d code %d>" % (
            self.kind, self.link, self.pin, self.att, self.seq, self.code)


class Gone(Exception):
    """The other end has closed the connection."""


class Stream:
    """Frames on a socket, both ways."""

    def __init__(self, sock):
        self.sock = sock
        self.pending = b""

    def send(self, *frames):
        self.sock.settimeout(PATIENCE)
        self.sock.sendall(b"".join(frames))

    def whole(self):
        """The first frame of what is pending, or None."""
        if len(self.pending) < 12:
            return None
        size = 12 + struct.unpack_from(">H", self.pending, 2)[0]
        assert self.pending[:2] == b"\xbb\x01", self.pending[:12]
        if len(self.pending) < size:
            return None
        data, self.pending = self.pending[:size], self.pending[size:]
        return Frame(data)

    def read(self, seconds=PATIENCE):
        """The next frame; None when none comes in time."""
        end = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        while (found := self.whole()) is None:
            left = max(0, end - time.monotonic())
            if not poll.poll(left * 1000):
                return None
            try:
                more = self.sock.recv(1 << 18)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Gone
            self.pending += more
        return found

    def expect(self, kind, seconds=PATIENCE):
        found = self.read(seconds)
        assert found is not None, "no frame came, expected 0x%02x" % kind
        assert found.kind == kind, "%r, expected 0x%02x" % (found, kind)
        return found

    def ended(self, seconds=PATIENCE):
        """True when it closes without another frame."""
        try:
            found = self.read(seconds)
        except Gone:
            return True
        assert found is None, "%r came instead of an end" % found
        return False

    def close(self):
        self.sock.close()


class Trunk(Stream):
    """A dispatcher's end of one router's connection."""

    def __init__(self, sock):
        super().__init__(sock)
        hello = self.expect(HELLO)
        assert hello.dir == UP and hello.link == 0 and hello.code == 0
        assert hello.pin != 0, "a router without an instance"
        self.instance = hello.pin

    def hello(self):
        self.send(trunk_frame(HELLO, DOWN))
        return self

    def prove(self, link):
        self.send(trunk_frame(LINK_OK, DOWN, 0, link=link))

    def forbid(self, link, code):
        self.send(trunk_frame(LINK_CLOSE, DOWN, 0, link=link, code=code))

    def answer(self, up):
        """What a dispatcher would say to an ATTACH or a DATA."""
        if up.kind == ATTACH:
            self.prove(up.link)
            self.send(frame(ANSWER, DOWN, up.pin, att=up.att, nonce=up.nonce,
                            link=up.link))
        elif up.kind == DATA:
            self.send(frame(DATA, DOWN, up.pin, att=up.att, seq=up.seq,
                            link=up.link))


class Dispatcher:
    """Listens at unix:PATH or at a port of the loopback interface."""

    def __init__(self, address=None):
        if address and address.startswith("unix:"):
            self.listener = socket.socket(socket.AF_UNIX)
            path = address[5:]
            if os.path.exists(path):
                os.unlink(path)
            self.listener.bind(path)
            self.listener.listen(10)
            self.address = address
        else:
            self.listener = socket.create_server(
                ("127.0.0.1", int(address or 0)))
            self.address = str(self.listener.getsockname()[1])
        self.listener.settimeout(PATIENCE)

    def accept_silent(self):
        return self.listener.accept()[0]

    def accept(self):
        return Trunk(self.accept_silent()).hello()

    def close(self):
        self.listener.close()


def main():
    log = open(sys.argv[1], "a") if len(sys.argv) > 1 else None
    trunk = Trunk(socket.socket(fileno=os.dup(0))).hello()
    try:
        while True:
            up = trunk.read(3600)
            if log:
                print(json.dumps({"kind": up.kind, "pin": "%08x" % up.pin,
                                  "link": "%016x" % up.link}),
                      file=log, flush=True)
            trunk.answer(up)
    except Gone:
        pass


if __name__ == "__main__":
    main()
