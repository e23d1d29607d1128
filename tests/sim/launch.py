#!/usr/bin/env python3
"""Starts a tool as some launcher would: with other things on descriptors 0, 1
and 2 than a shell can put there.

    launch.py IN OUT ERR TOOL WORDS...

IN   pipe | null | closed | pair | tcp | reset | listen | listen-unix | udp | dgram
OUT  same (as IN) | pipe | pair | tcp | closed
ERR  pipe | same (as OUT)

What comes on standard input is sent to the tool, then the sending end is shut
down.  Prints one line: {"status": N, "received": HEX, "stderr": TEXT, "seconds":
S, "turned_away": true when a connection that waited at the listening socket
was closed}."""
import json
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time


class End:
    """Our end of what the tool gets; `fd` is the tool's."""

    def __init__(self, fd, sock=None, write=None, read=None):
        self.fd, self.sock, self.write, self.read = fd, sock, write, read


def tcp_pair():
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    return ours, theirs


def keep(sock):
    return sock.detach()


waiting = []


def make(kind):
    if kind == "null":
        return End(os.open("/dev/null", os.O_RDWR))
    if kind == "closed":
        return End(None)
    if kind in ("pair", "tcp"):
        ours, theirs = socket.socketpair() if kind == "pair" else tcp_pair()
        return End(keep(theirs), sock=ours)
    if kind == "reset":
        ours, theirs = tcp_pair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        ours.close()
        wait = select.poll()
        wait.register(theirs, select.POLLIN)
        wait.poll(5000)
        return End(keep(theirs))
    if kind == "listen":
        listener = socket.create_server(("127.0.0.1", 0))
        waiting.append(socket.create_connection(listener.getsockname()))
        return End(keep(listener))
    if kind == "listen-unix":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind("listen.sock")
        listener.listen(5)
        waiting.append(socket.socket(socket.AF_UNIX))
        waiting[-1].connect("listen.sock")
        return End(keep(listener))
    if kind == "udp":
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.bind(("127.0.0.1", 0))
        return End(keep(sock))
    if kind == "dgram":
        ours, theirs = socket.socketpair(type=socket.SOCK_DGRAM)
        return End(keep(theirs), sock=ours)
    raise SystemExit("unknown kind: " + kind)


def make_in(kind):
    if kind != "pipe":
        return make(kind)
    read, write = os.pipe()
    return End(read, write=write)


def make_out(kind, first):
    if kind == "same":
        return first
    if kind != "pipe":
        return make(kind)
    read, write = os.pipe()
    return End(write, read=read)


def place(theirs):
    """In the child: the descriptors 0, 1, 2, holes included."""
    high = [None if fd is None else os.dup(fd) for fd in theirs]
    for at, fd in enumerate(high):
        if fd is None:
            os.close(at)
        else:
            os.dup2(fd, at)


def send(end, data):
    try:
        if end.write is not None:
            with os.fdopen(end.write, "wb") as pipe:
                pipe.write(data)
        elif end.sock is not None:
            end.sock.sendall(data)
            end.sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def receive(end):
    data = b""
    try:
        if end.read is not None:
            with os.fdopen(end.read, "rb") as pipe:
                data = pipe.read()
        elif end.sock is not None and end.sock.type == socket.SOCK_STREAM:
            while more := end.sock.recv(65536):
                data += more
    except OSError:
        pass
    return data


def main():
    first = make_in(sys.argv[1])
    second = make_out(sys.argv[2], first)
    err_read, err_write = os.pipe()
    third = second.fd if sys.argv[3] == "same" else err_write
    start = time.monotonic()
    tool = subprocess.Popen(
        sys.argv[4:], stdin=None, close_fds=False,
        preexec_fn=lambda: place([first.fd, second.fd, third]))
    for fd in {first.fd, second.fd, err_write} - {None}:
        os.close(fd)
    sender = threading.Thread(target=send,
                              args=(first, sys.stdin.buffer.read()))
    sender.start()
    received = receive(second)
    with os.fdopen(err_read, "rb") as pipe:
        text = pipe.read().decode()
    status = tool.wait(30)
    seconds = time.monotonic() - start
    sender.join()
    turned = False
    for sock in waiting:
        sock.settimeout(0.2)
        try:
            turned = sock.recv(1) == b""
        except ConnectionResetError:
            turned = True
        except TimeoutError:
            pass
    print(json.dumps({"status": status, "received": received.hex(),
                      "stderr": text, "seconds": seconds,
                      "turned_away": turned}))


main()
