#!/usr/bin/env python3
"""What happens between devices, routers, a dispatcher and services: one scene
for each test of tests/bats/31-bbdispatch-server.bats.

    dispatch_play.py SCENE [WORDS...]

A scene that fails ends with a trace and 1."""
import json
import os
import re
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time

from dispatch_ends import (ALICE, BOB, HERE, Device, Dispatch, Phone, Router,
                           Service, ServiceLink, bbdevice, bbdevice_read,
                           connect, one, run, wait_until, with_link)
from dispatcher import (ANSWER, ATTACH, DATA, DOWN, HELLO, HINT, LINK_CLOSE,
                        LINK_DOWN, LINK_OK, NOTICE, PATIENCE, UP, Gone, Stream,
                        frame, hint, seal, trunk_frame)

A, B = 0x0A0A0A0A, 0x0B0B0B0B  # instances of routers


def attached(phone, stream, link, up=lambda frame: frame):
    """Logs a phone in; the attach line.  `up` is how its frames travel."""
    stream.send(up(phone.login()))
    line = link.expect(re="attach", pin=phone.pin, att=phone.att)
    link.answer(line)
    while (found := stream.read()).kind == LINK_OK:
        pass
    assert found.kind == ANSWER, found
    phone.rolled(found)
    return line


def via(router, number):
    return lambda frame: with_link(frame, router.link(number))


# --- logins -------------------------------------------------------------------

def trunk_login():
    service, dispatch, link = one()
    router = Router(dispatch.address, A)
    router.pass_up(7, bbdevice("login", "2100000a", "--trace"))
    line = link.expect(re="attach", pin="2100000a", user="alice",
                       service="local", att=1, link="%016x" % router.link(7))
    assert line["d"]["user"] == "alice" and line["d"]["password"]
    ok = router.expect(LINK_OK)
    assert (ok.link, ok.pin) == (router.link(7), 0x2100000A)
    link.answer(line)
    answer = router.expect(ANSWER)
    assert answer.link == router.link(7)
    said = bbdevice_read(answer)
    assert any(part.get("result") == "ok" for part in said), said
    steps = json.dumps(said)
    assert "from the router" in steps and "rolled the key" in steps, steps
    for _ in range(3):
        router.pass_up(7, bbdevice("alive", "2100000a"))
        line = link.expect(pin="2100000a", att=1)
    link.event(line, "good morning")
    # LINK_OK came once: the next frame is the event.
    data = router.expect(DATA)
    assert data.link == router.link(7)
    assert bbdevice_read(data)[0]["text"] == "good morning"
    dispatch.end()


def device_login(*listen):
    """Two devices on links of the dispatcher's own."""
    service = Service("service")
    dispatch = Dispatch("--listen", "0", to=[service.address],
                        stdout=subprocess.PIPE)
    port = re.search(rb":(\d+)\n", dispatch.process.stdout.readline())[1]
    link = service.accept()
    own = link.read()
    assert own["re"] == "trunk" and own["up"], own
    for pin, place in (("2100000a", dispatch.address),
                       ("2100000b", port.decode())):
        device = Device(place)
        device.send(bbdevice("login", pin))
        line = link.expect(re="attach", pin=pin)
        assert line["link"][:8] == own["router"], line
        other = Device(dispatch.address)  # says nothing, hears nothing
        link.answer(line)
        assert bbdevice_read(device.expect(ANSWER))[0]["result"] == "ok"
        assert other.read(0.1) is None
        device.send(bbdevice("alive", pin))
        link.event(link.expect(pin=pin), "for " + pin)
        assert bbdevice_read(device.expect(DATA))[0]["text"] == "for " + pin
        device.close()
        link.expect(re="down", pin=pin, link=line["link"])
    dispatch.end()


def two_trunks():
    service, dispatch, link = one()
    routers = Router(dispatch.address, A), Router(dispatch.address, B)
    phones = Phone(*ALICE), Phone(*BOB)
    lines = [attached(p, r, link, via(r, 1)) for p, r in zip(phones, routers)]
    for line, text in zip(lines, ("to alice", "to bob")):
        link.event(line, text)
    for phone, router, text in zip(phones, routers, ("to alice", "to bob")):
        found = router.expect(DATA)
        assert found.link == router.link(1)
        assert phone.open(found)["d"]["events"][0]["text"] == text
    assert sorted(link.trunks[1:]) == ["%08x" % A, "%08x" % B]
    dispatch.end()


