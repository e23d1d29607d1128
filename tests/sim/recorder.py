#!/usr/bin/env python3
"""A stranger on the way: passes connections on and keeps every frame.

    recorder.py PORT TO RECORD [--from ADDRESS]

Listens at the port (0: any; it is printed) and passes each connection on to TO,
which is HOST:PORT or unix:PATH, from ADDRESS.  The file RECORD gets one line for
each frame: "up HEX" or "down HEX".  USR1: devices are cut off and no more are
taken, but the far ends of their connections stay open, as when a network breaks.
USR2: frames up are kept, and not passed on any more."""
import selectors
import signal
import socket
import struct
import sys


def frames(data):
    """The whole frames at the beginning of a bytearray, taken from it."""
    while len(data) >= 4:
        size = 12 + struct.unpack_from(">H", data, 2)[0]
        if len(data) < size:
            return
        yield bytes(data[:size])
        del data[:size]


class Recorder:
    def __init__(self, port, to, record, source):
        self.to, self.source = to, source
        self.record = open(record, "a", buffering=1)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.places = selectors.DefaultSelector()
        self.places.register(self.listener, selectors.EVENT_READ)
        self.pairs, self.names, self.parts = {}, {}, {}
        self.holds = False
        signal.signal(signal.SIGUSR1, lambda *_: self.cut())
        signal.signal(signal.SIGUSR2, lambda *_: self.hold())
        print(self.listener.getsockname()[1], flush=True)

    def hold(self):
        self.holds = True

    def cut(self):
        if self.listener is not None:
            self.places.unregister(self.listener)
            self.listener.close()
            self.listener = None
        for sock, name in list(self.names.items()):
            if name == "up":
                self.places.unregister(sock)
                self.forget(sock)
                sock.close()

    def forget(self, sock):
        for table in (self.pairs, self.names, self.parts):
            table.pop(sock, None)

    def dial(self):
        if self.to.startswith("unix:"):
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.to[5:])
            return far
        host, _, port = self.to.rpartition(":")
        return socket.create_connection(
            (host, int(port)), source_address=self.source and (self.source, 0))

    def accept(self):
        near = self.listener.accept()[0]
        try:
            far = self.dial()
        except OSError:
            near.close()
            return
        for sock, other, name in ((near, far, "up"), (far, near, "down")):
            self.pairs[sock], self.names[sock] = other, name
            self.parts[sock] = bytearray()
            self.places.register(sock, selectors.EVENT_READ)

    def drop(self, sock):
        for one in (sock, self.pairs.get(sock)):
            if one in self.names:
                self.places.unregister(one)
                self.forget(one)
                one.close()

    def take(self, sock):
        try:
            more = sock.recv(65536)
        except OSError:
            more = b""
        if not more:
            self.drop(sock)
            return
        name, part = self.names[sock], self.parts[sock]
        part += more
        for frame in frames(part):
            print(name, frame.hex(), file=self.record)
        other = self.pairs[sock]
        if other not in self.names or name == "up" and self.holds:
            return
        try:
            other.sendall(more)
        except OSError:
            self.drop(sock)

    def run(self):
        while True:
            for key, _ in self.places.select():
                if key.fileobj is self.listener:
                    self.accept()
                elif key.fileobj in self.names:
                    self.take(key.fileobj)


words = sys.argv[1:]
Recorder(int(words[0]), words[1], words[2],
         words[4] if words[3:4] == ["--from"] else None).run()
