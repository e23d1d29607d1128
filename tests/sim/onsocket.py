#!/usr/bin/env python3
"""Starts a tool with a TCP connection as standard input and output, as inetd
does, sends it what stands in a file, and says what came of it:

    onsocket.py FILE TOOL WORDS...

One line: {"status": N, "received": BYTES, "stderr": TEXT}."""
import json
import socket
import subprocess
import sys

with open(sys.argv[1], "rb") as f:
    sent = f.read()
listener = socket.create_server(("127.0.0.1", 0))
ours = socket.create_connection(listener.getsockname())
theirs, _ = listener.accept()
tool = subprocess.Popen(sys.argv[2:], stdin=theirs, stdout=theirs,
                        stderr=subprocess.PIPE)
theirs.close()
received = 0
ours.settimeout(20)
try:
    ours.sendall(sent)
    ours.shutdown(socket.SHUT_WR)
    while more := ours.recv(65536):
        received += len(more)
except OSError:
    pass  # it has hung up, which is what its status and its words are for
text = tool.stderr.read().decode()
print(json.dumps({"status": tool.wait(20), "received": received,
                  "stderr": text}))