def order():
    """What one device says keeps its order, and so does what it is told."""
    service, dispatch, link = one()
    router = Router(dispatch.address, A)
    phone = Phone(*ALICE)
    line = attached(phone, router, link, via(router, 1))
    up = [phone.data(op="send", n=n, to="bob", text="number %d" % n)
          for n in range(1, 6)]
    login = phone.login()
    # A frame behind the attach, then the end of the link: both wait for it.
    after = phone.seal(DATA, 1, 6, b'{"op":"fetch"}')
    router.send(*[with_link(f, router.link(1)) for f in up + [login, after]],
                trunk_frame(LINK_DOWN, UP, 0x2100000A, link=router.link(1)),
                with_link(Phone(*BOB).login(), router.link(2)),
                trunk_frame(LINK_DOWN, UP, 0x2100000B, link=router.link(2)))
    for n in range(1, 6):
        assert link.expect(seq=n)["d"]["n"] == n
    again = link.expect(re="attach", att=2, pin=phone.pin)
    link.expect(pin=phone.pin, seq=6)
    link.expect(re="down", pin=phone.pin)
    link.expect(re="attach", pin="2100000b")
    link.expect(re="down", pin="2100000b")
    assert router.expect(LINK_OK).link == router.link(2)
    for n in range(20):
        link.event(line, str(n))
    link.answer(again)
    found = [router.expect(DATA) for _ in range(20)]
    assert [f.seq for f in found] == list(range(1, 21))
    dispatch.drop()


# --- trunks -------------------------------------------------------------------

def instance_twice():
    service, dispatch, link = one()
    own = int(link.read()["router"], 16)
    first = Router(dispatch.address, A)
    for taken in (A, own):
        second = Router(dispatch.address, taken, says_hello=False)
        second.send(trunk_frame(HELLO, UP, taken))
        assert second.ended()
    dispatch.says("is here already")
    attached(Phone(*ALICE), first, link, via(first, 1))
    first.close()
    link.expect_trunk(A, False)
    Router(dispatch.address, A).close()
    dispatch.end()


def foreign_links():
    service, dispatch, link = one()
    first, second = Router(dispatch.address, A), Router(dispatch.address, B)
    alice, bob = Phone(*ALICE), Phone(*BOB)
    attached(alice, first, link, via(first, 1))
    second.send(with_link(alice.data(), first.link(1)),
                with_link(bob.login(), first.link(2)),
                trunk_frame(LINK_DOWN, UP, 0x2100000A, link=first.link(1)))
    second.pass_up(1, bob.login())
    link.expect(re="attach", pin="2100000b", link="%016x" % second.link(1))
    assert dispatch.ask()["foreign"] == 3
    assert link.quiet()
    dispatch.drop()


def no_devices_frames():
    """What goes down is sent back with LINK_CLOSE 2, and others are unharmed."""
    service, dispatch, link = one()
    router = Router(dispatch.address, A)
    pin = 0x2100000A
    router.pass_up(1, frame(ANSWER, DOWN, pin), hint(2, pin),
                   frame(DATA, DOWN, pin))
    found = router.expect(LINK_CLOSE)
    assert (found.code, found.link) == (2, router.link(1))
    router.pass_up(2, frame(0x17, UP, pin), seal(DATA, UP, pin, rest=b"x" * 8),
                   Phone(*ALICE).login())
    link.expect(re="attach", link="%016x" % router.link(2))
    assert link.quiet()
    dispatch.drop()


def unreadable_trunk():
    service, dispatch, link = one()
    router, other = Router(dispatch.address, A), Router(dispatch.address, B)
    router.send(b"no frame begins here")
    assert router.ended()
    attached(Phone(*ALICE), other, link, via(other, 1))
    dispatch.end()


# --- links that go ------------------------------------------------------------

def links_go():
    service, dispatch, link = one()
    router = Router(dispatch.address, A)
    phone = Phone(*ALICE)
    line = attached(phone, router, link, via(router, 1))
    # The router says so.
    router.down(1, phone.pin)
    link.expect(re="down", pin=phone.pin, link=line["link"])
    # The router does not know it: its frames go down all the same.
    link.event(line)
    router.expect(DATA)
    router.down(1, phone.pin)
    link.expect(re="down", pin=phone.pin, link=line["link"])
    # The router is not here, nor was it ever; nor such a device link.
    own = link.trunks[0]
    for gone in ("0c0c0c0c00000001", "0" * 16, own + "00000009"):
        link.event(line, link=gone)
        link.expect(re="down", pin=phone.pin, link=gone)
    router.close()
    link.expect_trunk(A, False)
    link.event(line)
    link.expect(re="down", pin=phone.pin, link=line["link"])
    assert dispatch.ask()["nowhere"] == 4
    dispatch.end()


def other_pin_down():
    """A line that names another device than the link carries."""
    service, dispatch, link = one()
    device, alice = Device(dispatch.address), Phone(*ALICE)
    line = attached(alice, device, link)
    link.event(dict(line, pin="2100000b"))
    link.expect(re="down", pin="2100000b", link=line["link"])
    assert device.read(0.1) is None
    dispatch.end()


def half_closed():
    """A device that sends its end gets what it waits for."""
    service, dispatch, link = one()
    device = Device(dispatch.address)
    device.send(bbdevice("login", "2100000a"))
    device.sock.shutdown(socket.SHUT_WR)
    line = link.expect(re="attach")
    assert link.quiet(1.5)  # longer than one that waits for nothing has
    link.answer(line)
    assert bbdevice_read(device.expect(ANSWER))[0]["result"] == "ok"
    assert device.ended()
    link.expect(re="down", link=line["link"])
    dispatch.end()


