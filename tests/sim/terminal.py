#!/usr/bin/env python3
"""What a stage leaves of a terminal that it is killed on:

    terminal.py TOOL WORDS...

Starts the tool on a pseudo-terminal, as its session's own, kills it when it
reads from there, and compares what others would find: the terminal's settings
and the flags of its descriptor.  Ends with 0 when nothing has changed, else
says what has."""
import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time

PATIENCE = 10


def looks(fd):
    return {"settings": termios.tcgetattr(fd),
            "flags": fcntl.fcntl(fd, fcntl.F_GETFL)}


def unread(fd):
    return int.from_bytes(fcntl.ioctl(fd, termios.FIONREAD, bytes(4)),
                          sys.byteorder)


master, slave = pty.openpty()
before = looks(slave)
tool = subprocess.Popen(sys.argv[1:], stdin=slave, stdout=slave, stderr=slave,
                        start_new_session=True)
end = time.monotonic() + PATIENCE
# The beginning of a frame, in a line of its own: terminals give whole lines.
os.write(master, b"\xbb\x01\n")
# Its echo comes when it can be read.
while b"\n" not in os.read(master, 4096):
    pass
while tool.poll() is None and unread(slave) > 0:
    assert time.monotonic() < end, "it does not read"
    time.sleep(0.02)
assert tool.returncode is None, "it has ended with %d" % tool.returncode
os.killpg(tool.pid, signal.SIGKILL)
tool.wait()
after = looks(slave)
for what in before:
    if before[what] != after[what]:
        sys.exit("the %s were %r and are %r"
                 % (what, before[what], after[what]))
