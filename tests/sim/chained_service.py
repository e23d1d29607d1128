#!/usr/bin/env python3
"""A service on standard input and output, as the next stage of a chain: answers
each attach and each DATA; notes lines in LOG and its process id in LOG.pid.

    chained_service.py LOG"""
import json
import os
import sys

log = open(sys.argv[1], "w")
with open(sys.argv[1] + ".pid", "w") as f:
    f.write(str(os.getpid()))
ready = os.environ.get("BB_READY_FD")
if ready:
    os.write(int(ready), b"\n")
    os.close(int(ready))
seq = 0
while text := sys.stdin.buffer.readline():
    line = json.loads(text)
    print(json.dumps(line), file=log, flush=True)
    if line.get("re") in ("trunk", "down"):
        continue
    out = {name: line[name] for name in ("pin", "att", "link")}
    if line.get("re") == "attach":
        out.update(re="attach", kid=line["kid"], nonce=line["nonce"],
                   d={"op": "answer", "result": "ok", "text": "logged in"})
    else:
        seq += 1
        out.update(seq=seq, d={"op": "events", "ack": 1})
    sys.stdout.write(json.dumps(out) + "\n")
    sys.stdout.flush()
print(json.dumps({"ended": True}), file=log, flush=True)
