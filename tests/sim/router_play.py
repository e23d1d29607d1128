#!/usr/bin/env python3
"""What happens between devices, a router and dispatchers: one scene for each
test of tests/bats/21-bbrouter-server.bats.

    router_play.py SCENE [WORDS...]

The router is the real one, found by PATH; devices and dispatchers are ours and
speak in frames made by hand.  A scene that fails ends with a trace and 1."""
import base64
import glob
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import dispatcher
from dispatcher import (ANSWER, ATTACH, DATA, DOWN, HELLO, HINT, LINK_CLOSE,
                        LINK_DOWN, LINK_OK, NOTICE, UP, Dispatcher, Frame,
                        Gone, Stream, Trunk, frame, hint, seal, trunk_frame)

PATIENCE = dispatcher.PATIENCE
PIN = 0x2100000A
CHAINED = os.path.abspath(dispatcher.__file__)


def wait_until(done, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not (value := done()):
        assert time.monotonic() < end, "waited in vain for " + what
        time.sleep(0.01)
    return value


class Device(Stream):
    """One device: a connection and a PIN."""

    def __init__(self, port, pin=PIN):
        super().__init__(socket.create_connection(("127.0.0.1", port)))
        self.pin = pin
        self.seq = 0

    def attach(self, **more):
        self.send(frame(ATTACH, UP, self.pin, **more))

    def data(self, **more):
        self.seq += 1
        self.send(frame(DATA, UP, self.pin, seq=self.seq, **more))


class Router:
    """A router of our own; ended at the end of the scene at the latest."""

    all = []

    def __init__(self, *words, starts=True, **more):
        self.err = "router%d.err" % len(self.all)
        self.control = os.path.abspath("control%d" % len(self.all))
        self.process = subprocess.Popen(
            ["bbrouter", "--listen", "0", "--control", "unix:" + self.control,
             "-v", *words], stdout=subprocess.PIPE, stderr=open(self.err, "w"),
            text=True, **more)
        self.all.append(self)
        self.port = None
        if starts:
            line = self.process.stdout.readline()
            found = re.fullmatch(r"listening 127\.0\.0\.1:(\d+)\n", line)
            assert found, "%r; %s" % (line, self.said())
            self.port = int(found.group(1))

    def said(self):
        with open(self.err) as f:
            return f.read()

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(self.control)
            sock.sendall(command.encode() + b"\n")
            with sock.makefile("r") as lines:
                return json.loads(lines.readline())

    def stats(self):
        return self.ask("stats")

    def becomes(self, what, test):
        return wait_until(lambda: test(self.stats()), what)

    def no_links(self):
        self.becomes("no links", lambda s: s["links"]["open"] == 0)

    def ends(self, status, seconds=PATIENCE):
        got = self.process.wait(seconds)
        assert got == status, "ended with %d: %s" % (got, self.said())

    def end(self, signo=signal.SIGTERM, status=0):
        self.process.send_signal(signo)
        self.ends(status)


def one():
    """A router with one dispatcher."""
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    router = Router("--to", far.address)
    return router, far.accept()


def proved(router, trunk, pin=PIN):
    """A device whose login has gone through; its link."""
    device = Device(router.port, pin)
    device.attach()
    up = trunk.expect(ATTACH)
    trunk.answer(up)
    device.expect(ANSWER)
    return device, up.link


# ---- frames and links ------------------------------------------------------

def many_devices():
    router, trunk = one()
    devices = {PIN + i: Device(router.port, PIN + i) for i in range(200)}
    for device in devices.values():
        device.attach()
    links = {}
    for _ in devices:
        up = trunk.expect(ATTACH)
        assert up.link >> 32 == trunk.instance and up.link & 0xFFFFFFFF != 0
        assert up.pin not in links
        links[up.pin] = up.link
        trunk.answer(up)
    assert len(set(links.values())) == len(devices)
    for device in devices.values():
        device.expect(ANSWER)
    rounds = 20
    for _ in range(rounds):
        for device in devices.values():
            device.data(size=16 + device.seq * 7)
    last = dict.fromkeys(devices, 0)
    for _ in range(rounds * len(devices)):
        up = trunk.expect(DATA)
        assert up.link == links[up.pin] and up.seq == last[up.pin] + 1
        last[up.pin] = up.seq
        trunk.answer(up)
    for pin, device in devices.items():
        for seq in range(1, rounds + 1):
            down = device.expect(DATA)
            assert (down.pin, down.seq) == (pin, seq)
    stats = router.stats()
    assert stats["links"]["open"] == stats["links"]["authentic"] == 200
    assert stats["up"]["frames"] == stats["down"]["frames"] == 200 * 21


def unchanged():
    """But for the link, which is the router's; down even that."""
    router, trunk = one()
    device, link = proved(router, trunk)
    sent = frame(DATA, UP, PIN, att=7, seq=9, link=0xFFFFFFFFFFFFFFFF,
                 nonce=os.urandom(24), size=60000)
    device.send(sent[:100])
    device.send(sent[100:])
    got = trunk.expect(DATA).data
    assert got[:4] + got[12:] == sent[:4] + sent[12:]
    assert got[4:12] == link.to_bytes(8, "big")
    for kind in (ANSWER, NOTICE, DATA):
        # Whatever PIN it names: it is the link that counts.
        down = frame(kind, DOWN, 0xDEADBEEF, link=link, size=1000)
        trunk.send(down)
        assert device.expect(kind).data == down


def link_down():
    router, trunk = one()
    device, link = proved(router, trunk)
    other, other_link = proved(router, trunk, PIN + 1)
    device.close()
    down = trunk.expect(LINK_DOWN)
    assert (down.link, down.pin, down.dir) == (link, PIN, UP)
    other.data()
    assert trunk.expect(DATA).link == other_link
    # A link that has never sent a frame is nobody's business.
    Device(router.port).close()
    other.data()
    trunk.expect(DATA)
    # A number is not given again at once.
    again, new_link = proved(router, trunk)
    assert new_link not in (link, other_link)


def link_close():
    router, trunk = one()
    device, link = proved(router, trunk)
    trunk.send(frame(NOTICE, DOWN, PIN, link=link))
    trunk.forbid(link, 1)
    device.expect(NOTICE)
    assert device.ended()
    device.close()
    assert trunk.expect(LINK_DOWN).link == link
    assert router.stats()["ended"]["by_dispatcher"] == 1


def unknown_link():
    router, trunk = one()
    nobody = trunk.instance << 32 | 77
    trunk.send(frame(DATA, DOWN, PIN, link=nobody))
    down = trunk.expect(LINK_DOWN)
    assert (down.link, down.pin) == (nobody, PIN)
    # Not for a link of ours: dropped without a word.
    trunk.send(frame(DATA, DOWN, PIN, link=(trunk.instance ^ 1) << 32 | 1))
    trunk.send(frame(DATA, UP, PIN, link=nobody))
    trunk.send(trunk_frame(LINK_OK, DOWN, PIN, link=nobody))
    trunk.send(frame(DATA, DOWN, PIN, link=nobody))
    trunk.expect(LINK_DOWN)
    dropped = router.stats()["dropped"]
    assert dropped["unknown_link"] == 2 and dropped["from_trunk"] == 2


# ---- strangers -------------------------------------------------------------

def stranger_frames():
    router, trunk = one()
    device = Device(router.port)
    device.send(b"".join(frame(DATA, UP, PIN, seq=i) for i in range(1, 11)))
    for seq in range(1, 5):
        assert trunk.expect(DATA).seq == seq
    assert trunk.read(PATIENCE).kind == LINK_DOWN
    assert device.ended()
    # Dropped frames count too.
    device = Device(router.port)
    device.send(seal(6, UP, PIN, rest=bytes(60)) * 5)
    assert device.ended()
    assert router.stats()["ended"]["frames"] == 2


def stranger_bytes():
    router, trunk = one()
    device = Device(router.port)
    device.data(size=60000)
    assert len(trunk.expect(DATA).data) == 60060
    device.data(size=16)
    assert device.ended() and trunk.expect(LINK_DOWN)
    device = Device(router.port)
    device.data(size=5000)
    trunk.expect(DATA)
    # Not even the whole of it is waited for.
    device.send(frame(DATA, UP, PIN, size=5000)[:4000])
    assert device.ended() and trunk.expect(LINK_DOWN)
    assert router.stats()["ended"]["bytes"] == 2


def stranger_parts():
    """Frames that never become whole take half of the room at most."""
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    router = Router("--to", far.address, "--queue-total", "1")
    trunk = far.accept()
    device, _ = proved(router, trunk)
    part = frame(ATTACH, UP, PIN, size=65000)[:60000]
    for _ in range(2):
        before = router.stats()["ended"]["queues"]
        strangers = [Device(router.port) for _ in range(8)]
        for stranger in strangers:
            stranger.send(part)
        router.becomes("8 parts", lambda s: s["waiting"] == 8 * len(part))
        late = Device(router.port)
        late.send(part)
        assert late.ended()
        router.becomes("one refused",
                       lambda s: s["ended"]["queues"] == before + 1)
        # A device has room for its own.
        whole = frame(DATA, UP, PIN, size=65000)
        device.send(whole[:60000])
        router.becomes("9 parts", lambda s: s["waiting"] == 9 * 60000)
        device.send(whole[60000:])
        trunk.expect(DATA)
        for stranger in strangers:
            stranger.close()
        router.becomes("one link", lambda s: s["links"]["open"] == 1)


def link_ok_lifts():
    router, trunk = one()
    device, link = proved(router, trunk)
    for _ in range(200):
        device.data(size=1000)
    for seq in range(1, 201):
        assert trunk.expect(DATA).seq == seq
    entry = router.ask("links")["links"][0]
    assert entry["authentic"] is True and entry["id"] == link & 0xFFFFFFFF


def stranger_time():
    """In parts, a byte a second: 20 s, and not one frame longer."""
    router, trunk = one()
    start = time.monotonic()
    device = Device(router.port)
    quiet = Device(router.port)
    sent = frame(ATTACH, UP, PIN)
    for at in range(len(sent) - 1):
        try:
            device.send(sent[at:at + 1])
        except OSError:
            break
        if device.sock.fileno() == -1 or device.ended(1):
            break
    took = time.monotonic() - start
    assert 18 < took < 25, took
    assert quiet.ended()
    assert router.stats()["ended"]["time"] == 2


def misbehaviour():
    router, trunk = one()

    def ends(why, *frames):
        device = Device(router.port)
        device.send(*frames)
        assert device.ended(), why
        router.becomes(why, lambda s: s["ended"][why] > before[why])

    before = router.stats()["ended"]
    ends("unreadable", b"GET / HTTP/1.1\r\n\r\n")
    ends("unreadable", frame(DATA, UP, PIN)[:2] + b"\xff\xff" + bytes(100))
    ends("no_device", frame(DATA, DOWN, PIN))
    ends("no_device", frame(ANSWER, DOWN, PIN))
    for kind in (HELLO, LINK_DOWN, LINK_OK, LINK_CLOSE):
        ends("no_device", trunk_frame(kind, UP, 7))
    assert router.stats()["ended"]["no_device"] == 6
    assert router.stats()["up"]["frames"] == 0
    ends("other_pin", frame(DATA, UP, PIN), frame(DATA, UP, PIN + 1))
    assert trunk.expect(DATA).pin == PIN
    down = trunk.expect(LINK_DOWN)
    assert down.pin == PIN


def unsound_is_dropped():
    router, trunk = one()
    device, _ = proved(router, trunk)
    device.send(seal(6, UP, PIN, rest=bytes(60)),
                frame(DATA, UP, PIN, seq=0),
                frame(ATTACH, DOWN, PIN),
                frame(DATA, UP, PIN, code=1),
                frame(DATA, UP, PIN, seq=5))
    assert trunk.expect(DATA).seq == 5
    assert router.stats()["dropped"]["unsound"] == 4


def other_version():
    router, trunk = one()
    device, _ = proved(router, trunk)
    # Not a second one in the same second, and none for what is cut off.
    device.send(frame(DATA, UP, 0xDEADBEEF, version=2, nonce=b"v" * 24),
                frame(DATA, UP, PIN, version=2),
                seal(4, UP, PIN, version=3, rest=bytes(20)),
                frame(DATA, UP, PIN))
    down = device.expect(HINT)
    assert down.code == 1 and down.pin == 0xDEADBEEF and \
        down.nonce == b"v" * 8
    trunk.expect(DATA)
    stats = router.stats()
    assert stats["hints"] == 1 and stats["dropped"]["version"] == 3
    assert device.read(0.1) is None


def hints_are_few():
    router, trunk = one()
    device, link = proved(router, trunk)
    trunk.send(*[hint(2, PIN, link=link)] * 8)
    assert device.expect(HINT).code == 2
    assert device.read(0.1) is None
    trunk.send(hint(2, PIN, link=link))
    assert device.ended()
    device.close()
    trunk.expect(LINK_DOWN)
    stats = router.stats()
    assert stats["hints"] == 1 and stats["dropped"]["hint"] == 8
    assert stats["ended"]["hints"] == 1


def per_address():
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    router = Router("--to", far.address, "--per-address", "3",
                    "--max-peers", "5")
    far.accept()
    devices = [Device(router.port) for _ in range(3)]
    router.becomes("3 links", lambda s: s["links"]["open"] == 3)
    assert Device(router.port).ended()
    assert router.stats()["links"]["refused"] == 1
    devices[0].close()
    router.becomes("2 links", lambda s: s["links"]["open"] == 2)
    again = Device(router.port)
    router.becomes("3 links", lambda s: s["links"]["open"] == 3)
    assert again.read(0.05) is None
    links = router.stats()["links"]
    assert links["peak"] == 3 and links["accepted"] == 4


# ---- dispatchers -----------------------------------------------------------

def no_dispatcher():
    address = "unix:" + os.path.abspath("d1")
    router = Router("--to", address)
    device = Device(router.port)
    device.send(frame(ATTACH, UP, PIN, nonce=b"1" * 24),
                frame(DATA, UP, PIN, nonce=b"2" * 24))
    down = device.expect(HINT)
    assert (down.code, down.pin, down.nonce) == (3, PIN, b"1" * 8)
    assert device.read(0.2) is None, "two hints in a second"
    stats = router.stats()
    assert stats["dropped"]["no_dispatcher"] == 2
    assert router.said().count("cannot be reached") == 1
    # The link stays, and is good as soon as there is a dispatcher.
    trunk = Dispatcher(address).accept()
    router.becomes("ready", lambda s: s["trunks"][0]["ready"])
    device.attach()
    trunk.answer(trunk.expect(ATTACH))
    device.expect(ANSWER)


def first_frame_waits():
    """A frame that is there before the dispatcher is has its answer."""
    far = Dispatcher()
    router = Router("--to", far.address)
    device = Device(router.port)
    device.attach()
    assert device.read(0.2) is None
    trunk = far.accept()
    trunk.answer(trunk.expect(ATTACH))
    device.expect(ANSWER)


def collect(trunks, kind, count):
    """So many frames of a kind that come up: which trunk each came through."""
    found = []

    def look():
        for index, trunk in enumerate(trunks):
            while trunk and (up := trunk.read(0)) is not None:
                if up.kind == kind:
                    found.append((index, up))
        return len(found) >= count

    wait_until(look, "%d frames" % count)
    assert len(found) == count
    return found


def fail_over():
    far = [Dispatcher("unix:" + os.path.abspath("d%d" % i)) for i in (1, 2, 3)]
    router = Router(*[w for d in far for w in ("--to", d.address)])
    trunks = [d.accept() for d in far]

    def ready(count):
        router.becomes("%d trunks" % count, lambda s: sum(
            t["ready"] for t in s["trunks"]) == count)

    ready(3)
    devices = [Device(router.port, PIN + i) for i in range(60)]
    for device in devices:
        device.attach()
    for index, up in collect(trunks, ATTACH, len(devices)):
        trunks[index].answer(up)
    for device in devices:
        device.expect(ANSWER)

    def ask():
        for device in devices:
            device.data()
        return {up.pin: index
                for index, up in collect(trunks, DATA, len(devices))}

    first = ask()
    shares = [list(first.values()).count(i) for i in range(3)]
    assert min(shares) >= 8, shares
    assert ask() == first
    trunks[1].close()
    far[1].close()
    ready(2)
    trunks[1] = None
    second = ask()
    assert all(second[p] == i for p, i in first.items() if i != 1)
    assert 1 not in second.values()
    # Those of the third move on as well; no device has noticed.
    trunks[2].close()
    far[2].close()
    ready(1)
    trunks[2] = None
    assert set(ask().values()) == {0}
    far[1] = Dispatcher(far[1].address)
    trunks[1] = far[1].accept()
    far[2] = Dispatcher(far[2].address)
    trunks[2] = far[2].accept()
    ready(3)
    assert ask() == first
    assert router.stats()["links"]["open"] == 60
    said = router.said()
    assert said.count("has gone") == 2 and said.count("is ready") == 5
    # Another router, in another order: the same.
    for stream in devices + trunks:
        stream.close()
    router.end()
    router = Router(*[w for d in reversed(far) for w in ("--to", d.address)])
    trunks = [d.accept() for d in far]
    ready(3)
    devices = [Device(router.port, PIN + i) for i in range(60)]
    assert ask() == first


def end_is_told_elsewhere():
    """The dispatcher of a link has gone: another learns that it ended."""
    far = [Dispatcher("unix:" + os.path.abspath("d%d" % i)) for i in (1, 2)]
    router = Router(*[w for d in far for w in ("--to", d.address)])
    trunks = [d.accept() for d in far]
    device = Device(router.port)
    device.data()
    [(index, _)] = collect(trunks, DATA, 1)
    far[index].close()
    trunks[index].close()
    router.becomes("one left", lambda s: sum(
        t["ready"] for t in s["trunks"]) == 1)
    device.close()
    assert trunks[1 - index].expect(LINK_DOWN).pin == PIN


def bad_trunks():
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    router = Router("--to", far.address)

    def closed(sock):
        stream = Stream(sock)
        stream.expect(HELLO)
        assert stream.ended()

    def said(text, count=1):
        wait_until(lambda: router.said().count(text) == count, text)

    sock = far.accept_silent()
    sock.sendall(frame(DATA, DOWN, PIN))
    closed(sock)
    said("has not begun with HELLO")
    sock = far.accept_silent()
    sock.sendall(trunk_frame(HELLO, UP, 7))
    closed(sock)
    said("has not begun with HELLO", 2)
    sock = far.accept_silent()
    sock.sendall(b"HTTP/1.1 400 Bad Request\r\n")
    closed(sock)
    said("has sent what is no frame")
    trunk = far.accept()
    trunk.hello()
    assert trunk.ended()
    said("has said HELLO twice")
    trunk = far.accept()
    device, _ = proved(router, trunk)
    trunk.send(b"\xbb\x01\x00\x00")
    assert trunk.ended()
    said("has sent what is no frame", 2)
    trunk = far.accept()
    device.data()
    trunk.expect(DATA)


def no_hello():
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    router = Router("--to", far.address)
    start = time.monotonic()
    sock = Stream(far.accept_silent())
    sock.expect(HELLO)
    device = Device(router.port)
    device.attach()
    assert sock.ended()
    assert 4.5 < time.monotonic() - start < 9
    assert device.expect(HINT).code == 3
    assert "it has not said HELLO in time" in router.said()
    far.accept()


# ---- queues ----------------------------------------------------------------

def slow_device():
    router, trunk = one()
    slow, slow_link = proved(router, trunk)
    other, other_link = proved(router, trunk, PIN + 1)
    big = frame(DATA, DOWN, PIN, link=slow_link, size=60000)
    small = frame(DATA, DOWN, PIN + 1, link=other_link)
    sent = 0
    while (down := trunk.read(0)) is None:
        trunk.send(big, small)
        other.expect(DATA)
        sent += 1
        assert sent < 1000, "nothing bounds the queue of a device"
    assert down.kind == LINK_DOWN and down.link == slow_link
    stats = router.stats()
    assert stats["ended"]["slow"] == 1 and stats["links"]["open"] == 1
    assert stats["waiting"] == 0


def slow_dispatcher():
    """It reads nothing for a while: devices wait, nothing is lost."""
    router, trunk = one()
    devices = [proved(router, trunk, PIN + i)[0] for i in range(8)]
    count = 150  # frames of each: 72 MB in all
    for device in devices:
        device.sock.setblocking(False)
    left = {d: frame(DATA, UP, d.pin, size=60000, seq=1)
            for d in devices}
    sent = dict.fromkeys(devices, 1)
    got = dict.fromkeys((d.pin for d in devices), 0)

    def push(until):
        moved = time.monotonic()
        while time.monotonic() - moved < until:
            for device in devices:
                while left[device]:
                    try:
                        n = device.sock.send(left[device])
                    except BlockingIOError:
                        break
                    moved = time.monotonic()
                    left[device] = left[device][n:]
                    if not left[device] and sent[device] < count:
                        sent[device] += 1
                        left[device] = frame(DATA, UP, device.pin, size=60000,
                                             seq=sent[device])
            yield

    for _ in push(0.3):
        pass
    stats = router.stats()
    stuck = sum(sent.values())
    assert stuck < 8 * count, "the router takes what nobody reads"
    assert 2 << 20 < stats["waiting"] < 8 << 20, stats["waiting"]
    total = 0
    for _ in push(1000):
        while (up := trunk.read(0)) is not None:
            assert up.seq == got[up.pin] + 1
            got[up.pin] = up.seq
            total += 1
        if total == 8 * count:
            break
    stats = router.stats()
    assert sum(stats["dropped"].values()) == 0 and stats["waiting"] == 0
    assert stats["links"]["open"] == 8


def flood():
    """One device floods; another's round trips go on."""
    router, trunk = one()
    bad, bad_link = proved(router, trunk)
    good, _ = proved(router, trunk, PIN + 1)
    burst = frame(DATA, UP, PIN) * 500
    trips = 0
    for _ in range(40):
        bad.send(burst)
        good.data()
        while True:
            up = trunk.expect(DATA)
            if up.pin != PIN:
                break
        trunk.answer(up)
        good.expect(DATA)
        trips += 1
    assert trips == 40
    router.becomes("all passed",
                   lambda s: s["up"]["frames"] == 2 + 40 + 20000)


def queue_total():
    """Many slow devices together: those that do not read end, others stay."""
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    router = Router("--to", far.address, "--queue-total", "1")
    trunk = far.accept()
    slow = [proved(router, trunk, PIN + i) for i in range(12)]
    good, good_link = proved(router, trunk, PIN + 99)
    most = 0
    ended = 0
    for _ in range(400):
        for device, link in slow:
            trunk.send(frame(DATA, DOWN, PIN, link=link, size=15000))
        trunk.send(frame(DATA, DOWN, PIN, link=good_link))
        good.expect(DATA)
        while (down := trunk.read(0)) is not None:
            assert down.kind == LINK_DOWN and down.link != good_link
        stats = router.stats()
        most = max(most, stats["waiting"])
        ended = stats["ended"]["queues"]
        if stats["links"]["open"] == 1:
            break
    assert ended >= 1, stats
    assert most <= (1 << 20) + (256 << 10), most
    good.data()
    while trunk.read().kind != DATA:
        pass


def idle_memory():
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    router = Router("--to", far.address, "--per-address", "0")
    trunk = far.accept()

    def private():
        with open("/proc/%d/smaps_rollup" % router.process.pid) as f:
            return int(re.search(r"Pss_Anon: +(\d+)", f.read()).group(1))

    def more(count):
        new = []
        for _ in range(count):
            pin = PIN + len(devices) + len(new)
            new.append(proved(router, trunk, pin))
        devices.extend(new)

    devices = []
    more(200)
    before = private()
    more(1000)
    each = (private() - before) * 1024 / 1000
    print("bytes for each of 1000 idle links: %d" % each)
    for device, link in devices:
        trunk.send(frame(DATA, DOWN, PIN, link=link))
    for device, _ in devices:
        device.expect(DATA)
    stats = router.stats()
    assert stats["links"]["open"] == stats["links"]["authentic"] == 1200
    assert stats["waiting"] == 0
    if "BB_SAN" not in os.environ:
        assert each <= float(sys.argv[2]), each


# ---- how it starts and ends ------------------------------------------------

def drains():
    router, trunk = one()
    device, _ = proved(router, trunk)
    asking, _ = proved(router, trunk, PIN + 1)
    asking.attach(att=2)
    up = trunk.expect(ATTACH)
    router.process.send_signal(signal.SIGTERM)
    assert device.ended(), "a device that waits for nothing"
    device.close()
    try:
        Device(router.port)
        raise AssertionError("it listens on")
    except ConnectionRefusedError:
        pass
    assert asking.read(0.2) is None
    trunk.answer(up)
    asking.expect(ANSWER)
    assert asking.ended()
    asking.close()
    assert trunk.expect(LINK_DOWN) and trunk.expect(LINK_DOWN)
    assert trunk.ended()
    trunk.close()
    router.ends(0)


def drain_has_an_end():
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    router = Router("--to", far.address, "--drain", "500ms")
    trunk = far.accept()
    device = Device(router.port)
    device.attach()
    trunk.expect(ATTACH)
    start = time.monotonic()
    router.end()
    assert 0.4 < time.monotonic() - start < 5
    # The second signal ends it at once.
    router = Router("--to", far.address)
    trunk = far.accept()
    device = Device(router.port)
    device.attach()
    trunk.expect(ATTACH)
    router.process.send_signal(signal.SIGINT)
    wait_until(lambda: router.stats()["draining"], "the drain")
    router.end(signal.SIGINT)


def signals():
    router, trunk = one()
    router.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "nothing to reload" in router.said(), "the reload")
    device, _ = proved(router, trunk)
    assert router.ask("reload")["reloaded"] is True
    assert router.ask("nonsense")["error"]
    assert router.ask("drain")["draining"] is True
    assert device.ended()
    device.close()
    trunk.expect(LINK_DOWN)
    assert trunk.ended()
    trunk.close()
    router.ends(0)
    assert not os.path.exists(router.control)


