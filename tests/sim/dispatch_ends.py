"""The other ends of a dispatcher: devices with real keys, routers, services,
and the real bbdispatch between them.  For tests/sim/dispatch_play.py.

All are ours but bbdispatch; frames are sealed by tests/tool/forge and phone, or
by bbdevice.  docs/wire.md is the text."""
import json
import os
import select
import signal
import socket
import struct
import subprocess
import time

from dispatcher import (ATTACH, DATA, DOWN, HELLO, LINK_DOWN, PATIENCE, UP,
                        Gone, Stream, trunk_frame)

TOOLS = os.path.join(os.environ["BB_BIN"], "tests/tool")
HERE = os.path.dirname(os.path.abspath(__file__))


def wait_until(done, what, seconds=PATIENCE):
    end = time.monotonic() + seconds
    while not (value := done()):
        assert time.monotonic() < end, "waited in vain for " + what
        time.sleep(0.01)
    return value


def run(*words, given=b"", statuses=(0,)):
    done = subprocess.run(words, input=given, capture_output=True)
    assert done.returncode in statuses, \
        (words, done.returncode, done.stdout[-300:], done.stderr[-300:])
    return done.stdout


def with_link(frame, link):
    """The same frame as a router passes it on."""
    return frame[:4] + struct.pack(">Q", link) + frame[12:]


# --- devices ------------------------------------------------------------------

class Phone:
    """A device with its key, without a bbdevice.  The first key is in PIN.key."""

    def __init__(self, pin, user):
        self.pin, self.user = pin, user
        self.key = self.before = "%s.key" % pin
        self.att = self.seq = 0

    @classmethod
    def new(cls, pin, user):
        """One more device in the store."""
        with open(pin + ".key", "w") as f:
            f.write(os.urandom(32).hex())
        run("bbsession", "user", "add", user, "--password-file", "alice.pw")
        run("bbsession", "device", "add", pin, "--user", user, "--key-file",
            pin + ".key")
        return cls(pin, user)

    def seal(self, kind, att, seq, text, key=None, e=None):
        """Stored, so that how long it is says how much it is."""
        body = struct.pack(">BH", 0, len(text)) + text
        if kind == ATTACH:
            body += bytes(-len(body) % 256)
        return run(os.path.join(TOOLS, "forge"), "seal", key or self.key,
                   self.pin, str(kind), "0", str(att), str(seq),
                   *([e] if e else []), given=body)

    def login(self, service="local", att=None, **members):
        if att is None:
            att = self.att + 1
        self.att = att
        self.seq = 0
        self.pair = run(os.path.join(TOOLS, "phone"), "pair").decode().split()
        login = dict(op="login", service=service, user=self.user,
                     password="secret word", numbering="a1a2a3a4a5a6a7a8",
                     have=0, **members)
        return self.seal(ATTACH, att, 0, json.dumps(login).encode(),
                         e=self.pair[1])

    def rolled(self, answer):
        """The ANSWER came: its base key is the next one."""
        key = "%s.%d.key" % (self.pin, self.att)
        with open(key, "wb") as f:
            f.write(run(os.path.join(TOOLS, "phone"), "next", self.key,
                        *self.pair, given=answer.data))
        self.before, self.key = self.key, key

    def data(self, **message):
        self.seq += 1
        message = message or {"op": "fetch"}
        return self.seal(DATA, self.att, self.seq,
                         json.dumps(message).encode())

    def open(self, frame):
        """What is in it, under the key that it names: before the first frame
        under a new key has gone up, that is the one before."""
        for key in (self.key, self.before):
            found = json.loads(run(os.path.join(TOOLS, "phone"), "open", key,
                                   given=frame.data))
            if found.get("opens", True):
                break
        return found


ALICE, BOB = ("2100000a", "alice"), ("2100000b", "bob")


def bbdevice(verb, pin, *words):
    """The frame that a real device sends."""
    user = dict([ALICE, BOB])[pin]
    if verb == "login":
        words += ("--password-file", user + ".pw")
    return run("bbdevice", verb, "--pin", pin, "--emit", *words)


def bbdevice_read(*frames, statuses=(0,)):
    """What the real device makes of what came: objects, the steps last."""
    text = run("bbdevice", "read", "--json", statuses=statuses,
               given=b"".join(f.data for f in frames))
    return [json.loads(line) for line in text.splitlines()]


# --- connections --------------------------------------------------------------

opened = []  # of the scene: closed when its dispatcher ends, which waits for it


def connect(address):
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(address[5:])
        return sock
    return socket.create_connection(("127.0.0.1", int(address)))


class Device(Stream):
    """A device link, straight to the dispatcher."""

    def __init__(self, address):
        super().__init__(connect(address))
        opened.append(self)


class Router(Stream):
    """The router's end of a trunk."""

    def __init__(self, address, instance, says_hello=True):
        super().__init__(connect(address) if isinstance(address, str)
                         else address)
        opened.append(self)
        self.instance = instance
        if says_hello:
            self.hello()

    def hello(self):
        self.send(trunk_frame(HELLO, UP, self.instance))
        found = self.expect(HELLO)
        assert (found.dir, found.pin, found.link) == (DOWN, 0, 0), found

    def link(self, number):
        return self.instance << 32 | number

    def pass_up(self, number, *frames):
        self.send(*[with_link(f, self.link(number)) for f in frames])

    def down(self, number, pin):
        self.send(trunk_frame(LINK_DOWN, UP, int(pin, 16),
                              link=self.link(number)))