# --- strangers ----------------------------------------------------------------

def bad(pin=0x2100000A, **more):
    """It does not open."""
    return frame(DATA, UP, pin, **more)


def hints_are_few():
    service, dispatch, link = one()
    router, alice = Router(dispatch.address, A), Phone(*ALICE)
    router.pass_up(1, bad(nonce=b"1" * 24))
    first = router.expect(HINT)
    start = time.monotonic()
    assert (first.code, first.link, first.nonce) == (2, router.link(1),
                                                     b"1" * 8)
    router.pass_up(1, bad())
    # Another link has hints of its own, and devices go on.
    router.pass_up(2, bad())
    assert router.expect(HINT).link == router.link(2)
    attached(alice, router, link, via(router, 3))
    # The next one after a second.
    wait_until(lambda: time.monotonic() > start + 1.05, "a second")
    router.pass_up(1, bad(), bad())
    assert router.expect(HINT).link == router.link(1)
    # Eight causes, then the link is closed, once.
    router.pass_up(1, *[bad()] * 4)
    assert router.read(0.1) is None
    router.pass_up(1, *[bad()] * 4, bad(0x2100000B))
    found = router.expect(LINK_CLOSE)
    assert (found.code, found.link) == (1, router.link(1))
    # What still comes up it is thrown away.
    router.pass_up(1, alice.data())
    router.pass_up(3, alice.data())
    link.expect(pin=alice.pin, seq=2)
    assert router.read(0.1) is None
    dispatch.end()


def stranger_at_home():
    """A device link of the dispatcher's own has the router's limits."""
    service, dispatch, link = one()
    device = Device(dispatch.address)
    device.send(*[bad()] * 4)
    device.expect(HINT)
    assert device.read(0.1) is None
    device.send(bad())
    assert device.ended()
    device = Device(dispatch.address)
    device.send(bad(size=100), bad(size=9000))
    device.expect(HINT)
    assert device.ended()
    # One long frame is allowed, and one that opens lifts the limits.
    device, alice = Device(dispatch.address), Phone(*ALICE)
    device.send(bad(size=20000))
    device.expect(HINT)
    device = Device(dispatch.address)
    attached(alice, device, link)
    device.send(*[alice.data() for _ in range(10)])
    for seq in range(1, 11):
        link.expect(seq=seq)
    device.send(alice.data()[:50])
    device.close()
    link.expect(re="down")
    assert link.quiet()
    dispatch.end()


def stranger_has_time():
    """20 s, however slowly it sends, and whatever it is."""
    service, dispatch, link = one()
    start = time.monotonic()
    slow, hello, silent = (Device(dispatch.address) for _ in range(3))
    alice = Device(dispatch.address)
    attached(Phone(*ALICE), alice, link)
    hello.send(trunk_frame(HELLO, UP, A)[:20])
    text = bad(size=1000)
    for n in range(18):
        slow.send(text[n:n + 1])
        assert slow.read(1) is None
    for stranger in (slow, hello, silent):
        assert stranger.ended()
    assert 19 < time.monotonic() - start < 25
    assert alice.read(0.1) is None
    dispatch.end()


def misbehaviour_at_home():
    """Trunk frames, what goes down and another PIN end a device link."""
    service, dispatch, link = one()
    pin = 0x2100000A
    for last in (trunk_frame(HELLO, UP, A),
                 trunk_frame(LINK_DOWN, UP, pin, link=1),
                 frame(ANSWER, DOWN, pin), hint(2, pin),
                 bad(0x2100000B), b"\xbb\x01\x00\x01", b"\xbb\x02"):
        device = Device(dispatch.address)
        device.send(bad(), last)
        device.expect(HINT)
        assert device.ended(), last
    for first in (trunk_frame(LINK_DOWN, UP, pin, link=1),
                  trunk_frame(HELLO, DOWN), frame(DATA, DOWN, pin)):
        device = Device(dispatch.address)
        device.send(first)
        assert device.ended(), first
    assert link.quiet()
    dispatch.end()


def other_version():
    service, dispatch, link = one()
    device, router = Device(dispatch.address), Router(dispatch.address, A)
    device.send(frame(ATTACH, UP, 0x2100000A, version=2))
    found = device.expect(HINT)
    assert (found.code, found.nonce) == (1, b"n" * 8)
    router.pass_up(5, frame(ATTACH, UP, 0x2100000A, version=9))
    found = router.expect(HINT)
    assert (found.code, found.link) == (1, router.link(5))
    dispatch.end()


def no_oracle():
    """Lines, texts and what is known of the web are refused at the socket."""
    service, dispatch, link = one()
    alice, device = Phone(*ALICE), Device(dispatch.address)
    line = attached(alice, device, link)
    text = json.dumps(dict(line, d={"op": "answer"})).encode() + b"\n"
    for said in (text, b"{", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"\n",
                 b"\0"):
        stranger = Device(dispatch.address)
        stranger.send(said)
        assert stranger.ended(), said
    dispatch_says = dispatch.said()
    assert "secret word" not in dispatch_says
    assert link.quiet()
    device.send(alice.data())
    link.expect(pin=alice.pin)
    dispatch.end()


