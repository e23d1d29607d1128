#!/usr/bin/env python3
"""Collaboration services that contend for the sessions of one store.

    contend.py race  BBCOLLAB DATA PASSWORDFILE ROUNDS
    contend.py storm BBCOLLAB DATA PASSWORDFILE ANSWERS SEED

Each drives eight bbcollab processes by lines, as docs/wire.md has them, all for
devices of user alice at the service `local`, whose max-sessions stands in the
store.  Triggers write down how many sessions stood after each row that came or
went, and an observer reads committed states all the time.  One line of JSON
says what was seen; exit status 1 and sentences say what was wrong.

race: all eight ask at the same moment for the one slot that there is.
storm: each logs in devices at random, holds them, logs out, ends orderly or is
killed; afterwards every slot must come back.
"""
import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time

PROCESSES = 8
PINS = ["21000%03x" % n for n in range(0x100, 0x100 + 16)]
# Devices that never had a session, which they could take back.
FRESH = ["21000%03x" % n for n in range(0x200, 0x200 + 16)]
PATIENCE = 20  # seconds, for one answer

faults = []
faults_lock = threading.Lock()


def fault(text, *values):
    with faults_lock:
        if len(faults) < 20:
            faults.append(text % values)


class Gone(Exception):
    """The process has closed its output."""


class Attaches:
    """One attach number per device, whoever serves it."""

    def __init__(self):
        self.last = dict.fromkeys(PINS + FRESH, 0)
        self.lock = threading.Lock()

    def next(self, pin):
        with self.lock:
            self.last[pin] += 1
            return self.last[pin]


class Collab:
    """One bbcollab process."""

    def __init__(self, run, name):
        self.run = run
        self.pending = b""
        self.process = subprocess.Popen(
            [run.tool, "--data", run.data], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=open(name + ".err", "ab"))

    def say(self, **members):
        line = dict(link="0" * 16, kid="0" * 16, nonce="0" * 48, user="alice",
                    service="local", **members)
        try:
            os.write(self.process.stdin.fileno(),
                     json.dumps(line).encode() + b"\n")
        except BrokenPipeError:
            raise Gone from None

    def login(self, pin, att):
        self.say(re="attach", pin=pin, att=att, d={
            "op": "login", "service": "local", "user": "alice",
            "password": self.run.password, "numbering": "0" * 8 + pin,
            "have": 0})

    def logout(self, pin, att):
        self.say(pin=pin, att=att, seq=1, d={"op": "logout"})

    def hear(self):
        """The next line, or None when none came in time."""
        end = time.monotonic() + PATIENCE
        while b"\n" not in self.pending:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [],
                                              left)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                raise Gone
            self.pending += more
        line, _, self.pending = self.pending.partition(b"\n")
        return json.loads(line)

    def answer(self, pin, att):
        """What the attach came to."""
        while True:
            line = self.hear()
            if line is None:
                fault("%s had no answer to attach %d", pin, att)
                return {"result": "none"}
            if line.get("re") == "attach" and line["pin"] == pin and \
                    line["att"] == att:
                return line["d"]

    def bye(self, pin):
        """Waits until the session of this device has ended here."""
        while True:
            line = self.hear()
            if line is None or (line["pin"] == pin and
                                line["d"]["op"] in ("bye", "notice")):
                return

    def end(self):
        self.process.stdin.close()
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            fault("a service did not end after its input")
            return
        self.process.stdout.close()
        if status != 0:
            fault("a service ended with %d", status)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Run:
    """The store, the triggers in it, and its observer."""

    def __init__(self, tool, data, password_file):
        self.tool, self.data = tool, data
        with open(password_file) as f:
            self.password = f.readline().rstrip("\n")
        self.attaches = Attaches()
        self.store = os.path.join(data, "config.db")
        self.stop = threading.Event()
        self.states = 0
        db = self.open()
        self.maximum, self.grace = db.execute(
            "SELECT max_sessions, lease_grace FROM service"
            " WHERE name = 'local'").fetchone()
        for when, row in (("INSERT", "NEW"), ("DELETE", "OLD")):
            db.execute(
                "CREATE TRIGGER audit_%s AFTER %s ON session BEGIN"
                " INSERT INTO audit (what, id, open) VALUES ('%s', %s.id,"
                "  (SELECT count(*) FROM session WHERE service = 'local'));"
                "END" % (when.lower(), when, when, row))
        db.close()
        self.observer = threading.Thread(target=self.observe)
        self.observer.start()

    def open(self):
        db = sqlite3.connect(self.store, timeout=30, isolation_level=None)
        db.execute("CREATE TABLE IF NOT EXISTS audit (at INTEGER PRIMARY KEY,"
                   " what TEXT, id INTEGER, open INTEGER)")
        return db

    def observe(self):
        db = self.open()
        while not self.stop.is_set():
            rows, counted, by_owner = db.execute(
                "SELECT (SELECT count(*) FROM session),"
                " (SELECT open_sessions FROM service WHERE name = 'local'),"
                " (SELECT coalesce(sum(open_sessions), 0)"
                "  FROM owner_service)").fetchone()
            self.states += 1
            if not rows == counted == by_owner:
                fault("%d sessions, %d counted, %d by owner", rows, counted,
                      by_owner)
            if rows > self.maximum:
                fault("%d sessions stand at a commit", rows)
            time.sleep(0.002)
        db.close()

    def end(self, accepted):
        """Closes the books: accepted are the session ids of all answers."""
        self.stop.set()
        self.observer.join()
        db = self.open()
        most, = db.execute("SELECT max(open) FROM audit").fetchone()
        ids = {"%016x" % (row[0] % (1 << 64)) for row in db.execute(
            "SELECT id FROM audit WHERE what = 'INSERT'")}
        opened, = db.execute("SELECT count(*) FROM audit"
                             " WHERE what = 'INSERT'").fetchone()
        db.close()
        if most is None or most > self.maximum:
            fault("%s sessions stood where %d are the most", most,
                  self.maximum)
        if len(accepted) != len(set(accepted)):
            fault("two acceptances name one session")
        if not set(accepted) <= ids or len(ids) != opened:
            fault("an acceptance without a session of its own")
        return {"most": most, "opened": opened, "states": self.states}


