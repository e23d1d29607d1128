#!/usr/bin/env python3
"""Are words in the memory of a process?  As they are, in hex, base64 or UTF-16.

    memory.py PID WORD...

Prints those that are; 0 when there is one, 1 when there is none."""
import base64
import sys


def spellings(word):
    raw = word.encode()
    yield from (raw, raw.hex().encode(), word.encode("utf-16-le"))
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + raw)[4:-4]


def parts(pid):
    """The readable mappings."""
    with open("/proc/%s/maps" % pid) as maps, \
            open("/proc/%s/mem" % pid, "rb", 0) as mem:
        for line in maps:
            span, modes = line.split()[:2]
            first, end = (int(part, 16) for part in span.split("-"))
            if "r" not in modes or "[v" in line:
                continue
            mem.seek(first)
            try:
                yield mem.read(end - first)
            except OSError:
                continue


def main():
    found = set()
    for part in parts(sys.argv[1]):
        found |= {word for word in sys.argv[2:]
                  if any(s in part for s in spellings(word))}
    print(*sorted(found), sep="\n")
    sys.exit(0 if found else 1)


main()
