#!/usr/bin/env python3
"""A stranger on the way: passes connections on and keeps every frame.

    recorder.py PORT TO RECORD [WORDS...]

Listens at the port (0: any; it is printed) and passes each connection on to TO,
which is HOST:PORT or unix:PATH.  The file RECORD gets one line for each frame:
"up HEX" or "down HEX".  The words:

    from=ADDRESS   of its own, towards TO
    twice          each frame is passed on twice, both ways
    swapped        each pair of frames down comes in the other order, unless
                   the second is late

USR1: devices are cut off and no more are taken, but the far ends of their
connections stay open, as when a network breaks.  USR2: frames up are held
back, until the next USR2."""
import selectors
import signal
import socket
import struct
import sys
import time

LATE = 0.05  # seconds


def frames(data):
    """The whole frames at the beginning of a bytearray, taken from it."""
    while len(data) >= 4:
        size = 12 + struct.unpack_from(">H", data, 2)[0]
        if len(data) < size:
            return
        yield bytes(data[:size])
        del data[:size]


class End:
    """One of the two sockets of a connection that is passed on."""

    def __init__(self, sock, name):
        self.sock, self.name = sock, name
        self.other = None
        self.part = bytearray()
        self.waits, self.since = b"", 0  # swapped: the first of two

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass  # its end is found by reading


class Recorder:
    def __init__(self, port, to, record, words):
        self.to = to
        self.words = dict(word.partition("=")[::2] for word in words)
        self.record = open(record, "a", buffering=1)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.places = selectors.DefaultSelector()
        self.places.register(self.listener, selectors.EVENT_READ)
        self.ends = set()
        self.holds, self.held = False, []
        signal.signal(signal.SIGUSR1, lambda *_: self.cut())
        signal.signal(signal.SIGUSR2, lambda *_: self.hold())
        print(self.listener.getsockname()[1], flush=True)

    def hold(self):
        self.holds = not self.holds
        if not self.holds:
            for end, frame in self.held:
                self.pass_on(end, frame)
            self.held = []

    def cut(self):
        if self.listener is not None:
            self.places.unregister(self.listener)
            self.listener.close()
            self.listener = None
        for end in [end for end in self.ends if end.name == "up"]:
            self.close(end)

    def dial(self):
        if self.to.startswith("unix:"):
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.to[5:])
            return far
        host, _, port = self.to.rpartition(":")
        source = self.words.get("from")
        return socket.create_connection(
            (host, int(port)), source_address=source and (source, 0))

    def accept(self):
        near = self.listener.accept()[0]
        try:
            far = self.dial()
        except OSError:
            near.close()
            return
        up, down = End(near, "up"), End(far, "down")
        up.other, down.other = down, up
        for end in (up, down):
            end.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            self.ends.add(end)
            self.places.register(end.sock, selectors.EVENT_READ, end)

    def close(self, end):
        self.ends.discard(end)
        self.places.unregister(end.sock)
        end.sock.close()

    def pass_on(self, end, frame):
        if end.other not in self.ends:
            return
        if "twice" in self.words:
            end.other.send(frame + frame)
        elif "swapped" not in self.words or end.name == "up":
            end.other.send(frame)
        elif end.waits:
            end.other.send(frame + end.waits)
            end.waits = b""
        else:
            end.waits, end.since = frame, time.monotonic()

    def take(self, end):
        try:
            more = end.sock.recv(65536)
        except OSError:
            more = b""
        if not more:
            for one in {end, end.other} & self.ends:
                self.close(one)
            return
        end.part += more
        for frame in frames(end.part):
            print(end.name, frame.hex(), file=self.record)
            if self.holds and end.name == "up":
                self.held.append((end, frame))
            else:
                self.pass_on(end, frame)

    def late(self):
        now = time.monotonic()
        for end in self.ends:
            if end.waits and now - end.since > LATE:
                end.other.send(end.waits)
                end.waits = b""

    def run(self):
        while True:
            for key, _ in self.places.select(
                    LATE if "swapped" in self.words else None):
                if key.data is None:
                    self.accept()
                elif key.data in self.ends:
                    self.take(key.data)
            self.late()


Recorder(int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]).run()