# --- services -----------------------------------------------------------------

def by_name():
    places = Service("local"), Service("xmpp"), Service("other")
    dispatch = Dispatch(to=["local=" + places[0].address,
                            "xmpp=" + places[1].address, places[2].address])
    links = [place.accept() for place in places]
    router = Router(dispatch.address, A)
    for link in links:
        link.read()
        link.expect_trunk(A, True)
    alice = Phone(*ALICE)
    for number, name in enumerate(("local", "xmpp", "anything", "local")):
        router.pass_up(number, alice.login(service=name))
        link = links[{"local": 0, "xmpp": 1}.get(name, 2)]
        link.expect(re="attach", service=name)
    # Nobody else steps in where a service is named.
    places[1].kill(links[1])
    dispatch.says("has gone")
    router.pass_up(9, alice.login(service="xmpp"))
    while (found := router.read()).kind == LINK_OK:
        pass
    assert found.kind == NOTICE
    assert all(link.quiet(0.1) for link in (links[0], links[2]))
    dispatch.drop()


def by_user():
    """Each user has one of several; when it fails, its users move and return."""
    places = Service("one"), Service("two")
    dispatch = Dispatch(to=[place.address for place in places])
    links = [place.accept() for place in places]
    router = Router(dispatch.address, A)
    phones = [Phone.new("3000%04x" % n, "user%d" % n) for n in range(16)]

    def where():
        """Which service each one's login came to."""
        found = {}
        for n, phone in enumerate(phones):
            router.pass_up(n + 1, phone.login())
        wait = time.monotonic() + PATIENCE
        while len(found) < len(phones):
            assert time.monotonic() < wait
            for i, link in enumerate(links):
                line = link and link.read(0.02)
                if line and line.get("re") == "attach":
                    found[line["user"]] = i
        return found

    first = where()
    assert set(first.values()) == {0, 1}, first
    assert where() == first
    places[0].kill(links[0])
    links[0] = None
    dispatch.says("has gone")
    assert set(where().values()) == {1}
    places[0].start()
    links[0] = places[0].accept()
    links[0].read()
    links[0].expect_trunk(A, True)
    assert where() == first
    dispatch.drop()


def unreachable():
    """Nobody there: said at once, under seal, and no number is taken."""
    service = Service("service")
    service.kill()
    dispatch = Dispatch(to=[service.address])
    router = Router(dispatch.address, A)
    router.pass_up(1, bbdevice("login", "2100000a"))
    router.expect(LINK_OK)
    start = time.monotonic()
    found = router.expect(NOTICE)
    assert time.monotonic() < start + 1 and found.link == router.link(1)
    said = bbdevice_read(found, statuses=range(1, 60))
    assert "unreachable" in json.dumps(said), said
    shown = json.loads(run("bbsession", "device", "show", "2100000a", "--json"))
    assert shown["device"]["att"] == 0, shown
    # It comes: who is here is said, and the next try goes through.
    service.start()
    link = service.accept()
    link.read()
    link.expect_trunk(A, True)
    alice = Phone(*ALICE)
    alice.att = 5
    line = attached(alice, router, link, via(router, 1))
    # It goes: so does the answer for a frame of the session.
    service.kill(link)
    dispatch.says("has gone")
    router.pass_up(1, alice.data())
    notice = router.expect(NOTICE)
    assert alice.open(notice)["d"]["code"] == "unreachable"
    service.start()
    link = service.accept()
    router.pass_up(1, alice.data())
    assert link.expect(pin=alice.pin)["link"] == line["link"]
    dispatch.end()


def bad_lines():
    """What a service says wrong is its own harm."""
    service, dispatch, link = one()
    device, alice = Device(dispatch.address), Phone(*ALICE)
    line = attached(alice, device, link)
    link.sock.sendall(b"nonsense\n" + b"x" * 200000 + b"\n{\"re\":\"attach\"}\n"
                      b"{\"re\":\"trunk\",\"router\":\"0a0b0c0d\",\"up\":true}"
                      b"\n\n")
    link.event(line, "after all that")
    found = alice.open(device.expect(DATA))
    assert found["d"]["events"][0]["text"] == "after all that"
    said = dispatch.said()
    assert said.count("\n") == 5 and "unix:" in said, said
    # Without end they do not fill the log either.
    link.sock.sendall(b"nonsense\n" * 10000)
    link.event(line, "and that")
    device.expect(DATA)
    assert dispatch.said().count("\n") < 30
    dispatch.end()


