#!/usr/bin/env python3
"""Dispatchers and devices that hold no key, for tests of the Collaboration
Service: they speak in lines made by hand.  docs/wire.md, "Line".

As a module: Line (a dispatcher's connection), Device, Service (the real
bbcollab, found by PATH).  Needs the standard library only."""
import json
import os
import select
import signal
import socket
import subprocess
import time

PATIENCE = 20  # seconds that anything may take
NONCE = "00" * 24
KID = "00" * 8


def wait_until(done, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not (value := done()):
        assert time.monotonic() < end, "waited in vain for " + what
        time.sleep(0.01)
    return value


def link_of(router, number):
    return "%08x%08x" % (router, number)


class Gone(Exception):
    """The other end has closed the connection."""


class Line:
    """A dispatcher's connection to the service, both ways."""

    def __init__(self, sock):
        self.sock = sock
        self.pending = b""
        self.heard = []  # lines that were read while looking for others

    def write(self, data):
        self.sock.settimeout(PATIENCE)
        self.sock.sendall(data)

    def send(self, *lines):
        self.write(b"".join(json.dumps(line).encode() + b"\n"
                            for line in lines))

    def trunk(self, router, up=True):
        self.send({"re": "trunk", "router": "%08x" % router, "up": up})

    def link_down(self, pin, link):
        self.send({"re": "down", "pin": pin, "link": link})

    def read(self, seconds=PATIENCE):
        """The next line; None when none comes in time."""
        end = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        while b"\n" not in self.pending:
            left = max(0, end - time.monotonic())
            if not poll.poll(left * 1000):
                return None
            try:
                more = self.sock.recv(1 << 18)
            except ConnectionResetError:
                more = b""
            if not more:
                raise Gone
            self.pending += more
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line)

    def find(self, wanted, seconds=PATIENCE):
        """The first line, heard before or not, that `wanted` says true of;
        None when none comes in time."""
        for line in self.heard:
            if wanted(line):
                self.heard.remove(line)
                return line
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            line = self.read(left)
            if line is None:
                return None
            if wanted(line):
                return line
            self.heard.append(line)
        return None

    def expect(self, wanted, what, seconds=PATIENCE):
        line = self.find(wanted, seconds)
        assert line is not None, "%s did not come; but %s" % (what, self.heard)
        return line

    def quiet(self, wanted, seconds=0.3):
        """Nothing comes that `wanted` says true of."""
        line = self.find(wanted, seconds)
        assert line is None, "%s came" % line

    def ended(self, seconds=PATIENCE):
        """True when the service closes, whatever it says before."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                line = self.read(left)
                if line is not None:
                    self.heard.append(line)
        except Gone:
            return True
        return False

    def close(self):
        self.sock.close()


class Device:
    """What a device would say, and what it has heard."""

    def __init__(self, pin, user, password=None, service="local"):
        self.pin = pin
        self.user = user
        self.password = password
        self.service = service
        self.numbering = "a1a2a3a4" + pin
        self.att = 0
        self.seq = 0
        self.have = 0
        self.session = None
        self.texts = []  # of all events, in the order in which they came
        self.n = 0       # number of the last message

    def head(self, link, **more):
        return {"pin": self.pin, "user": self.user, "service": self.service,
                "att": self.att, "kid": KID, "nonce": NONCE, "link": link,
                **more}

    # --- attaches

    def attach_line(self, link, d, m=None):
        self.att += 1
        self.seq = 0
        line = self.head(link, re="attach", d={
            "service": self.service, "numbering": self.numbering,
            "have": self.have, **d})
        if m is not None:
            line["m"] = {"op": "batch", **m}
        return line

    def login_line(self, link, m=None, **d):
        return self.attach_line(link, {
            "op": "login", "user": self.user, "password": self.password,
            **d}, m)

    def resume_line(self, link, m=None, **d):
        return self.attach_line(link, {
            "op": "resume", "session": self.session, **d}, m)

    def answer(self, via, seconds=PATIENCE):
        """The answer to the last attach."""
        line = via.expect(lambda l: l.get("re") == "attach" and
                          l["pin"] == self.pin and l["att"] == self.att,
                          "an answer for " + self.pin, seconds)
        d = line["d"]
        if d["result"] == "ok":
            self.session = d["session"]
            self.take(line.get("m", {}))
        return d

    def login(self, via, link, m=None, **d):
        via.send(self.login_line(link, m, **d))
        return self.answer(via)

    def resume(self, via, link, m=None, **d):
        via.send(self.resume_line(link, m, **d))
        return self.answer(via)

    # --- data

    def data_line(self, link, op, **d):
        self.seq += 1
        return self.head(link, seq=self.seq, d={"op": op, **d})

    def say(self, via, link, op, **d):
        via.send(self.data_line(link, op, **d))

    def send(self, via, link, to, text, **d):
        self.n += 1
        self.say(via, link, "send", n=self.n, to=to, text=text, **d)
        return self.n

    def is_data(self, line):
        return "re" not in line and line["pin"] == self.pin

    def take(self, d):
        """An object with events: they are taken once."""
        for event in d.get("events", []):
            if event["n"] <= self.have:
                continue
            assert event["n"] == self.have + 1 or self.have == 0, event
            self.have = event["n"]
            self.texts.append(event["text"])

    def hear(self, via, count, seconds=PATIENCE):
        """Waits until `count` texts have come in all; returns the last line."""
        line = None
        while len(self.texts) < count:
            line = via.expect(lambda l: self.is_data(l) and
                              "events" in l["d"],
                              "%d texts for %s, has %s" % (
                                  count, self.pin, self.texts), seconds)
            self.take(line["d"])
        return line

    def result(self, via, n):
        """What became of message n."""
        line = via.expect(
            lambda l: self.is_data(l) and any(
                r["n"] == n for r in l["d"].get("results", [])),
            "a result for message %d of %s" % (n, self.pin))
        self.take(line["d"])
        return [r for r in line["d"]["results"] if r["n"] == n][0]

    def bye(self, via, seconds=PATIENCE):
        return via.expect(lambda l: self.is_data(l) and
                          l["d"]["op"] == "bye",
                          "a bye for " + self.pin, seconds)["d"]["ended"]

    def notice(self, via, seconds=PATIENCE):
        return via.expect(lambda l: l.get("re") == "notice" and
                          l["pin"] == self.pin,
                          "a notice for " + self.pin, seconds)["d"]["code"]

    def live(self, via, link, m=None, **d):
        """Logs in and confirms."""
        answer = self.login(via, link, m, **d)
        assert answer["result"] == "ok", answer
        self.say(via, link, "alive")
        return answer


class Service:
    """A bbcollab that serves at unix:NAME, with its control socket."""

    def __init__(self, name="collab", *options, listen=None):
        self.name = name
        self.path = os.path.abspath(name)
        self.options = options
        self.listen = listen or "unix:" + self.path
        self.start()

    def start(self):
        ready, tell = os.pipe()
        self.log = open(self.path + ".err", "ab")
        self.process = subprocess.Popen(
            ["bbcollab", "--listen", self.listen, "--control",
             "unix:%s.ctl" % self.path, "--ready-fd", str(tell),
             "-v", *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.log, pass_fds=[tell])
        os.close(tell)
        said = os.read(ready, 1)
        os.close(ready)
        assert said == b"\n", "not ready: " + self.errors()
        return self

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(self.path)
        return Line(sock)

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(self.path + ".ctl")
            sock.sendall(command.encode() + b"\n")
            data = b""
            while not data.endswith(b"\n"):
                more = sock.recv(1 << 16)
                assert more, "no answer to " + command
                data += more
        return json.loads(data)

    def stats(self):
        return self.ask("stats")

    def session(self, pin):
        """What the process has in memory of it, or None."""
        found = [s for s in self.ask("sessions")["sessions"]
                 if s["pin"] == pin]
        return found[0] if found else None

    def wait_state(self, pin, state):
        wait_until(lambda: (self.session(pin) or {"state": None})["state"] ==
                   state, "%s to be %s" % (pin, state))

    def errors(self):
        with open(self.path + ".err") as f:
            return f.read()

    def send_signal(self, number):
        self.process.send_signal(number)

    def end(self, number=signal.SIGTERM):
        """Sends a signal; the exit status, negative for a signal."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.log.close()
        return status

    def kill(self):
        assert self.end(signal.SIGKILL) == -signal.SIGKILL


def tool(*words):
    """Runs a tool of ours; its output."""
    return subprocess.run(words, check=True, stdout=subprocess.PIPE,
                          timeout=PATIENCE, text=True).stdout


def row(pin):
    """The session as the store has it, or None."""
    run = subprocess.run(["bbsession", "--json", "session", "show", pin],
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                         timeout=PATIENCE, text=True)
    return json.loads(run.stdout)["session"] if run.returncode == 0 else None


def limit(name, value):
    tool("bbsession", "limit", "set", "--service", "local", name, str(value))


def password(user):
    with open(user + ".pw") as f:
        return f.read().rstrip("\n")
