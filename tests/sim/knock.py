#!/usr/bin/env python3
"""Many short connections, one after another:

    knock.py PORT FILE COUNT MS

Each sends the file, which is a frame that does not open, waits for the hint that
answers it, and hangs up; between two of them pass MS milliseconds.  Prints how
many were answered."""
import socket
import sys
import time

PATIENCE = 20

port, count, gap = int(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4]) / 1000
with open(sys.argv[2], "rb") as f:
    sent = f.read()
answered = 0
for _ in range(count):
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as link:
            link.sendall(sent)
            answered += link.recv(4096)[:2] == b"\xbb\x01"
    except OSError as error:
        print(error, file=sys.stderr)
    time.sleep(gap)
print(answered)