def slow_service():
    """A service that takes nothing for a while: the routers wait, nothing is
    lost, and it comes in order."""
    service, dispatch, link = one()
    router, alice = Router(dispatch.address, A), Phone(*ALICE)
    attached(alice, router, link, via(router, 1))
    text = "x" * 16000
    one_frame = alice.data(op="send", n=1, to="bob", text=text)
    count = 1500
    router.sock.settimeout(1)
    many = with_link(one_frame, router.link(1)) * count
    sent = 0
    try:
        while sent < len(many):
            sent += router.sock.send(many[sent:sent + 65536])
    except TimeoutError:
        pass
    assert 8 << 20 < sent < 16 << 20, sent
    assert dispatch.ask()["services"][0]["waiting"] < 16 << 20
    # A router that comes now is let in, and is not read.
    Router(dispatch.address, B)
    got = 0
    while got < sent // len(with_link(one_frame, 0)):
        link.expect(pin=alice.pin)
        got += 1
    router.sock.settimeout(PATIENCE)
    rest = threading.Thread(target=router.sock.sendall, args=(many[sent:],))
    rest.start()
    while got < count:
        link.expect(pin=alice.pin)
        got += 1
    rest.join()
    dispatch.end()


def slow_router():
    """A router that takes nothing is closed; others do not notice."""
    service, dispatch, link = one()
    slow, other = Router(dispatch.address, A), Router(dispatch.address, B)
    alice, bob = Phone(*ALICE), Phone(*BOB)
    line = attached(alice, slow, link, via(slow, 1))
    seen = attached(bob, other, link, via(other, 1))
    # Of several authors, thus stored: long on the wire.
    event = {"pin": alice.pin, "att": 1, "seq": 1, "link": line["link"],
             "d": {"op": "events", "events": [
                 {"type": "message", "n": n + 1, "from": who, "text": "x" * 9000}
                 for n, who in enumerate(("bob", "carol"))]}}
    text = json.dumps(event).encode() + b"\n"
    for _ in range(40):
        link.sock.settimeout(PATIENCE)
        link.sock.sendall(text * 32)
    found = link.read()
    while found.get("re") == "trunk" and found["up"]:
        found = link.read()
    assert found == {"re": "trunk", "router": "%08x" % A, "up": False}, found
    link.event(seen, "still here")
    assert bob.open(other.expect(DATA))["d"]["events"][0]["text"] == \
        "still here"
    dispatch.end()


# --- the store ----------------------------------------------------------------

def store():
    db = sqlite3.connect(os.path.join(os.environ["BB_DATA"], "devices.db"),
                         isolation_level=None)
    return db


def busy_store():
    """Who attaches waits, others are served meanwhile; then it is said."""
    service, dispatch, link = one()
    router = Router(dispatch.address, A)
    alice, bob = Phone(*ALICE), Phone(*BOB)
    line = attached(bob, router, link, via(router, 2))
    db = store()
    db.execute("BEGIN IMMEDIATE")
    router.pass_up(1, alice.login())
    router.expect(LINK_OK)
    for n in range(5):  # downwards all goes on
        link.event(line, str(n))
        router.expect(DATA)
    assert link.quiet(0.3)
    db.execute("ROLLBACK")
    link.answer(link.expect(re="attach", pin=alice.pin))
    alice.rolled(router.expect(ANSWER))
    # Also the first frame under a new key has to write.
    db.execute("BEGIN IMMEDIATE")
    router.pass_up(1, alice.data())
    assert link.quiet(0.3)
    db.execute("ROLLBACK")
    link.expect(pin=alice.pin, seq=1)
    # Too long: the number is not taken, the same bytes do later.
    db.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    login = alice.login()
    router.pass_up(1, login)
    notice = router.expect(NOTICE)
    assert 1.5 < time.monotonic() - start < 6
    found = alice.open(notice)
    assert (found["d"]["code"], found["d"]["retry_after"]) == ("busy", 1)
    # From then on at once, as long as it lasts.
    start = time.monotonic()
    router.pass_up(1, login)
    router.expect(NOTICE)
    assert time.monotonic() - start < 1
    db.execute("ROLLBACK")
    router.pass_up(1, login)
    link.expect(re="attach", pin=alice.pin, att=2)
    db.execute("BEGIN IMMEDIATE")
    start = time.monotonic()
    router.pass_up(1, alice.login())
    assert link.quiet(0.5), "patience did not begin anew"
    db.execute("ROLLBACK")
    link.expect(re="attach", pin=alice.pin, att=3)
    dispatch.drop()


def group_commit():
    """Twenty that attach at once share a few transactions, and so syncs."""
    phones = [Phone.new("3000%04x" % n, "user%d" % n) for n in range(20)]
    frames = [phone.login() for phone in phones]
    counted = os.path.abspath("syncs")
    before = ("strace", "-f", "-o", counted, "-e",
              "trace=fsync,fdatasync,sync_file_range")
    traced = subprocess.run(["strace", "-o", "/dev/null", "true"],
                            capture_output=True).returncode == 0
    service, dispatch, link = one(before=before if traced else ())
    router = Router(dispatch.address, A)
    router.send(*[with_link(f, router.link(n + 1))
                  for n, f in enumerate(frames)])
    users = {link.expect(re="attach")["user"] for _ in phones}
    assert users == {phone.user for phone in phones}
    found = dispatch.ask()
    assert found["attaches"] == 20 and found["commits"] <= 4, found
    if traced:
        children = "/proc/%d/task/%d/children" % ((dispatch.process.pid,) * 2)
        with open(children) as f:
            os.kill(int(f.read().split()[0]), signal.SIGKILL)
        dispatch.process.wait()
        with open(counted) as f:
            syncs = f.read().count("sync(")
        assert 1 <= syncs <= 8, syncs
    else:
        dispatch.drop()