class ServiceLink:
    """A dispatcher's connection, at the service."""

    def __init__(self, sock):
        opened.append(self)
        self.sock = sock
        self.pending = b""
        self.trunks = []  # instances that are up
        self.seq = {}

    def read(self, seconds=PATIENCE):
        """The next line of whatever kind; None when none comes in time."""
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
        found = json.loads(line)
        if found.get("re") == "trunk":
            if found["up"]:
                self.trunks.append(found["router"])
            else:
                self.trunks.remove(found["router"])
        return found

    def expect(self, **members):
        """The next line that is not about trunks; it has these members."""
        while True:
            found = self.read()
            assert found is not None, "no line came, expected %r" % members
            if found.get("re") != "trunk":
                break
        for name, value in members.items():
            assert found.get(name) == value, (found, members)
        return found

    def expect_trunk(self, instance, up):
        found = self.read()
        assert found == {"re": "trunk", "router": "%08x" % instance, "up": up}, \
            found

    def quiet(self, seconds=0.3):
        """True when no line comes but about trunks."""
        while (found := self.read(seconds)) is not None:
            if found.get("re") != "trunk":
                return False
        return True

    def say(self, *lines):
        self.sock.settimeout(PATIENCE)
        self.sock.sendall(b"".join(json.dumps(line).encode() + b"\n"
                                  for line in lines))

    def answer(self, line, **members):
        d = dict(op="answer", result="ok", text="logged in",
                 session="b1b2b3b4b5b6b7b8", resume=True, status_interval=60,
                 up_next=1)
        d.update(members)
        copied = ("pin", "att", "kid", "nonce", "link", "trace")
        self.say({"re": "attach", "d": d,
                  **{name: line[name] for name in copied if name in line}})

    def event(self, line, text="hi", link=None):
        """For the device, link and attach of a line."""
        place = (line["pin"], line["att"])
        seq = self.seq[place] = self.seq.get(place, 0) + 1
        self.say({"pin": line["pin"], "att": line["att"], "seq": seq,
                  "link": link or line["link"],
                  "d": {"op": "events", "events": [
                      {"type": "message", "n": seq, "from": "bob",
                       "text": text}]}})

    def close(self):
        self.sock.close()


class Service:
    """Listens at unix:PATH."""

    def __init__(self, path):
        self.path = os.path.abspath(path)
        self.address = "unix:" + self.path
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(10)
        self.listener.settimeout(PATIENCE)

    def accept(self):
        return ServiceLink(self.listener.accept()[0])

    def kill(self, *links):
        """As kill -9 leaves it: the socket stays, nobody answers."""
        self.listener.close()
        for link in links:
            link.close()


# --- the dispatcher -----------------------------------------------------------

class Dispatch:
    """A bbdispatch; it is ended at the end of the scene at the latest."""

    all = []

    def __init__(self, *words, name=None, to=(), chain=(), before=(), stdin=None,
                 stdout=None, waits=True):
        self.name = name or "dispatch%d" % len(self.all)
        self.address = "unix:" + os.path.abspath(self.name + ".sock")
        self.control = os.path.abspath(self.name + ".control")
        self.err = self.name + ".err"
        words = [*before, "bbdispatch", "--control", "unix:" + self.control,
                 *words]
        if stdin is None:
            words += ["--listen", self.address]
        for address in to:
            words += ["--to", address]
        if chain:
            words += ["--", *chain]
        with open(self.err, "w") as err:
            self.process = subprocess.Popen(
                words, stdin=stdin or subprocess.DEVNULL, stdout=stdout,
                stderr=err)
        self.all.append(self)
        if waits:
            wait_until(self.ready, "the dispatcher's socket")

    def ready(self):
        assert self.process.poll() is None, self.said()
        return os.path.exists(self.control)

    def said(self):
        with open(self.err) as f:
            return f.read()

    def says(self, text):
        wait_until(lambda: text in self.said(), "%r in %s" % (text, self.err))

    def ask(self, command="stats"):
        with connect("unix:" + self.control) as sock:
            sock.settimeout(PATIENCE)
            sock.sendall(command.encode() + b"\n")
            with sock.makefile() as f:
                return json.loads(f.readline())

    def shows(self, what, value):
        wait_until(lambda: self.ask()[what] == value,
                   "%s to be %r" % (what, value))

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, status=0):
        got = self.process.wait(PATIENCE)
        assert got == status, (got, status, self.said())

    def end(self, status=0):
        self.signal(signal.SIGTERM)
        for end in opened:
            end.close()
        self.wait(status)

    def drop(self):
        """For scenes that leave attaches without an answer, which a drain
        waits for."""
        assert self.process.poll() is None, self.said()
        self.process.kill()
        self.process.wait()


def one(**more):
    """A service, a dispatcher before it, and its connection at the service."""
    service = Service("service")
    dispatch = Dispatch(to=[service.address], **more)
    return service, dispatch, service.accept()
