#!/usr/bin/env python3
"""Frames and bodies as bytes, for tests of bad ones; docs/wire.md is its text.

    wire.py list              frames on standard input, one JSON object each
    wire.py part N COUNT      so many frames from number N (from 0) on
    wire.py set OFFSET=HEX..  every frame with these bytes in place
    wire.py flips FIRST LAST  the frame, once for each byte with one bit flipped
    wire.py body PART...      a body, to be sealed

A PART of a body:
    stored:TEXT   deflate:TEXT     a section of that text; @FILE: of a file
    plain:TEXT                     deflated without the dictionary
    bomb:BYTES                     a section that inflates to so many blanks
    cut:N                          the last N bytes taken away
    hex:DIGITS                     those bytes
    pad:N                          zeros up to a multiple of N
"""
import json
import os
import re
import struct
import sys
import zlib

TYPES = {1: "ATTACH", 2: "ANSWER", 3: "RECOVER", 4: "DATA", 5: "NOTICE",
         0x40: "HINT"}
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       "../../docs/wire-vectors.txt")


def dictionary():
    with open(VECTORS) as f:
        return bytes.fromhex(re.search(r"^dictionary-1 (\w+)$", f.read(),
                                       re.M).group(1))


def split(data):
    """The frames of a stream.  Ends the process where none begins."""
    at = 0
    while at < len(data):
        if data[at:at + 2] != b"\xbb\x01" or at + 12 > len(data):
            sys.exit("no frame begins at byte %d of %d" % (at, len(data)))
        size = 12 + struct.unpack_from(">H", data, at + 2)[0]
        if at + size > len(data):
            sys.exit("the frame at byte %d of %d is cut off" % (at, len(data)))
        yield data[at:at + size]
        at += size


def show(frame):
    version, kind, direction, code, pin = struct.unpack_from(">BBBBI", frame, 12)
    out = {"type": TYPES.get(kind, kind), "dir": direction, "pin": "%08x" % pin,
           "len": len(frame), "link": frame[4:12].hex()}
    if version != 1:
        out["version"] = version
    if kind == 0x40:
        out["code"] = code
        out["nonce"] = frame[20:28].hex()
    else:
        out["kid"] = frame[20:28].hex()
        out["att"], out["seq"] = struct.unpack_from(">II", frame, 28)
        out["nonce"] = frame[36:60].hex()
    return json.dumps(out)


def squeeze(text, preset=True):
    pack = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY,
                            *([dictionary()] if preset else []))
    return pack.compress(text) + pack.flush()


def section(kind, data):
    return struct.pack(">BH", kind, len(data)) + data


def body(parts):
    out = b""
    for part in parts:
        kind, _, value = part.partition(":")
        if kind in ("stored", "deflate", "plain"):
            if value.startswith("@"):
                with open(value[1:], "rb") as f:
                    text = f.read()
            else:
                text = os.fsencode(value)
            out += section(0, text) if kind == "stored" else \
                section(1, squeeze(text, kind == "deflate"))
        elif kind == "bomb":
            out += section(1, squeeze(b" " * int(value)))
        elif kind == "cut":
            out = out[:-int(value)]
        elif kind == "hex":
            out += bytes.fromhex(value)
        elif kind == "pad":
            out += bytes(-len(out) % int(value))
        else:
            sys.exit("no such part: " + part)
    return out


def main():
    verb, args = sys.argv[1], sys.argv[2:]
    out = sys.stdout.buffer
    if verb == "body":
        out.write(body(args))
        return
    frames = split(sys.stdin.buffer.read())
    if verb == "list":
        for frame in frames:
            print(show(frame))
    elif verb == "part":
        first, count = int(args[0]), int(args[1])
        out.write(b"".join(list(frames)[first:first + count]))
    elif verb == "set":
        for frame in frames:
            frame = bytearray(frame)
            for arg in args:
                offset, digits = arg.split("=")
                new = bytes.fromhex(digits)
                frame[int(offset):int(offset) + len(new)] = new
            out.write(frame)
    elif verb == "flips":
        frame = next(frames)
        for offset in range(int(args[0]), int(args[1]) + 1):
            bad = bytearray(frame)
            bad[offset] ^= 1 << offset % 8
            out.write(bad)
    else:
        sys.exit("no such verb: " + verb)


main()
