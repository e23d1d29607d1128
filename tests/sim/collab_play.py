#!/usr/bin/env python3
"""What happens between devices, dispatchers and the Collaboration Service: one
scene for each test of tests/bats/41-bbcollab-server.bats.

    collab_play.py SCENE [WORDS...]

The service is the real one, the store that of bb_world; dispatchers and devices
are ours.  A scene that fails ends with a trace and 1."""
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

from collab_client import (Device, Gone, Line, Service, limit, link_of,
                           password, row, tool, wait_until)

R1, R2 = 0x0A0B0C0D, 0x0E0F1011  # routers
A1, A2 = link_of(R1, 1), link_of(R1, 2)
B1, B2 = link_of(R2, 1), link_of(R2, 2)
SERVICES = []


def service(name="collab", *options):
    SERVICES.append(Service(name, *options))
    return SERVICES[-1]


def alice():
    return Device("2100000a", "alice", password("alice"))


def bob():
    return Device("2100000b", "bob", password("bob"))


def both(one, two, a_link=A1, b_link=B1):
    """Alice over one connection, bob over the other, both live."""
    a, b = alice(), bob()
    a.live(one, a_link)
    b.live(two, b_link)
    return a, b


def ok(answer):
    assert answer["result"] == "ok", answer
    return answer


def waiting(pin):
    return row(pin)["waiting"]


