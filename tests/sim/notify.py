#!/usr/bin/env python3
"""The part of systemd that a service of Type=notify sees:

    notify.py SOCKET TOOL WORDS...

Starts the tool with NOTIFY_SOCKET=SOCKET, prints what it says there; after
READY=1 it gets SIGTERM.  The last line is its status."""
import os
import socket
import subprocess
import sys

PATIENCE = 20

path = sys.argv[1]
told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if os.path.exists(path):
    os.unlink(path)
told.bind(path)
told.settimeout(PATIENCE)
tool = subprocess.Popen(sys.argv[2:], stdin=subprocess.DEVNULL,
                        env={**os.environ, "NOTIFY_SOCKET": path})
try:
    while True:
        text = told.recv(4096).decode()
        print(text)
        if text == "READY=1":
            tool.terminate()
        elif text == "STOPPING=1":
            break
    print("ended with", tool.wait(PATIENCE))
finally:
    tool.kill()