def writes(pid):
    """Calls of write and its like so far; messages on sockets are none."""
    with open("/proc/%d/io" % pid) as f:
        return int(re.search(r"syscw: (\d+)", f.read())[1])


def data_writes_nothing():
    service, dispatch, link = one()
    router, alice = Router(dispatch.address, A), Phone(*ALICE)
    attached(alice, router, link, via(router, 1))
    router.pass_up(1, alice.data())  # confirms the key: that is written
    line = link.expect(seq=1)
    before, store_before = writes(dispatch.process.pid), dispatch.ask()
    for n in range(1000):
        router.pass_up(1, alice.data())
        link.expect(seq=n + 2)
        link.event(line, str(n))
        router.expect(DATA)
    after, store_after = writes(dispatch.process.pid), dispatch.ask()
    assert after == before, (before, after)
    for name in ("attaches", "commits", "confirmed"):
        assert store_before[name] == store_after[name]
    assert store_after["opened"] - store_before["opened"] == 1000
    # Nor is a key expanded again.
    assert store_after["keys_expanded"] == store_before["keys_expanded"]
    assert store_after["keys_held"] == 2  # and the one before
    dispatch.end()


def block_acts_at_once():
    """Keys are read for each frame."""
    service, dispatch, link = one()
    router, alice = Router(dispatch.address, A), Phone(*ALICE)
    line = attached(alice, router, link, via(router, 1))
    router.pass_up(1, alice.data())
    link.expect(seq=1)
    run("bbsession", "device", "block", alice.pin)
    router.pass_up(1, alice.data())
    assert router.expect(HINT).code == 2
    link.event(line)
    assert router.read(0.2) is None
    run("bbsession", "device", "unblock", alice.pin)
    router.pass_up(1, alice.data())
    link.expect(seq=3)
    dispatch.end()


# --- several of them ----------------------------------------------------------

def takes_over():
    """kill -9 of a dispatcher under traffic; another goes on with the key."""
    service = Service("service")
    both = [Dispatch(to=[service.address]) for _ in range(2)]
    links = [service.accept() for _ in both]
    routers = [Router(d.address, A) for d in both]  # one router, two trunks
    for link in links:
        link.read()
        link.expect_trunk(A, True)
    alice = Phone(*ALICE)
    # The attach through one, its answer back through the other.
    routers[0].pass_up(1, alice.login())
    line = links[0].expect(re="attach", pin=alice.pin)
    routers[0].expect(LINK_OK)
    links[1].answer(line)
    alice.rolled(routers[1].expect(ANSWER))
    many = [alice.data() for _ in range(200)]
    routers[0].pass_up(1, *many[:100])
    links[0].expect(seq=1)
    both[0].signal(signal.SIGKILL)
    both[0].wait(-signal.SIGKILL)
    got = 1
    try:
        while links[0].expect(pin=alice.pin)["seq"] == got + 1:
            got += 1
    except Gone:
        pass
    # What was under way may be lost; it is sent again, and nothing blocks.
    routers[1].pass_up(1, *many[got:])
    for seq in range(got + 1, 201):
        line = links[1].expect(seq=seq)
    assert line["link"] == "%016x" % routers[1].link(1)
    links[1].event(line, "and back")
    while (found := routers[1].read()).kind == LINK_OK:
        pass
    assert alice.open(found)["d"]["events"][0]["text"] == "and back"
    routers[1].pass_up(1, alice.login())
    links[1].expect(re="attach", att=2)
    # A new one in the place of the first.
    again = Dispatch(to=[service.address], name="again")
    link = service.accept()
    router = Router(again.address, A)
    attached(Phone(*BOB), router, link, via(router, 1))
    both[1].drop()
    again.end()


def killed_within_a_commit():
    """kill -9 at any time of an attach: it counts, or it can be repeated."""
    service = Service("service")
    alice = Phone(*ALICE)
    for n in range(12):
        dispatch = Dispatch(to=[service.address], name="victim%d" % n)
        link = service.accept()
        router = Router(dispatch.address, A)
        login = alice.login()
        router.pass_up(1, login)
        time.sleep(0.0004 * n)
        dispatch.signal(signal.SIGKILL)
        dispatch.wait(-signal.SIGKILL)
        link.close()
    dispatch = Dispatch(to=[service.address], name="last")
    link = service.accept()
    router = Router(dispatch.address, A)
    # The last frame: taken, or stale when it had been committed.
    router.pass_up(1, login)
    while (found := router.read(1)) is not None and found.kind == LINK_OK:
        pass
    if found is not None:
        stale = alice.open(found)["d"]
        assert stale == dict(stale, code="stale", told=alice.att), stale
    attached(alice, router, link, via(router, 1)) if found is not None else \
        link.answer(link.expect(re="attach", att=alice.att))
    dispatch.end()


