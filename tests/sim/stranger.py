#!/usr/bin/env python3
"""What a stranger does to a gateway; one scene for each test of
tests/bats/77-stranger.bats.

    stranger.py SCENE RECORD ADDRESS...

RECORD is what recorder.py kept, or keeps; an ADDRESS is a port of the loopback
interface.  A stranger comes from 127.0.0.9.  Ends with a trace and 1 when it got
more than a stranger may: nothing but HINTs, and few of them."""
import os
import socket
import struct
import sys
import time

from dispatcher import (ATTACH, DATA, HELLO, HINT, LINK_DOWN, UP, Frame, Gone,
                        Stream, frame, trunk_frame)

HOME = "127.0.0.9"
PIN = 0x2100000B
HINTS_MAX = 8


def connect(port, source=HOME):
    return socket.create_connection(("127.0.0.1", port),
                                    source_address=(source, 0))


class Link(Stream):
    """A stranger's link; `kinds` of frames besides HINT may come down."""

    def __init__(self, port, kinds=()):
        super().__init__(connect(port))
        self.kinds = {HINT, *kinds}
        self.hints = []
        self.gone = False

    def say(self, *frames):
        """As far as it is let."""
        try:
            self.send(*frames)
        except OSError:
            self.gone = True

    def hear(self, seconds):
        """What comes in so long, looked at."""
        end = time.monotonic() + seconds
        while not self.gone:
            try:
                got = self.read(max(0, end - time.monotonic()))
            except (Gone, OSError):
                self.gone = True
                return
            if got is None:
                return
            assert got.kind in self.kinds, "%r came to a stranger" % got
            if got.kind == HINT:
                assert len(got.data) == 28
                self.hints.append(time.monotonic())
        assert len(self.hints) <= HINTS_MAX, len(self.hints)
        for early, late in zip(self.hints, self.hints[1:]):
            assert late - early > 0.9, "HINTs %.3f s apart" % (late - early)


def recorded(path, direction):
    """Frames of a record: bytes, in their order, without a line half written."""
    with open(path) as f:
        lines = f.read().rpartition("\n")[0].split("\n")
    words = [line.split() for line in lines if line]
    return [bytes.fromhex(w[1]) for w in words if w[0] == direction]


def hear_all(links, seconds):
    end = time.monotonic() + seconds
    for link in links:
        link.hear(max(0.01, end - time.monotonic()))


def close_all(links):
    for link in links:
        link.close()


# ---- replays ---------------------------------------------------------------

def replay(record, ports, kinds=()):
    """Each frame on a link of its own, then all of each PIN on one link.  The
    earliest DATA first, when it says that the device is there; then the latest
    first, so that what was said last is undone if a copy is believed."""
    ups, downs = recorded(record, "up"), recorded(record, "down")
    assert len(ups) >= 8 and len(downs) >= 8, (len(ups), len(downs))
    assert {Frame(up).kind for up in ups} == {ATTACH, DATA}
    first = {}
    for up in ups:
        if Frame(up).kind == DATA:
            first.setdefault(Frame(up).pin, up)
    ups = list(first.values()) + ups[::-1]
    links = []
    for port in ports:
        for one in ups + downs:
            links.append(Link(port, kinds))
            links[-1].say(one)
        for pin in {Frame(up).pin for up in ups}:
            links.append(Link(port, kinds))
            for up in ups:
                if Frame(up).pin == pin:
                    links[-1].say(up)
    hear_all(links, 1.5)
    close_all(links)


def replay_quietly(record, ports):
    """Nobody is there who could be answered under seal."""
    replay(record, ports)


def replay_to_absent(record, ports):
    """A session whose device is away: NOTICE reattach may come, to the link that
    asked, sealed; nothing else happens."""
    replay(record, ports, kinds=(5,))


def follow(record, ports):
    """Copies of each frame up, as soon as it was recorded, on other links: one
    for each port and PIN, for four seconds."""
    links, done = {}, 0
    end = time.monotonic() + 4
    while time.monotonic() < end:
        ups = recorded(record, "up")
        for up in ups[done:]:
            for port in ports:
                key = port, Frame(up).pin
                if key not in links or links[key].gone:
                    links[key] = Link(port)
                links[key].say(up)
        done = len(ups)
        hear_all(links.values(), 0.02)
    close_all(links.values())
    assert done > 50, done


def overtake(record, ports):
    """The record has an ATTACH that was not passed on: it goes first from
    here.  Its ANSWER comes here, sealed; the device is not answered."""
    attach = [up for up in recorded(record, "up")
              if Frame(up).kind == ATTACH][-1]
    link = Link(ports[0], kinds=(2,))
    link.say(attach)
    link.hear(1)
    assert not link.gone
    # It cannot confirm what it cannot open.
    link.say(frame(DATA, UP, Frame(attach).pin, att=Frame(attach).att))
    link.hear(0.5)
    link.close()


# ---- what it makes itself --------------------------------------------------

