# SPDX-License-Identifier: Apache-2.0
"""The kinds of traffic, each a loop in a thread of its own. Every byte is checked, every operation
is counted; what goes wrong becomes a sentence in `Tally.problems`."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import signal
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cloud import DeviceFailed, Operation, Session
from e2e.harness.expect import FAILURE, SUCCESS
from e2e.harness.processes import of_program
from e2e.harness.targets import digest, random_chunks, refusing_port
from e2e.harness.waiting import wait_until

from .bed import Bed

PATIENCE = 90  # seconds for what takes milliseconds: the machine may do something else
BULK = 256 * 1024
ELSEWHERE = "198.51.100.1"  # not this device


class Tally:
    """What the loops did so far; shared by their threads."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.problems: list[str] = []
        self.round_trips: list[float] = []
        self.plugin_killed: set[str] = set()
        self._lock = threading.Lock()

    def add(self, name: str, amount: int = 1) -> None:
        with self._lock:
            self.count[name] += amount

    def check(self, fine: bool, problem: str) -> None:
        if not fine:
            self.problems.append(problem)

    def final(self, operation: Operation, expected: list[str]) -> None:
        operation.wait_final(PATIENCE)
        self.add("final")
        self.check(operation.statuses == expected,
                   f"operation {operation.id}: {operation.statuses} {operation.reason}")

    def take_round_trips(self) -> list[float]:
        taken, self.round_trips = self.round_trips, []
        return taken


class Traffic:
    def __init__(self, bed: Bed, tally: Tally, over: threading.Event) -> None:
        self.bed = bed
        self.tally = tally
        self.over = over

    def opened(self, *, port: int | None = None, host: str = "127.0.0.1") -> Session:
        self.tally.add("asked for")
        return self.bed.open(port, host)

    def established(self, words: str) -> Session:
        session = self.opened().wait_device(PATIENCE)
        session.send(words.encode() + b"\n")
        self.tally.final(session.operation, SUCCESS)
        return session

    def echoed(self, session: Session, text: bytes) -> None:
        began = time.monotonic()
        session.send(text)
        self.tally.check(session.recv_exact(len(text), PATIENCE) == text, "an echo was changed")
        self.tally.round_trips.append(time.monotonic() - began)

    # Sessions that stand all the time -----------------------------------------------------------

    def idle(self, standing: Session) -> None:
        self.over.wait()
        self.echoed(standing, b"after a long silence")

    def keystrokes(self, standing: Session) -> None:
        while not self.over.wait(random.uniform(0.1, 0.4)):
            self.echoed(standing, random.randbytes(random.randint(1, 40)))
            self.tally.add("keystrokes")

    def bulk(self, standing: Session) -> None:
        """Both directions at the same time, through one session."""
        with ThreadPoolExecutor(1) as pool:
            for seed in itertools.count(random.getrandbits(30)):
                if self.over.wait(1):
                    return
                standing.send(b"both %d %d\n" % (BULK, seed))
                sending = pool.submit(standing.send_random, BULK, PATIENCE)
                came = standing.recv_digest(BULK, PATIENCE)
                sent = sending.result(PATIENCE)
                arrived = standing.recv_exact(65, PATIENCE).decode().strip()
                self.tally.check(came == digest(random_chunks(BULK, seed)), "down: wrong hash")
                self.tally.check(arrived == sent, "up: wrong hash")
                self.tally.add("bulk bytes", 2 * BULK)

    # Sessions that come and go --------------------------------------------------------------------

    def short(self) -> None:
        for number in itertools.count():
            if self.over.wait(0.8):
                return
            (self._target_leaves, self._cloud_leaves, self._cloud_drops)[number % 3](number)
            self.tally.add("short sessions")

    def _target_leaves(self, number: int) -> None:
        size = random.randint(1, 200_000)
        session = self.established(f"say {size} {number}")
        said = session.recv_until_close(PATIENCE)
        self.tally.check(said == b"".join(random_chunks(size, number)), "last words were lost")
        closed = session.wait_closed(PATIENCE)
        self.tally.check(closed.code == 1000, f"the target left, but {closed}")

    def _cloud_leaves(self, number: int) -> None:
        session = self.established("echo")
        self.echoed(session, b"%d" % number)
        session.close()

    def _cloud_drops(self, number: int) -> None:
        session = self.established("echo")
        self.echoed(session, b"%d" % number)
        session.drop()

    def failing(self) -> None:
        with refusing_port() as refusing:
            for number in itertools.count():
                if self.over.wait(3):
                    return
                if number % 2:
                    session, words = self.opened(host=ELSEWHERE), "not allowed"
                else:
                    session, words = self.opened(port=refusing), "connection refused"
                self.tally.final(session.operation, FAILURE)
                self.tally.check(words in session.operation.reason,
                                 f"not {words!r}: {session.operation.reason}")
                self.tally.add("failing operations")

    # Killed ---------------------------------------------------------------------------------------

    def killed(self) -> None:
        for kill in itertools.cycle((self._kill_session, self._kill_forwarder, self._kill_plugin)):
            if self.over.wait(4):
                return
            kill()
            self.tally.add("killed processes")

    def _kill_session(self) -> None:
        session = self.established("echo")
        self._kill(session, session_pid(self.bed, session.operation.id))

    def _kill_forwarder(self) -> None:
        session = self.established("echo")
        supervisor = session_pid(self.bed, session.operation.id)
        self._kill(session, forwarder_pid(self.bed, supervisor))

    def _kill(self, session: Session, pid: int) -> None:
        # Killed before the seat says that the status is out, it would be published once more.
        wait_until(lambda: is_final(self.bed, session.operation.id), PATIENCE,
                   "a final seat")
        self.bed.kill(pid)
        session.wait_closed(PATIENCE)

    def _kill_plugin(self) -> None:
        """Once EXECUTING is out somebody else finishes: the session, with whatever status. It may
        say it twice, when the plugin was killed after its last word."""
        session = self.opened()
        self.tally.plugin_killed.add(session.operation.id)
        session.operation.wait_status("EXECUTING", PATIENCE)
        self.bed.run_of(session.operation).signal(signal.SIGKILL)
        # Without a plugin nobody can ask for a JWT.
        status = session.operation.wait_final(PATIENCE)
        self.tally.final(session.operation, SUCCESS if status == "SUCCESSFUL" else FAILURE)
        with contextlib.suppress(DeviceFailed):
            session.wait_device(PATIENCE).drop()