def control():
    router, trunk = one()
    device, link = proved(router, trunk)
    stranger = Device(router.port)
    router.becomes("two links", lambda s: s["links"]["open"] == 2)
    stats = router.stats()
    assert stats["v"] == 1 and stats["tool"] == "bbrouter"
    assert int(stats["instance"], 16) == trunk.instance
    assert stats["links"]["authentic"] == 1
    trunks = stats["trunks"]
    assert len(trunks) == 1 and trunks[0]["ready"] is True
    assert trunks[0]["to"] == "unix:" + os.path.abspath("d1")
    assert (trunks[0]["up"], trunks[0]["down"]) == (2, 3)
    assert stats["up"] == {"frames": 1, "bytes": 112}
    assert stats["down"] == {"frames": 1, "bytes": 112}
    links = router.ask("links")
    assert links["v"] == 1 and links["more"] is False
    by_id = {entry["id"]: entry for entry in links["links"]}
    entry = by_id[link & 0xFFFFFFFF]
    assert entry["pin"] == "2100000a" and entry["bytes"] == 224
    assert entry["from"] == "127.0.0.1:%d" % device.sock.getsockname()[1]
    other = [e for i, e in by_id.items() if i != link & 0xFFFFFFFF][0]
    assert "pin" not in other and other["authentic"] is False
    assert stranger.read(0) is None