def forge(record, ports):
    """Knows a PIN, a kid, attach numbers; has no key."""
    last = [Frame(up) for up in recorded(record, "up")
            if Frame(up).pin == PIN][-1]
    kid = last.data[20:28]
    for port in ports:
        links = []
        for made in (frame(ATTACH, UP, PIN, att=last.att + 1),
                     frame(DATA, UP, PIN, att=last.att, seq=last.seq + 1),
                     frame(ATTACH, UP, PIN, att=0xFFFFFFFE)):
            for one in (made, made[:20] + kid + made[28:]):
                links.append(Link(port))
                links[-1].say(one)
        many = Link(port)
        links.append(many)
        for seq in range(1, 40):
            many.say(frame(DATA, UP, PIN, att=last.att, seq=last.seq + seq))
        flips = Link(port)
        links.append(flips)
        for at in (36, 60, len(last.data) - 1):
            bad = bytearray(last.data)
            bad[at] ^= 1
            flips.say(bytes(bad))
        hear_all(links, 1.2)
        assert many.gone
        close_all(links)


def hints(record, ports):
    """A frame that does not open, every 50 ms for three seconds."""
    del record
    for port in ports:
        end = time.monotonic() + 3
        link = Link(port)
        while time.monotonic() < end:
            if link.gone:
                break
            link.say(frame(DATA, UP, PIN))
            link.hear(0.05)
        assert link.gone
        link.close()


# ---- noise -----------------------------------------------------------------

JSON = (b'{"re":"attach","pin":"2100000b","user":"bob","service":"local",'
        b'"att":1,"kid":"0000000000000000","nonce":"' + b"0" * 48 +
        b'","link":"0000000000000000","d":{"op":"logout"}}\n'
        b'{"re":"trunk","router":"0a0b0c0d","up":false}\n'
        b'{"re":"down","pin":"2100000b","link":"0000000000000001"}\n')


def json_lines(record, ports):
    del record
    for port in ports:
        link = Link(port)
        link.say(JSON)
        link.hear(2)
        assert link.gone, port
        link.close()
        # Nor behind a frame that is sound.
        link = Link(port)
        link.say(frame(DATA, UP, PIN), JSON)
        link.hear(2)
        assert link.gone, port
        link.close()


def flood(record, ports):
    """Garbage, as fast as it goes, for three seconds."""
    del record
    noise = os.urandom(1 << 16)
    kinds = [noise, b"\xbb\x01" + noise, b"\0" * 70000, JSON * 50,
             b"".join(frame(DATA, UP, PIN + i) for i in range(300)),
             frame(ATTACH, UP, PIN, size=60000) * 3, b"\xbb\x01\x00\x00" * 9999,
             b"GET / HTTP/1.1\r\n\r\n"]
    end = time.monotonic() + 3
    count = 0
    while time.monotonic() < end:
        links = [Link(port) for port in ports for _ in kinds]
        for at, link in enumerate(links):
            link.say(kinds[at % len(kinds)])
        hear_all(links, 0.02)
        close_all(links)
        count += len(links)
    assert count > 100, count


def crowd(record, ports):
    """A thousand links: idle, half open, in the middle of a frame, a byte at a
    time.  The file `crowded` says that they are there; they leave when there is
    a file `leave`."""
    del record
    sound = frame(ATTACH, UP, PIN)
    socks = []
    for number in range(1000):
        sock = connect(ports[0])
        sock.setblocking(False)
        socks.append(sock)
        if number % 4 == 1:
            sock.shutdown(socket.SHUT_WR)
        elif number % 4 == 2:
            sock.send(sound[:100])
    open("crowded", "w").close()
    at = 0
    while not os.path.exists("leave"):
        for sock in socks[3::4]:
            try:
                sock.send(sound[at:at + 1])
            except OSError:
                pass
        at += 1
        time.sleep(0.2)
    for sock in socks:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        sock.close()


# ---- a false router --------------------------------------------------------

def false_router(record, ports):
    """On a port of the loopback interface anybody may be a router: with links of
    its own, and no others."""
    device = Frame(recorded(record, "down")[-1])
    theirs = device.link
    # The router's instance is taken, as long as it is there.
    for port in ports:
        claim = Stream(connect(port, "127.0.0.1"))
        claim.send(trunk_frame(HELLO, UP, theirs >> 32))
        assert claim.ended(5), port
        claim.close()
    for port in ports:
        trunk = Stream(connect(port, "127.0.0.1"))
        trunk.send(trunk_frame(HELLO, UP, 0x0A0B0C0D))
        trunk.expect(HELLO)
        trunk.send(trunk_frame(LINK_DOWN, UP, device.pin, link=theirs),
                   frame(DATA, UP, device.pin, link=theirs))
        for up in recorded(record, "up"):
            trunk.send(up[:4] + struct.pack(">Q", theirs) + up[12:])
        assert trunk.read(0.5) is None
        # What it may do is what a stranger may.
        mine = 0x0A0B0C0D << 32 | 1
        trunk.send(frame(DATA, UP, device.pin, link=mine),
                   trunk_frame(LINK_DOWN, UP, device.pin, link=mine))
        assert trunk.expect(HINT).link == mine
        assert trunk.read(0.2) is None
        trunk.close()


def trunk_to_router(record, ports):
    """What only a dispatcher and a router say to each other."""
    device = Frame(recorded(record, "down")[-1])
    for port in ports:
        for kind in (HELLO, LINK_DOWN, 0x82, 0x83):
            for direction in (0, 1):
                link = Link(port)
                link.say(trunk_frame(kind, direction, device.pin,
                                     link=device.link))
                link.hear(2)
                assert link.gone, (port, kind)
                link.close()


globals()[sys.argv[1]](sys.argv[2], [int(port) for port in sys.argv[3:]])
