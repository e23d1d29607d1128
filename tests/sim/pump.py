#!/usr/bin/env python3
"""A gateway of filters on a TCP port, for devices that stay connected:

    pump.py PORT COMMAND...

The command reads frames of devices and writes frames for devices; it is started
once.  Frames of every connection go into it; what comes out goes to the
connection that last sent a frame of the same PIN.  PORT 0: any; the port is
printed.  USR1 cuts all connections."""
import selectors
import signal
import socket
import struct
import subprocess
import sys


def frames(data):
    """The whole frames at the beginning of a bytearray, taken from it."""
    while len(data) >= 4:
        size = 12 + struct.unpack_from(">H", data, 2)[0]
        if len(data) < size:
            return
        yield bytes(data[:size])
        del data[:size]


class Pump:
    def __init__(self, port, command):
        self.stages = subprocess.Popen(command, stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, bufsize=0)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.places = selectors.DefaultSelector()
        self.links, self.where, self.down = {}, {}, bytearray()
        self.places.register(self.listener, selectors.EVENT_READ)
        self.places.register(self.stages.stdout, selectors.EVENT_READ)
        signal.signal(signal.SIGUSR1, lambda *_: self.cut())
        print(self.listener.getsockname()[1], flush=True)

    def cut(self):
        for link in list(self.links):
            self.drop(link)

    def drop(self, link):
        del self.links[link]
        self.places.unregister(link)
        link.close()

    def up(self, link):
        try:
            more = link.recv(65536)
        except OSError:
            more = b""
        if not more:
            self.drop(link)
            return
        self.links[link] += more
        for frame in frames(self.links[link]):
            self.where[frame[16:20]] = link
            self.stages.stdin.write(frame)

    def answer(self):
        more = self.stages.stdout.read(65536)
        if not more:
            sys.exit("the stages have ended")
        self.down += more
        for frame in frames(self.down):
            link = self.where.get(frame[16:20])
            if link in self.links:
                link.sendall(frame)

    def run(self):
        while True:
            for key, _ in self.places.select():
                if key.fileobj is self.listener:
                    link = self.listener.accept()[0]
                    self.links[link] = bytearray()
                    self.places.register(link, selectors.EVENT_READ)
                elif key.fileobj is self.stages.stdout:
                    self.answer()
                elif key.fileobj in self.links:
                    self.up(key.fileobj)


Pump(int(sys.argv[1]), sys.argv[2:]).run()