def single(words, both=True, **more):
    """The router with one connection as standard input and output."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(["bbrouter", *words], stdin=theirs,
                               stdout=theirs if both else subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, **more)
    theirs.close()
    return Stream(ours), process


def finished(process, status):
    err = process.stderr.read()
    got = process.wait(PATIENCE)
    assert got == status, "%d: %s" % (got, err)
    return err


def one_connection():
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    device, process = single(["--to", far.address])
    device.send(frame(ATTACH, UP, PIN))
    trunk = far.accept()
    up = trunk.expect(ATTACH)
    trunk.answer(up)
    device.expect(ANSWER)
    device.send(frame(DATA, UP, PIN))
    trunk.answer(trunk.expect(DATA))
    device.expect(DATA)
    device.close()
    assert trunk.expect(LINK_DOWN).link == up.link
    assert trunk.ended()
    trunk.close()
    assert finished(process, 0) == ""


def half_close():
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    device, process = single(["--to", far.address])
    device.send(frame(ATTACH, UP, PIN), frame(DATA, UP, PIN))
    device.sock.shutdown(socket.SHUT_WR)
    trunk = far.accept()
    login, data = trunk.expect(ATTACH), trunk.expect(DATA)
    assert device.read(0.2) is None
    trunk.answer(login)
    device.expect(ANSWER)
    assert device.read(0.2) is None
    trunk.answer(data)
    device.expect(DATA)
    assert device.ended()
    trunk.expect(LINK_DOWN)
    assert trunk.ended()
    trunk.close()
    assert finished(process, 0) == ""


def one_bad_connection():
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    device, process = single(["--to", far.address])
    device.send(b"GET / HTTP/1.1\r\n\r\n")
    trunk = far.accept()
    assert device.ended()
    device.close()
    assert trunk.ended()
    trunk.close()
    err = finished(process, 2)
    assert err.count("\n") == 1 and "what it sent is no frame" in err


def one_pipe():
    """A file of frames through a whole chain: the answers, and an end."""
    with open("in", "wb") as f:
        f.write(frame(ATTACH, UP, PIN) + frame(DATA, UP, PIN))
    done = subprocess.run(
        ["bbrouter", "--", sys.executable, CHAINED], timeout=PATIENCE,
        stdin=open("in", "rb"), capture_output=True)
    assert done.returncode == 0 and done.stderr == b"", done
    data = done.stdout
    assert Frame(data[:112]).kind == ANSWER
    assert Frame(data[112:]).kind == DATA and len(data) == 112 + 80


def chain():
    router = Router("--", sys.executable, CHAINED, "log")
    device = Device(router.port)
    device.attach()
    device.expect(ANSWER)
    device.data()
    device.expect(DATA)
    with open("log") as f:
        assert [json.loads(l)["kind"] for l in f] == [ATTACH, DATA]
    stats = router.stats()
    assert stats["trunks"][0]["to"] == sys.executable
    router.process.send_signal(signal.SIGTERM)
    assert device.ended()
    device.close()
    router.ends(0)
    with open("log") as f:
        assert json.loads(f.readlines()[-1])["kind"] == LINK_DOWN


def children(pid):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.split("/")[2]))
    return found


def chain_killed():
    router = Router("--", sys.executable, CHAINED)
    device = Device(router.port)
    device.attach()
    device.expect(ANSWER)
    [child] = children(router.process.pid)
    os.kill(child, signal.SIGKILL)
    assert device.ended()
    device.close()
    router.ends(111)
    assert "the next stage (%s) was ended by signal 9" % sys.executable in \
        router.said()


def chain_statuses():
    """Before anybody is served, the child ends with 100, or another way."""
    for code, want in ((100, 100), (0, 111), (3, 111)):
        router = Router("--", "sh", "-c", "exit %d" % code, starts=False)
        router.ends(want)
        said = router.said()
        assert "the next stage (sh) has ended with %d" % code in said
        assert said.count("fatal") == 1
        assert router.process.stdout.read() == ""
    router = Router("--", "sh", "-c", "exec <&- >&-; sleep 3", starts=False)
    router.ends(111)
    assert "the next stage (sh) has left its connection" in router.said()


def chain_group_term():
    """TERM for the whole group, as Ctrl-C or systemd do it."""
    script = "trap '' TERM; exec %s %s log" % (sys.executable, CHAINED)
    router = Router("--", "sh", "-c", script, start_new_session=True)
    device = Device(router.port)
    device.attach()
    device.expect(ANSWER)
    os.killpg(router.process.pid, signal.SIGTERM)
    assert device.ended()
    device.close()
    router.ends(0)


def exec_failure():
    for words, text in ((["./no-such-program"], "No such file"),
                        (["/etc/passwd"], "Permission denied")):
        done = subprocess.run(
            ["bbrouter", "--listen", "0", "--", *words],
            capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 100 and done.stdout == "", done
        assert "bbrouter: fatal: unable to start " + words[0] in \
            re.sub(r"\[\d+\]", "", done.stderr), done.stderr
        assert text in done.stderr


def ready():
    read, write = os.pipe()
    far = Dispatcher("unix:" + os.path.abspath("d1"))
    router = Router("--to", far.address, "--ready-fd", str(write),
                    pass_fds=[write])
    os.close(write)
    assert os.read(read, 10) == b"\n"
    assert os.read(read, 10) == b""
    Device(router.port).close()


# ---- blindness -------------------------------------------------------------

def spellings(word):
    """A word as it is, in hex, base64 (its middle) and UTF-16."""
    raw = word.encode()
    yield from (raw, raw.hex().encode(), raw.decode().encode("utf-16-le"))
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + raw)[4:-4]


def memory(pid):
    """All that a process holds: its readable mappings."""
    with open("/proc/%d/maps" % pid) as maps, \
            open("/proc/%d/mem" % pid, "rb", 0) as mem:
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


def blindness():
    """frame: what bbdevice emitted; the words after it are not to be found.
    The answer is made by the real stages and left in the file `answer`."""
    router, trunk = one()
    device = Device(router.port)
    with open(sys.argv[2], "rb") as f:
        device.send(f.read())
    up = trunk.expect(ATTACH)
    made = subprocess.run("bbdispatch | bbcollab | bbdispatch", shell=True,
                          input=up.data, stdout=subprocess.PIPE, check=True)
    trunk.prove(up.link)
    trunk.send(made.stdout)
    answer = device.expect(ANSWER)
    with open("answer", "wb") as f:
        f.write(answer.data)
    for command in ("stats", "links"):
        with open(command, "w") as f:
            json.dump(router.ask(command), f)
    seen = set()
    words = sys.argv[3:] + [trunk_address(router)]
    for part in memory(router.process.pid):
        seen |= {w for w in words if any(s in part for s in spellings(w))}
    assert seen == {trunk_address(router)}, seen


def trunk_address(router):
    return router.stats()["trunks"][0]["to"]


def main():
    try:
        globals()[sys.argv[1]]()
    except BaseException:
        for router in Router.all:
            sys.stderr.write(router.said())
        raise
    finally:
        for router in Router.all:
            if router.process.poll() is None:
                router.process.kill()
            router.process.wait()


if __name__ == "__main__":
    main()