# --- how it is started, how it ends -------------------------------------------

CHAINED = os.path.join(HERE, "chained_service.py")


def chain():
    dispatch = Dispatch(chain=[CHAINED, "lines"])
    router, alice = Router(dispatch.address, A), Phone(*ALICE)
    router.pass_up(1, alice.login())
    router.expect(LINK_OK)
    alice.rolled(router.expect(ANSWER))
    router.pass_up(1, alice.data())
    assert router.expect(DATA).link == router.link(1)
    child = int(open("lines.pid").read())
    dispatch.signal(signal.SIGTERM)
    dispatch.wait()
    assert not os.path.exists("/proc/%d" % child)
    with open("lines") as f:
        lines = [json.loads(line) for line in f]
    assert lines[0]["re"] == "trunk" and lines[-1]["ended"], lines


def chain_breaks():
    """A child that ends unasked ends the chain, which says how it ended."""
    dispatch = Dispatch(chain=[CHAINED, "lines"])
    router = Router(dispatch.address, A)
    os.kill(int(open("lines.pid").read()), signal.SIGKILL)
    dispatch.wait(111)
    assert router.ended()
    said = dispatch.said()
    assert "chained_service.py) was ended by signal 9" in said, said
    for status, ours in ((100, 100), (3, 111), (0, 111)):
        dispatch = Dispatch(chain=["sh", "-c",
                                   "echo >&$BB_READY_FD; read x; read x; exit %d" %
                                   status])
        Router(dispatch.address, A).close()
        dispatch.wait(ours)
        said = dispatch.said()
        assert "(sh) has ended with %d" % status in said, said
    for chain, status in ((["./nothing"], 100), (["sh", "-c", "exit 7"], 111)):
        dispatch = Dispatch(chain=chain, waits=False)
        dispatch.wait(status)
        assert not os.path.exists(dispatch.address[5:]), "it has listened"
        assert chain[0] in dispatch.said()


def chain_waits():
    """Nobody is served before the next stage says that it is ready."""
    dispatch = Dispatch(chain=["sh", "-c", """
        while ! test -e go; do sleep 0.02; done
        echo >&$BB_READY_FD; cat >/dev/null"""], waits=False)
    time.sleep(0.3)
    assert not os.path.exists(dispatch.address[5:])
    open("go", "w").close()
    wait_until(dispatch.ready, "it to be ready")
    dispatch.end()


def peer_device():
    """Under inetd: one device on descriptors 0 and 1."""
    service = Service("service")
    ours, theirs = socket.socketpair()
    dispatch = Dispatch(to=[service.address], stdin=theirs, stdout=theirs)
    theirs.close()
    device, link = Stream(ours), service.accept()
    device.send(bbdevice("login", "2100000a"))
    line = link.expect(re="attach")
    link.answer(line)
    assert bbdevice_read(device.expect(ANSWER))[0]["result"] == "ok"
    device.close()
    link.expect(re="down", link=line["link"])
    dispatch.wait()
    # What is no frame is the peer's fault, and has its status.
    ours, theirs = socket.socketpair()
    dispatch = Dispatch(to=[service.address], stdin=theirs, stdout=theirs)
    theirs.close()
    ours.sendall(b'{"re":"attach"}\n')
    assert Stream(ours).ended()
    dispatch.wait(2)
    assert "is no frame" in dispatch.said()


def peer_trunk():
    """In a chain: the router on descriptors 0 and 1 says HELLO; its end is the
    dispatcher's, and SIGTERM only announces it."""
    service = Service("service")
    ours, theirs = socket.socketpair()
    dispatch = Dispatch(to=[service.address], stdin=theirs, stdout=theirs)
    theirs.close()
    router, link = Router(ours, A), service.accept()
    alice = Phone(*ALICE)
    dispatch.signal(signal.SIGTERM)
    dispatch.shows("draining", True)
    attached(alice, router, link, via(router, 1))
    router.pass_up(1, alice.data())
    link.expect(seq=1)
    router.close()
    link.expect_trunk(A, False)
    dispatch.wait()


def peer_pipes():
    """Two pipes: the answer still comes after the end of the input."""
    service = Service("service")
    login = bbdevice("login", "2100000a")
    dispatch = subprocess.Popen(
        ["bbdispatch", "--to", service.address], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE)
    dispatch.stdin.write(login)
    dispatch.stdin.close()
    link = service.accept()
    link.answer(link.expect(re="attach"))
    answer = dispatch.stdout.read()
    assert json.loads(run("bbdevice", "read", "--json", given=answer))[
        "result"] == "ok"
    assert dispatch.wait(PATIENCE) == 0


