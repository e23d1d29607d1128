#!/usr/bin/env python3
"""Texts that are numbers, to see that each arrives once and in order:

    numbered.py say MS LAST         1, 2 .. LAST on a line each, every MS ms
    numbered.py say MS FILE         the same until there is such a file
    numbered.py heard LAST FILE     the events in FILE, output of `bbdevice
                                    listen --json`, are 1 .. LAST
    numbered.py heard LAST FILE again
                                    and those just before an acceptance may
                                    come again behind it

`heard` says what is wrong and ends with 1."""
import json
import os
import sys
import time

WINDOW = 32  # events under way; docs/wire.md, "Numbers"


def say(ms, until):
    last = int(until) if until.isdigit() else sys.maxsize
    number = 0
    try:
        while number < last and (until.isdigit() or not os.path.exists(until)):
            number += 1
            print(number, flush=ms > 0)
            time.sleep(ms / 1000)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.exit("nobody takes number %d" % number)


def heard(last, path, again):
    got = back = 0
    fresh = False
    with open(path) as f:
        for line in f:
            said = json.loads(line)
            if said["kind"] == "answer":
                fresh = again
            if said["kind"] != "event":
                continue
            number = int(said["text"])
            if fresh and got - WINDOW < number <= got:
                back += got - number + 1
                got = number - 1
            fresh = False
            if number != got + 1:
                sys.exit("%d came after %d" % (number, got))
            got = number
    if got != last:
        sys.exit("%d is the last that came, not %d" % (got, last))
    print("%d came, %d of them again" % (got, back))


if sys.argv[1] == "say":
    say(float(sys.argv[2]), sys.argv[3])
else:
    heard(int(sys.argv[2]), sys.argv[3], sys.argv[4:] == ["again"])