def race(run, rounds):
    services = [Collab(run, "collab%d" % n) for n in range(PROCESSES)]
    accepted, winners = [], set()
    for _ in range(rounds):
        atts = [run.attaches.next(pin) for pin in PINS[:PROCESSES]]
        for n, service in enumerate(services):
            service.login(PINS[n], atts[n])
        answers = [service.answer(PINS[n], atts[n])
                   for n, service in enumerate(services)]
        won = [n for n, a in enumerate(answers) if a["result"] == "ok"]
        lost = [n for n, a in enumerate(answers) if a["result"] == "busy"]
        if len(won) != 1 or len(lost) != PROCESSES - 1:
            fault("one slot, and the answers are %s",
                  [a["result"] for a in answers])
        for n in won:
            accepted.append(answers[n]["session"])
            winners.add(n)
            services[n].logout(PINS[n], atts[n])
            services[n].bye(PINS[n])
    for service in services:
        service.end()
    return dict(run.end(accepted), rounds=rounds, winners=len(winners))


class Storm:
    """What the eight threads share."""

    def __init__(self, run, answers, seed):
        self.run, self.answers, self.seed = run, answers, seed
        self.lock = threading.Lock()
        self.accepted = []
        self.count = dict.fromkeys(("ok", "busy", "kills", "ends"), 0)

    def note(self, word):
        with self.lock:
            self.count[word] = self.count.get(word, 0) + 1

    def over(self):
        with self.lock:
            return self.count["ok"] + self.count["busy"] >= self.answers

    def one_device(self, service, dice):
        pin = dice.choice(PINS)
        att = self.run.attaches.next(pin)
        service.login(pin, att)
        if dice.random() < 0.15:
            return True  # killed while it is asking
        answer = service.answer(pin, att)
        self.note(answer["result"])
        if answer["result"] == "ok":
            with self.lock:
                self.accepted.append(answer["session"])
            time.sleep(dice.random() * 0.03)
            if dice.random() < 0.3:
                # Perhaps without a word: another service may have it now.
                service.logout(pin, att)
        return False

    def thread(self, n):
        dice = random.Random("%s %d" % (self.seed, n))
        while not self.over():
            service = Collab(self.run, "collab%d" % n)
            kill = dice.random() < 0.25
            try:
                for _ in range(dice.randint(1, 4)):
                    if self.one_device(service, dice):
                        kill = True
                        break
            except Gone:
                fault("a service went away")
            if kill:
                service.kill()
                self.note("kills")
            else:
                service.end()
                self.note("ends")

    def guarded(self, n):
        try:
            self.thread(n)
        except Exception as e:  # a thread must not die unheard
            fault("thread %d: %r", n, e)


def all_slots(run, accepted):
    """The most that one service gets now; it ends orderly."""
    service = Collab(run, "after")
    won = []
    for pin in FRESH[:run.maximum + 1]:
        att = run.attaches.next(pin)
        service.login(pin, att)
        answer = service.answer(pin, att)
        if answer["result"] == "ok":
            won.append(answer["session"])
    service.end()
    accepted.extend(won)
    return len(won)


def storm(run, answers, seed):
    s = Storm(run, answers, seed)
    threads = [threading.Thread(target=s.guarded, args=(n,))
               for n in range(PROCESSES)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    start = time.monotonic()
    while (got := all_slots(run, s.accepted)) < run.maximum:
        if time.monotonic() - start > run.grace / 1000 + PATIENCE:
            fault("only %d of %d slots came back", got, run.maximum)
            break
        time.sleep(0.05)
    if got > run.maximum:
        fault("%d sessions were accepted at once", got)
    return dict(run.end(s.accepted), seed=seed, **s.count)


def main():
    verb, tool, data, password_file = sys.argv[1:5]
    run = Run(tool, data, password_file)
    try:
        if verb == "race":
            seen = race(run, int(sys.argv[5]))
        else:
            seen = storm(run, int(sys.argv[5]), sys.argv[6])
    finally:
        run.stop.set()
    print(json.dumps(seen))
    for text in faults:
        print(text, file=sys.stderr)
    sys.exit(1 if faults else 0)


main()