def drains():
    """SIGTERM: nobody new, but who waits for an answer gets it."""
    service, dispatch, link = one()
    router, device = Router(dispatch.address, A), Device(dispatch.address)
    alice, bob = Phone(*ALICE), Phone(*BOB)
    router.pass_up(1, alice.login())
    device.send(bob.login())
    lines = [link.expect(re="attach") for _ in range(2)]
    router.expect(LINK_OK)
    dispatch.signal(signal.SIGTERM)
    dispatch.shows("draining", True)
    try:
        connect(dispatch.address)
        assert False, "it takes connections"
    except (FileNotFoundError, ConnectionRefusedError):
        pass
    assert dispatch.process.poll() is None
    for line in lines:
        link.answer(line)
    alice.rolled(router.expect(ANSWER))
    bob.rolled(device.expect(ANSWER))
    assert router.ended() and device.ended()
    dispatch.wait()
    # Without anything under way, at once.
    dispatch = Dispatch(to=[service.address])
    link, router = service.accept(), Router(dispatch.address, A)
    start = time.monotonic()
    dispatch.signal(signal.SIGTERM)
    assert router.ended()
    router.close()
    try:
        assert link.quiet(PATIENCE)
        assert False, "the service hears no end"
    except Gone:
        link.close()
    dispatch.wait()
    assert time.monotonic() - start < 1
    assert dispatch.said() == "", dispatch.said()


def second_term():
    service, dispatch, link = one()
    router = Router(dispatch.address, A)
    router.pass_up(1, Phone(*ALICE).login())
    link.expect(re="attach")
    dispatch.signal(signal.SIGTERM)
    dispatch.shows("draining", True)
    start = time.monotonic()
    dispatch.signal(signal.SIGTERM)
    dispatch.wait()
    assert time.monotonic() - start < 2


def hang_up():
    """SIGHUP changes nothing."""
    service, dispatch, link = one()
    router, alice = Router(dispatch.address, A), Phone(*ALICE)
    attached(alice, router, link, via(router, 1))
    dispatch.signal(signal.SIGHUP)
    router.pass_up(1, alice.data())
    link.expect(seq=1)
    dispatch.end()


def refused_starts():
    """Without a place, or with two next stages: 100, and what is missing."""
    def refused(*words, stdin=subprocess.DEVNULL):
        done = subprocess.run(["bbdispatch", *words], stdin=stdin,
                              capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (100, ""), (words, done)
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr

    to = ("--to", "unix:/nowhere/collab")
    assert "bbdispatch --listen unix:" in refused(*to)
    assert "bbdispatch --listen unix:" in refused("--", "bbcollab")
    terminal = os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY)
    fcntl_unlock(terminal)
    with open(os.ttyname(slave_of(terminal)), "rb") as tty:
        assert "terminal" in refused(*to, stdin=tty)
    assert "exclude" in refused(*to, "--", "bbcollab")
    assert "filter" in refused(*to, "--filter")
    assert "next stage" in refused("--listen", "0")
    assert "--" in refused("--listen", "0", "--")
    for place in ("192.0.2.1:3200", "[2001:db8::1]:3200"):
        assert "TLS" in refused("--listen", "0", "--to", place)
    for place in ("*:3200", "*", "0", "local=", "=3200", "unix:relative", "70000",
                  "local=0"):
        assert place in refused("--listen", "0", "--to", place), place
    assert "twice" in refused("--listen", "0", *to, *to)
    assert "in use" in refused_in_use(refused, to)


def refused_in_use(refused, to):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        return refused("--listen", "127.0.0.1:" + port, *to)


def slave_of(master):
    import fcntl
    import termios
    return fcntl.ioctl(master, termios.TIOCGPTPEER, os.O_RDWR | os.O_NOCTTY) \
        if hasattr(termios, "TIOCGPTPEER") else \
        fcntl.ioctl(master, 0x5441, os.O_RDWR | os.O_NOCTTY)


def fcntl_unlock(master):
    import fcntl
    fcntl.ioctl(master, 0x40045431, struct.pack("i", 0))  # TIOCSPTLCK


def control():
    service, dispatch, link = one()
    router, device = Router(dispatch.address, A), Device(dispatch.address)
    alice, bob = Phone(*ALICE), Phone(*BOB)
    attached(alice, router, link, via(router, 1))
    attached(bob, device, link)
    found = dispatch.ask()
    assert (found["v"], found["tool"]) == (1, "bbdispatch")
    assert found["frames_up"]["ATTACH"] == 2
    assert found["frames_down"]["ANSWER"] == 2
    assert found["frames_down"]["LINK_OK"] == 1
    assert [t["instance"] for t in found["trunks"]] == ["%08x" % A]
    assert found["trunks"][0]["frames_up"] == 1
    (place,) = found["services"]
    assert place == dict(place, to=service.address, up=True, owed=0,
                         lines_up=4, lines_down=2), place
    found = dispatch.ask("links")
    (shown,) = found["links"]
    assert shown == dict(shown, pin=bob.pin, authentic=True, peer="unix")
    assert not found["more"]
    assert "error" in dispatch.ask("nonsense")
    dispatch.end()


def main():
    status = 1
    try:
        globals()[sys.argv[1]](*sys.argv[2:])
        status = 0
    finally:
        for dispatch in Dispatch.all:
            if dispatch.process.poll() is None:
                dispatch.process.kill()
            dispatch.process.wait()
            if status != 0:
                sys.stderr.write(dispatch.said())


if __name__ == "__main__":
    main()
