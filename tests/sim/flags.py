#!/usr/bin/env python3
"""Starts a tool on a terminal of its own and a pipe, kills it with SIGKILL
once it has said something, and looks whether flags and modes are as before:

    flags.py TOOL WORDS...

Prints "same", or what has changed."""
import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios


def state(fd):
    out = {"flags": fcntl.fcntl(fd, fcntl.F_GETFL)}
    if os.isatty(fd):
        out["termios"] = termios.tcgetattr(fd)
    return out


terminal, slave = pty.openpty()
reader, writer = os.pipe()
before = [state(fd) for fd in (slave, reader, writer)]
tool = subprocess.Popen(sys.argv[1:], stdin=slave, stdout=writer, stderr=slave)
os.read(reader, 1)
tool.send_signal(signal.SIGKILL)
tool.wait()
after = [state(fd) for fd in (slave, reader, writer)]
print("same" if before == after else (before, after))