def locked():
    """Holds the store's write lock until it is closed."""
    db = sqlite3.connect(os.environ["BB_DATA"] + "/config.db",
                         isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    return db


# --- sessions -----------------------------------------------------------------

def login():
    s = service()
    via = s.connect()
    a = alice()
    answer = ok(a.login(via, A1))
    assert answer["resume"] is True, answer
    assert s.session(a.pin)["state"] == "provisional"
    a.say(via, A1, "alive")
    s.wait_state(a.pin, "live")
    wait_until(lambda: row(a.pin)["state"] == "live", "the store to know")
    assert row(a.pin)["link"] == A1
    a.say(via, A1, "logout")
    assert a.bye(via) == "logout"
    assert row(a.pin) is None
    assert s.end() == 0


def message():
    """Between two devices over two dispatchers, live, with acknowledgement."""
    s = service()
    one, two = s.connect(), s.connect()
    a, b = both(one, two)
    n = a.send(one, A1, "bob", "hello")
    line = b.hear(two, 1)
    assert line["link"] == B1 and line["att"] == b.att
    assert a.result(one, n) == {"n": 1, "result": "sent"}
    assert b.texts == ["hello"] and waiting(b.pin) == 1
    b.say(two, B1, "alive", ack=b.have)
    wait_until(lambda: waiting(b.pin) == 0, "the acknowledgement")
    n = b.send(two, B1, "alice", "hi", ack=b.have)
    a.hear(one, 1)
    n = a.send(one, A1, "nobody", "hello")
    assert a.result(one, n)["result"] == "refused"
    assert s.stats()["spooled"] == 2


def link_moves():
    """A resume from elsewhere moves the way, once it is confirmed."""
    s = service()
    one, two, three = s.connect(), s.connect(), s.connect()
    a, b = both(one, two)
    old = b.data_line(B1, "send", n=1, to="alice", text="late")
    ok(b.resume(three, A2))
    a.send(one, A1, "bob", "too early")
    two.quiet(b.is_data)
    three.quiet(b.is_data)
    b.say(three, A2, "alive")
    line = b.hear(three, 1)
    assert line["link"] == A2 and line["att"] == b.att, line
    # The former attach and the former link have nothing to say any more.
    two.send(old)
    two.link_down(b.pin, B1)
    a.send(one, A1, "bob", "again")
    b.hear(three, 2)
    one.quiet(a.is_data and (lambda l: "events" in l.get("d", {}) and
                             l["pin"] == a.pin and l["d"].get("events")))
    assert s.session(b.pin)["state"] == "live"
    assert row(b.pin)["link"] == A2


def another_link_changes_nothing():
    """Only an attach moves the link, not the link that a frame comes from."""
    s = service()
    one, two = s.connect(), s.connect()
    a, b = both(one, two)
    b.say(one, A2, "alive")
    a.send(one, A1, "bob", "where")
    assert b.hear(two, 1)["link"] == B1


def replay():
    """Every line again, and again in another order: no effect."""
    s = service()
    one, two = s.connect(), s.connect()
    a, b = alice(), bob()
    lines = [a.login_line(A1)]
    one.send(lines[0])
    ok(a.answer(one))
    b.live(two, B1)
    lines.append(a.data_line(A1, "alive"))
    for n in (1, 2, 3):
        lines.append(a.data_line(A1, "send", n=n, to="bob", text="m%d" % n))
    lines.append(a.data_line(A1, "presence", show="away"))
    one.send(*lines[1:])
    b.hear(two, 3)
    one.send(*lines)
    one.send(*reversed(lines))
    a.n = 3
    a.seq = 6
    a.send(one, A1, "bob", "end")
    b.hear(two, 4)
    assert b.texts == ["m1", "m2", "m3", "end"], b.texts
    assert row(a.pin)["up_next"] == 5
    assert one.find(lambda l: l.get("re") == "attach", 0.2) is None


def numbers():
    """A gap has no effect, what was done is acknowledged again."""
    s = service()
    one, two = s.connect(), s.connect()
    a, b = both(one, two)
    a.say(one, A1, "send", n=2, to="bob", text="gap")
    line = one.expect(lambda l: a.is_data(l) and "ack" in l["d"], "an ack")
    assert line["d"]["ack"] == 0
    a.say(one, A1, "send", n=1, to="bob", text="first")
    a.say(one, A1, "send", n=1, to="bob", text="first")
    a.say(one, A1, "send", n=2, to="bob", text="second")
    b.hear(two, 2)
    assert b.texts == ["first", "second"]
    one.expect(lambda l: a.is_data(l) and l["d"].get("ack") == 2, "ack 2")


def window():
    """At most 32 events are under way; each acknowledgement brings more."""
    s = service()
    one, two = s.connect(), s.connect()
    a, b = both(one, two)
    for i in range(100):
        a.send(one, A1, "bob", "m%d" % i)
    b.hear(two, 32)
    two.quiet(lambda l: b.is_data(l) and l["d"].get("events"))
    for count in (64, 96, 100):
        b.say(two, B1, "alive", ack=b.have)
        b.hear(two, count)
    assert b.texts == ["m%d" % i for i in range(100)]


def batch():
    """One attach sends and fetches; what waits comes with the answer."""
    s = service()
    via = s.connect()
    a, b = alice(), bob()
    answer = ok(a.login(via, A1, {"msgs": [
        {"op": "send", "n": 1, "to": "bob", "text": "one"},
        {"op": "send", "n": 2, "to": "bob", "text": "two"}]}))
    assert [r["result"] for r in answer["results"]] == ["sent", "sent"]
    assert answer["up_next"] == 3
    ok(b.login(via, B1, {"fetch": True}))
    assert b.texts == ["one", "two"]


def strangers_session():
    """Another user's device, another session id, another service: unknown."""
    s = service()
    via = s.connect()
    a = alice()
    a.live(via, A1)
    thief = Device(a.pin, "bob", password("bob"))
    thief.att, thief.session = a.att, a.session
    assert thief.resume(via, A2)["result"] == "unknown-session"
    thief.say(via, A2, "send", n=1, to="bob", text="x")
    assert thief.notice(via) == "reattach"
    guess = alice()
    guess.att, guess.session = thief.att, "00" * 8
    assert guess.resume(via, A2)["result"] == "unknown-session"
    assert s.session(a.pin)["state"] == "live"


# --- links that go, and ways that are lost --------------------------------------

def link_down():
    """Out of coverage after the grace; then reattach, resume, what waited."""
    s = service("collab", "--link-grace", "300ms")
    one, two = s.connect(), s.connect()
    a, b = both(one, two)
    two.link_down(b.pin, B2)  # not its link
    two.link_down(b.pin, B1)
    assert row(b.pin)["coverage"] is True
    s.wait_state(b.pin, "detached")
    wait_until(lambda: row(b.pin)["coverage"] is False, "the store")
    assert row(b.pin)["state"] == "detached"
    a.send(one, A1, "bob", "while away")
    a.result(one, 1)
    two.quiet(b.is_data)
    b.say(two, B1, "alive")
    assert b.notice(two) == "reattach"
    b.say(two, B1, "alive")
    two.quiet(lambda l: l.get("re") == "notice")  # once per 5 s
    ok(b.resume(two, B2))
    assert row(b.pin)["coverage"] is True
    b.say(two, B2, "alive")
    b.hear(two, 1)


def link_down_then_data():
    """A device that speaks within the grace has lost nothing."""
    s = service("collab", "--link-grace", "400ms")
    via = s.connect()
    a = alice()
    a.live(via, A1)
    for _ in range(4):
        via.link_down(a.pin, A1)
        time.sleep(0.2)
        a.say(via, A1, "alive")
    time.sleep(0.6)
    assert s.session(a.pin)["state"] == "live"
    assert row(a.pin)["coverage"] is True


def dispatcher_lost():
    """The other dispatcher that has the router is the way, at once."""
    s = service("collab", "--link-grace", "300ms")
    one, two, three = s.connect(), s.connect(), s.connect()
    two.trunk(R2)
    three.trunk(R2)
    a, b = both(one, two)
    a.send(one, A1, "bob", "first")
    b.hear(two, 1)
    two.close()
    a.send(one, A1, "bob", "second")
    # What may have been lost on the way comes again.
    line = three.expect(b.is_data, "the events")
    assert [e["n"] for e in line["d"]["events"]][0] == 1, line
    b.take(line["d"])
    b.hear(three, 2)
    time.sleep(0.5)
    assert s.session(b.pin)["state"] == "live"
    b.say(three, B1, "alive", ack=b.have)
    wait_until(lambda: waiting(b.pin) == 0, "the acknowledgement")


def router_appears_late():
    """Without a way there is the grace; a way that comes within it is taken."""
    s = service("collab", "--link-grace", "1s")
    one, two = s.connect(), s.connect()
    two.trunk(R2)
    a, b = both(one, two)
    two.close()
    a.send(one, A1, "bob", "hello")
    a.result(one, 1)
    three = s.connect()
    three.trunk(R1)
    three.quiet(b.is_data)
    three.trunk(R2)
    b.hear(three, 1)
    time.sleep(1.3)
    assert s.session(b.pin)["state"] == "live"


def no_way():
    """No dispatcher has the router: out of coverage after the grace."""
    s = service("collab", "--link-grace", "300ms")
    one, two = s.connect(), s.connect()
    two.trunk(R2)
    a, b = both(one, two)
    two.close()
    s.wait_state(b.pin, "detached")
    assert s.session(a.pin)["state"] == "live"
    two = s.connect()
    two.trunk(R2)
    a.send(one, A1, "bob", "hello")
    a.result(one, 1)
    two.quiet(b.is_data)
    ok(b.resume(two, B2))
    b.say(two, B2, "alive")
    b.hear(two, 1)


def trunk_down():
    """A trunk that ends at a dispatcher is a way that is lost."""
    s = service("collab", "--link-grace", "300ms")
    one, two, three = s.connect(), s.connect(), s.connect()
    two.trunk(R2)
    three.trunk(R2)
    a, b = both(one, two)
    two.trunk(R2, False)
    two.link_down(b.pin, B1)  # it does not know better
    a.send(one, A1, "bob", "hello")
    b.hear(three, 1)
    time.sleep(0.5)
    assert s.session(b.pin)["state"] == "live"
    three.trunk(R2, False)
    s.wait_state(b.pin, "detached")


def answer_by_another():
    """A dispatcher that leaves before the answer: any other seals it."""
    limit("scrypt-cost", 17)
    tool("bbsession", "user", "passwd", "alice", "--password-file", "alice.pw")
    s = service()
    one, two = s.connect(), s.connect()
    two.trunk(R1)
    s.stats()
    a = alice()
    one.send(a.login_line(A1))
    wait_until(lambda: s.stats()["jobs"] == 1, "the password check")
    one.close()
    ok(a.answer(two))


def unconfirmed():
    """A login that is not used is logged out, a resume leaves things as they
    were."""
    s = service("collab", "--confirm", "500ms")
    via = s.connect()
    a, b = alice(), bob()
    b.live(via, B1)
    ok(a.login(via, A1))
    assert row(a.pin) is not None
    wait_until(lambda: row(a.pin) is None, "the logout")
    assert s.stats()["sessions"]["provisional"] == 0
    ok(b.resume(via, B2))
    s.wait_state(b.pin, "detached")
    assert row(b.pin)["state"] == "detached"
    ok(b.resume(via, B2))
    b.say(via, B2, "alive")
    s.wait_state(b.pin, "live")
    time.sleep(0.7)
    assert s.session(b.pin)["state"] == "live"


def coverage():
    """A device that leaves coverage is sent nothing, until it speaks again."""
    s = service()
    one, two = s.connect(), s.connect()
    a, b = both(one, two)
    b.say(two, B1, "alive", coverage=False)
    wait_until(lambda: row(b.pin)["coverage"] is False, "the store")
    a.send(one, A1, "bob", "later")
    a.result(one, 1)
    two.quiet(b.is_data)
    b.say(two, B1, "alive")
    b.hear(two, 1)
    assert row(b.pin)["coverage"] is True


# --- ends -----------------------------------------------------------------------

def inactive():
    limit("inactivity-timeout", "1s")
    limit("status-interval", "1s")
    s = service()
    via = s.connect()
    a, b = both(via, via)
    end = time.monotonic() + 8
    while row(a.pin) is not None:
        assert time.monotonic() < end, "inactivity was not noticed"
        a.say(via, A1, "alive")  # status messages do not count
        b.say(via, B1, "fetch")
        time.sleep(0.2)
    assert a.bye(via) == "inactive"
    assert row(b.pin) is not None
    a = alice()
    a.att = 50
    assert ok(a.login(via, A1))["ended"] == "inactive"


def kill():
    """bbsession session kill: the device is told at once."""
    s = service()
    via = s.connect()
    a = alice()
    a.live(via, A1)
    s.wait_state(a.pin, "live")
    start = time.monotonic()
    tool("bbsession", "session", "kill", a.pin)
    assert a.bye(via) == "killed"
    assert time.monotonic() - start < 3, "only the tick has noticed"
    assert s.session(a.pin) is None
    answer = a.resume(via, A1)
    assert answer["result"] == "unknown-session", answer
    assert answer["ended"] == "killed", answer
    assert ok(a.login(via, A1))["ended"] == "killed"


def evicted():
    """In one process: bye to the live device, the reason when it returns."""
    limit("max-sessions", 1)
    limit("status-interval", "500ms")
    limit("idle-timeout", "1s")
    s = service()
    via = s.connect()
    a, b = alice(), bob()
    a.live(via, A1)
    assert b.login(via, B1)["result"] == "busy"
    wait_until(lambda: row(a.pin)["evictable"], "it to be idle")
    ok(b.login(via, B1))
    assert a.bye(via) == "evicted"
    assert s.stats()["evicted"] == 1
    answer = a.resume(via, A1)
    assert answer["result"] == "unknown-session"
    assert answer["ended"] == "evicted", answer


# --- restarts -------------------------------------------------------------------

def restart(how):
    """Killed or ended: the next one takes over; no slot is lost, no message
    doubled, no event lost."""
    limit("max-sessions", 2)
    s = service()
    one, two = s.connect(), s.connect()
    a, b = both(one, two)
    a.send(one, A1, "bob", "first")
    b.hear(two, 1)
    a.send(one, A1, "bob", "second")
    a.result(one, 2)
    assert s.end(getattr(signal, how)) == (0 if how == "SIGTERM" else -9)
    assert one.ended() and two.ended()
    s.start()
    assert s.stats()["adopted"] == 2 and s.stats()["sessions"] == {
        "provisional": 0, "live": 0, "detached": 0, "not_loaded": 2}
    one, two = s.connect(), s.connect()
    # Their slots are kept for them.
    tool("bbsession", "user", "add", "carol", "--password-file", "alice.pw")
    tool("bbsession", "permission", "add", "carol", "local")
    carol = Device("2100000c", "carol", password("alice"))
    assert carol.login(one, A2)["result"] == "busy"
    # Frames of the attach before have no effect.
    a.say(one, A1, "send", n=3, to="bob", text="third")
    assert a.notice(one) == "reattach"
    answer = ok(a.resume(one, A2, {"msgs": [
        {"op": "send", "n": 2, "to": "bob", "text": "second"},
        {"op": "send", "n": 3, "to": "bob", "text": "third"}]}))
    assert answer["up_next"] == 4 and answer["session"] == a.session
    ok(b.resume(two, B2))
    b.say(two, B2, "alive")
    b.hear(two, 3)
    assert b.texts == ["first", "second", "third"], b.texts
    assert s.stats()["sessions"]["not_loaded"] == 0
    b.say(two, B2, "alive", ack=b.have)
    wait_until(lambda: waiting(b.pin) == 0, "the acknowledgement")
    a.say(one, A2, "logout")
    wait_until(lambda: row(a.pin) is None, "the logout")
    ok(carol.login(one, A2))


def restart_again():
    """A session that nobody has resumed survives a second restart, and an end
    by another process."""
    s = service()
    via = s.connect()
    both(via, via)
    for _ in range(3):
        s.kill()
        s.start()
    assert s.stats()["sessions"]["not_loaded"] == 2
    tool("bbsession", "session", "kill", "2100000a")
    wait_until(lambda: s.stats()["sessions"]["not_loaded"] == 1,
               "the kill to be noticed")


def killed_while_logging_in():
    """Nobody knows whether the password was right: the slot is free."""
    limit("scrypt-cost", 17)
    tool("bbsession", "user", "passwd", "alice", "--password-file", "alice.pw")
    s = service()
    via = s.connect()
    via.send(alice().login_line(A1))
    wait_until(lambda: row("2100000a") is not None, "the admission")
    s.kill()
    s.start()
    assert row("2100000a") is None
    assert s.stats()["adopted"] == 0


def inactive_without_memory():
    """A session that was taken over and whose device does not come back."""
    limit("inactivity-timeout", "1s")
    s = service()
    via = s.connect()
    alice().live(via, A1)
    s.kill()
    s.start()
    assert s.stats()["adopted"] == 1
    wait_until(lambda: row("2100000a") is None, "the end", 90)


# --- several processes on one store -----------------------------------------------

def two_services():
    one, two = service("one"), service("two")
    v1, v2 = one.connect(), two.connect()
    a, b = both(v1, v2)
    one.wait_state(a.pin, "live")
    two.wait_state(b.pin, "live")
    return one, two, v1, v2, a, b


def across():
    """A message to a device of the other process: at once."""
    one, two, v1, v2, a, b = two_services()
    for i in range(3):
        start = time.monotonic()
        a.send(v1, A1, "bob", "m%d" % i)
        b.hear(v2, i + 1)
        b.send(v2, B1, "alice", "r%d" % i)
        a.hear(v1, i + 1)
        assert time.monotonic() - start < 3, "only the tick has noticed"
    assert a.texts == ["r0", "r1", "r2"] and b.texts == ["m0", "m1", "m2"]


def across_without_wake():
    """The datagram is lost: the tick finds it."""
    one, two, v1, v2, a, b = two_services()
    for name in os.listdir(os.environ["BB_DATA"]):
        if "-wake." in name:
            os.unlink(os.environ["BB_DATA"] + "/" + name)
    a.send(v1, A1, "bob", "slowly")
    b.hear(v2, 1, 8)


def take_over():
    """A resume at the other process takes the session; the stalled one can do
    nothing with it."""
    one, two, v1, v2, a, b = two_services()
    one.send_signal(signal.SIGSTOP)
    v3 = two.connect()
    ok(a.resume(v3, A2))
    a.say(v3, A2, "alive")
    a.send(v3, A2, "bob", "from the second")
    b.hear(v2, 1)
    # What the first one still gets to read has no effect.
    old = alice()
    old.att, old.seq, old.session = 1, 1, a.session
    old.n = 1
    old.send(v1, A1, "bob", "from the first")
    one.send_signal(signal.SIGCONT)
    wait_until(lambda: one.session(a.pin) is None, "the fence")
    v1.quiet(lambda l: old.is_data(l) and l["d"]["op"] == "bye")
    a.send(v3, A2, "bob", "end")
    b.hear(v2, 2)
    assert b.texts == ["from the second", "end"], b.texts
    assert row(a.pin)["up_next"] == 3
    assert two.stats()["taken_over"] == 1
    assert one.stats()["lost"] == 1


def take_over_is_told():
    """The former owner is woken: it forgets the session at once."""
    one, two, v1, v2, a, b = two_services()
    start = time.monotonic()
    ok(a.resume(v2, A2))
    wait_until(lambda: one.session(a.pin) is None, "the fence")
    assert time.monotonic() - start < 3, "only the tick has noticed"
    v1.quiet(a.is_data)
    # And back.
    ok(a.resume(v1, A1))
    wait_until(lambda: two.session(a.pin) is None, "the fence")
    a.say(v1, A1, "alive")
    b.send(v2, B1, "alice", "back")
    a.hear(v1, 1)


def evicted_across():
    limit("max-sessions", 1)
    limit("status-interval", "500ms")
    limit("idle-timeout", "1s")
    one, two = service("one"), service("two")
    v1, v2 = one.connect(), two.connect()
    a, b = alice(), bob()
    a.live(v1, A1)
    wait_until(lambda: row(a.pin)["evictable"], "it to be idle")
    start = time.monotonic()
    ok(b.login(v2, B1))
    assert a.bye(v1) == "evicted"
    assert time.monotonic() - start < 3, "only the tick has noticed"
    assert one.session(a.pin) is None
    assert ok_or_busy(a.login(v1, A1))["ended"] == "evicted"


def ok_or_busy(answer):
    """The first words after an eviction may be said by a login that is
    admitted only later."""
    if answer["result"] == "busy":
        tool("bbsession", "session", "kill", "2100000b")
        a = alice()
        a.att = 60
        v = SERVICES[0].connect()
        answer = ok(a.login(v, A1))
    return answer


def login_elsewhere():
    """A login at the other process replaces the session of the first."""
    one, two, v1, v2, a, b = two_services()
    ok(a.login(v2, A2))
    wait_until(lambda: one.session(a.pin) is None, "the fence")
    v1.quiet(lambda l: a.is_data(l) and l["d"]["op"] == "bye")
    assert tool("bbsession", "session", "count").strip() == "2"


def stale_sockets():
    """What a killed process leaves is removed by the next."""
    s = service()
    s.connect().send(alice().login_line(A1))
    wait_until(lambda: row("2100000a") is not None, "a login")
    s.kill()

    def sockets():
        return [n for n in os.listdir(os.environ["BB_DATA"]) if "wake" in n]
    before = sockets()
    assert len(before) == 1, before
    mode = os.stat(os.environ["BB_DATA"] + "/" + before[0]).st_mode & 0o777
    assert mode == 0o600, oct(mode)
    s.start()
    after = sockets()
    assert len(after) == 1 and after != before, after
    assert s.end() == 0
    assert sockets() == []


# --- a store that is busy -----------------------------------------------------------

def busy_for_a_while():
    """Half a second: everything waits and nothing is refused; whoever does not
    need the store is served."""
    s = service()
    via = s.connect()
    a, b = alice(), bob()
    a.live(via, A1)
    s.wait_state(a.pin, "live")
    db = locked()
    start = time.monotonic()
    via.send(b.login_line(B1))
    wait_until(lambda: s.stats()["store_busy"] == 1, "the stall")
    other = s.connect()
    other.trunk(R1)
    for _ in range(5):
        asked = time.monotonic()
        s.stats()
        assert time.monotonic() - asked < 0.25, "the loop stands still"
    a.send(via, A1, "bob", "meanwhile")
    time.sleep(max(0, start + 0.7 - time.monotonic()))
    db.close()
    ok(b.answer(via))
    a.result(via, 1)
    b.say(via, B1, "alive")
    b.hear(via, 1)
    assert s.stats()["attaches"]["busy"] == 0


def busy_for_long():
    """After two seconds Server Busy; who is in stays in."""
    s = service()
    via = s.connect()
    a, b = alice(), bob()
    a.live(via, A1)
    s.wait_state(a.pin, "live")
    db = locked()
    start = time.monotonic()
    answer = b.login(via, B1)
    took = time.monotonic() - start
    assert answer["result"] == "busy", answer
    assert "database" in answer["reason"], answer
    assert 1.5 < took < 4, took
    a.send(via, A1, "bob", "lost")
    assert a.notice(via) == "reattach"
    db.close()
    ok(b.login(via, B1))
    ok(a.resume(via, A1, {"msgs": [
        {"op": "send", "n": 1, "to": "bob", "text": "not lost"}]}))
    b.say(via, B1, "alive")
    b.hear(via, 1)
    assert b.texts == ["not lost"]


def busy_with_what_is_due():
    """Time goes on while the store is locked: nothing spins, nothing is
    forgotten."""
    s = service("collab", "--link-grace", "100ms", "--confirm", "200ms")
    via = s.connect()
    a, b = alice(), bob()
    a.live(via, A1)
    s.wait_state(a.pin, "live")
    ok(b.login(via, B1))
    db = locked()
    via.link_down(a.pin, A1)

    def cpu():
        with open("/proc/%d/stat" % s.process.pid) as f:
            words = f.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    before = cpu()
    time.sleep(3)  # also after patience has ended
    assert cpu() - before < 1, "it spins"
    db.close()
    s.wait_state(a.pin, "detached")
    wait_until(lambda: row(a.pin)["state"] == "detached", "the store")
    wait_until(lambda: row(b.pin) is None, "the unconfirmed login's end")


def busy_while_a_password_is_checked():
    limit("scrypt-cost", 16)
    tool("bbsession", "user", "passwd", "alice", "--password-file", "alice.pw")
    s = service()
    via = s.connect()
    a = alice()
    via.send(a.login_line(A1))
    wait_until(lambda: s.stats()["jobs"] == 1, "the password check")
    db = locked()
    wait_until(lambda: s.stats()["store_busy"] == 1, "the stall")
    db.close()
    ok(a.answer(via))


# --- dispatchers --------------------------------------------------------------------

def half_close():
    """A dispatcher that has sent its end is answered, then closed."""
    s = service()
    via = s.connect()
    a = alice()
    via.send(a.login_line(A1))
    via.sock.shutdown(socket.SHUT_WR)
    ok(a.answer(via))
    assert via.ended()
    wait_until(lambda: s.stats()["dispatchers"] == 0, "it to be gone")
    assert row(a.pin) is not None


def many_lines():
    """More than one turn takes, in one write."""
    s = service()
    via = s.connect()
    a = alice()
    a.live(via, A1)
    lines = [a.data_line(A1, "send", n=n, to="bob", text="m%d" % n)
             for n in range(1, 901)]
    via.send(*lines)
    a.result(via, 900)
    assert row(a.pin)["up_next"] == 901
    assert s.stats()["commits"] > 4


def one_says_much():
    """A dispatcher that floods does not keep another one waiting."""
    s = service()
    one, two = s.connect(), s.connect()
    a, b = both(one, two)
    flood = b"".join(
        json.dumps(a.data_line(A1, "send", n=n, to="alice", text="x")).encode()
        + b"\n" for n in range(1, 6001))
    pusher = threading.Thread(target=one.write, args=(flood,), daemon=True)
    pusher.start()
    wait_until(lambda: s.stats()["lines_in"] > 100, "the flood")
    took = []
    while row(a.pin)["up_next"] < 6001:
        start = time.monotonic()
        b.say(two, B1, "fetch")
        two.expect(lambda l: b.is_data(l) and "ack" in l["d"], "an answer")
        took.append(time.monotonic() - start)
        one.find(lambda l: False, 0.01)
    pusher.join()
    assert len(took) > 2 and max(took) < 1, took


def bad_lines():
    """Each is named and harms no other; the process goes on."""
    s = service()
    via = s.connect()
    a = alice()
    via.write(b'{"re":"attach"}\n' + b"x" * 100000 + b"\n\xff\n")
    ok(a.login(via, A1))
    via.write(b'{"re":"trunk","router":"00000000","up":true}\n')
    a.say(via, A1, "alive")
    s.wait_state(a.pin, "live")
    assert s.stats()["lines_bad"] == 4
    assert s.end() == 0
    assert "line 4" not in s.errors() and "line 1 of" in s.errors()


def crowd(via, count):
    """So many more users, with live devices at links of router 3."""
    db = sqlite3.connect(os.environ["BB_DATA"] + "/config.db")
    words = ["c%02d" % i for i in range(count)]
    for word in words:
        db.execute("INSERT INTO user (name, verifier, created) SELECT ?,"
                   " verifier, 0 FROM user WHERE name = 'alice'", (word,))
        db.execute("INSERT INTO permission (user, service, account)"
                   " VALUES (?, 'local', ?)", (word, word))
    db.commit()
    db.close()
    devices = [Device("2200%04x" % i, word, password("alice"))
               for i, word in enumerate(words)]
    for i, device in enumerate(devices):
        device.live(via, link_of(3, i + 1))
    return devices


def slow_dispatcher():
    """One that does not read is closed when it is owed 16 MiB; others do not
    notice, and its devices have lost nothing."""
    s = service()
    one, two = s.connect(), s.connect()
    a = alice()
    a.live(one, A1)
    devices = crowd(two, 40)
    for _ in range(32):
        for device in devices:
            a.send(one, A1, device.user, "x" * 16000)
    a.result(one, 32 * len(devices))
    wait_until(lambda: s.stats()["dispatchers"] == 1,
               "the slow one to be closed")
    assert "it reads too slowly" in s.errors()
    a.say(one, A1, "fetch")
    one.expect(lambda l: a.is_data(l) and "ack" in l["d"], "an answer")
    three = s.connect()
    ok(devices[7].resume(three, A2))
    devices[7].say(three, A2, "alive")
    devices[7].hear(three, 32)


def flood_is_held():
    """A dispatcher whose queue is over half is not read any more."""
    s = service()
    one, two = s.connect(), s.connect()
    a, b = both(one, two)
    for i in range(33):
        a.send(one, A1, "bob", "x" * 16000)
    a.result(one, 33)
    for i in range(60):
        b.say(two, B1, "fetch")
    time.sleep(0.5)
    assert s.stats()["dispatchers"] == 2
    # It reads: all of it comes, and then it is read again.
    b.say(two, B1, "send", n=1, to="alice", text="done")
    a.hear(one, 0)
    two.expect(lambda l: b.is_data(l) and l["d"].get("ack") == 1, "the end")
    a.hear(one, 1)


# --- the process --------------------------------------------------------------------

def drain():
    """TERM: what was asked is answered, then it ends; sessions are left."""
    limit("scrypt-cost", 17)
    tool("bbsession", "user", "passwd", "alice", "--password-file", "alice.pw")
    s = service()
    via = s.connect()
    a, b = alice(), bob()
    b.live(via, B1)
    s.wait_state(b.pin, "live")
    via.send(a.login_line(A1))
    wait_until(lambda: s.stats()["jobs"] == 1, "the password check")
    s.send_signal(signal.SIGTERM)
    ok(a.answer(via))
    assert via.ended()
    assert s.wait() == 0
    assert row(b.pin)["state"] == "detached"
    assert row(b.pin)["owner_alive"] is False
    assert not os.path.exists(s.path)


def drain_with_nothing():
    s = service()
    assert s.end() == 0
    s.start()
    via = s.connect()
    alice().live(via, A1)
    start = time.monotonic()
    assert s.end() == 0
    assert time.monotonic() - start < 5


def reload():
    """HUP: settings of live sessions are read again."""
    s = service()
    via = s.connect()
    a = alice()
    assert ok(a.login(via, A1))["status_interval"] == 60
    a.say(via, A1, "alive")
    limit("status-interval", "90s")
    s.send_signal(signal.SIGHUP)
    wait_until(lambda: "read the services again" in s.errors(), "the reload")
    assert ok(a.resume(via, A1))["status_interval"] == 90
    assert s.ask("reload") == {"v": 1, "reloaded": True}


def control():
    s = service()
    via = s.connect()
    a = alice()
    a.live(via, A1)
    wrong = bob()
    wrong.password = "wrong"
    assert wrong.login(via, B1)["result"] == "badlogin"
    stats = s.stats()
    assert stats["v"] == 1
    assert stats["attaches"]["ok"] == 1 and stats["attaches"]["badlogin"] == 1
    assert stats["sessions"]["live"] == 1 and stats["dispatchers"] == 1
    assert stats["lines_in"] == 3 and stats["lines_out"] == 2, stats
    assert s.ask("sessions") == {"v": 1, "more": False, "sessions": [
        {"pin": a.pin, "state": "live", "service": "local",
         "account": "alice", "link": A1, "coverage": True}]}
    assert "error" in s.ask("nonsense")


def peer():
    """One connection on standard input and output: sessions end with it."""
    ours, theirs = socket.socketpair()
    with open("err", "wb") as err:
        run = subprocess.Popen(["bbcollab"], stdin=theirs, stdout=theirs,
                               stderr=err)
    theirs.close()
    via = Line(ours)
    a, b = alice(), bob()
    answer = a.live(via, A1)
    assert answer["resume"] is False, answer
    b.live(via, B1)
    a.send(via, A1, "bob", "hi")
    b.hear(via, 1)
    # Its devices may come and go as long as it is there.
    ok(b.resume(via, B2))
    wait_until(lambda: row(a.pin)["state"] == "live", "the store")
    via.sock.shutdown(socket.SHUT_WR)
    assert via.ended()
    assert run.wait(20) == 0
    assert row(a.pin) is None and row(b.pin) is None


def peer_term():
    """TERM only announces the end: whoever has the other end lets go."""
    ours, theirs = socket.socketpair()
    run = subprocess.Popen(["bbcollab"], stdin=theirs, stdout=theirs)
    theirs.close()
    via = Line(ours)
    a = alice()
    a.live(via, A1)
    run.send_signal(signal.SIGTERM)
    time.sleep(0.2)
    a.say(via, A1, "fetch")
    via.expect(a.is_data, "an answer")
    via.close()
    assert run.wait(20) == 0
    assert row(a.pin) is None


def not_this_host(address):
    """A connection from another address needs TLS, also on a socket that was
    handed over."""
    listener = socket.create_server((address, 0))
    port = listener.getsockname()[1]

    def run_in_child():
        os.dup2(listener.fileno(), 0)
    with open("err", "wb") as err:
        run = subprocess.Popen(["bbcollab", "--idle-exit", "60s"],
                               preexec_fn=run_in_child, stderr=err,
                               stdout=subprocess.DEVNULL)
    sock = socket.create_connection((address, port))
    via = Line(sock)
    assert via.ended()
    run.send_signal(signal.SIGTERM)
    assert run.wait(20) == 0
    with open("err") as f:
        said = f.read()
    assert "TLS" in said, said


def main():
    try:
        globals()[sys.argv[1]](*sys.argv[2:])
    except Exception:
        for s in SERVICES:
            sys.stderr.write(s.errors())
        raise
    finally:
        for s in SERVICES:
            if s.process.poll() is None:
                s.process.send_signal(signal.SIGCONT)
                s.process.kill()
                s.wait()
    assert Gone


if __name__ == "__main__":
    main()