@dataclass(frozen=True)
class Seat:
    """A seat file: JSON, and what is reported in its last bytes (src/session/seat_file.hpp)."""

    operation: str
    pid: int
    reported: int  # 2: the final status is out

    @staticmethod
    def read(path: Path) -> Seat | None:
        """None: it is just made, or just gone."""
        try:
            data = path.read_bytes()
            info = json.loads(data.partition(b"\0")[0])
            return Seat(info["operation"], int(info["pid"]), struct.unpack_from("I", data, 4092)[0])
        except (OSError, ValueError, struct.error):
            return None


def seat(bed: Bed, operation: str) -> Seat | None:
    seats = map(Seat.read, bed.device.run_path.rglob("*.seat"))
    return next((one for one in seats if one and one.operation == operation), None)


def session_pid(bed: Bed, operation: str) -> int:
    found = wait_until(lambda: seat(bed, operation), PATIENCE, f"the seat of {operation}")
    assert found is not None
    return found.pid


def is_final(bed: Bed, operation: str) -> bool:
    found = seat(bed, operation)
    return found is not None and found.reported == 2


def forwarder_pid(bed: Bed, session: int) -> int:
    children = []
    for process in of_program(bed.program):
        with contextlib.suppress(IndexError):  # it has just ended
            if process.parent == session:
                children.append(process.pid)
    if len(children) != 1:
        raise RuntimeError(f"session {session} has the children {children}")
    return children[0]


def in_thread(tally: Tally, over: threading.Event, name: str,
              work: Callable[[], None]) -> threading.Thread:
    """An exception is a problem, and the end of everything: an hour shall not go on in vain."""

    def guarded() -> None:
        try:
            work()
        except Exception as error:
            tally.problems.append(f"{name}: {type(error).__name__}: {error}")
            over.set()

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread
