# SPDX-License-Identifier: Apache-2.0
"""200 operations within one second, a third of them for a target that refuses: each gets the
status that it deserves, and nothing stays EXECUTING."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

import pytest

from cloud import Session
from e2e.harness.expect import FAILURE, SUCCESS
from e2e.harness.targets import refusing_port

from .bed import Bed, arrivals
from .conftest import Say
from .look import MIB, Peak

COUNT = 200
DEADLINE = 120  # seconds for all of them together, on a machine that does something else too
# Longer than any of them waits for its turn on two cores.
PATIENT = '[limits]\nconnect = "60s"\n'
MANY = PATIENT + "sessions = 1000\n"

pytestmark = [pytest.mark.timeout(240), pytest.mark.release_only]


class Burst:
    """COUNT operations at once, waited for; every third one asks for `refusing`."""

    def __init__(self, bed: Bed, refusing: int) -> None:
        with Peak(bed.program) as self.peak, arrivals(bed) as received:
            with bed.starting_at_once():
                self.sessions = bed.open_at_once([None if number % 3 else refusing
                                                  for number in range(COUNT)])
                bed.device.mapper.wait_runs(COUNT, DEADLINE)
            self.began = time.monotonic()
            for session in self.sessions:
                session.operation.wait_final(DEADLINE)
            self.runs = [run.finish(DEADLINE) for run in bed.device.mapper.wait_runs(COUNT)]
        assert len(received) == COUNT
        self.arrived = received[-1] - received[0]
        self.good = [one for one in self.sessions if one.operation.port != refusing]
        self.bad = [one for one in self.sessions if one.operation.port == refusing]
        self.codes = Counter(run.exit_code for run in self.runs)

    def figures(self, name: str) -> str:
        took = sorted(one.operation.history[-1][0] - self.began for one in self.sessions)
        return (f"burst of {COUNT}, {name}: arrived within {self.arrived:.2f} s, setup p50 "
                f"{took[COUNT // 2]:.2f} s, p99 {took[COUNT * 99 // 100]:.2f} s, at most "
                f"{self.peak.processes} processes with {self.peak.pss / MIB:.0f} MiB together")


def carry(sessions: list[Session]) -> None:
    """Each its own bytes, there and back."""
    for number, session in enumerate(sessions):
        session.wait_device(10).send(b"echo\n%06d" % number)
    assert [session.recv_exact(6, timeout=30) for session in sessions] == [
        b"%06d" % number for number in range(len(sessions))]


def test_json_operations_get_each_their_own_status(
        make_bed: Callable[..., Bed], say: Say) -> None:
    bed = make_bed(form="json", owner=MANY)
    with refusing_port() as refusing:
        burst = Burst(bed, refusing)
    say(burst.figures("JSON"))
    assert burst.arrived < 1
    assert [one.operation.statuses for one in burst.good] == [SUCCESS] * len(burst.good)
    assert [one.operation.statuses for one in burst.bad] == [FAILURE] * len(burst.bad)
    for session in burst.bad:
        assert f"127.0.0.1:{refusing}: connection refused" in session.operation.reason
    assert burst.codes == {0: len(burst.good), 1: len(burst.bad)}
    carry(burst.good)
    assert bed.cloud.violations == []


def test_smartrest_operations_are_counted_right(make_bed: Callable[..., Bed], say: Say) -> None:
    """By name no status says whose it is, but none is lost, doubled or left over."""
    bed = make_bed(form="smartrest", owner=MANY)
    with refusing_port() as refusing:
        burst = Burst(bed, refusing)
    say(burst.figures("SmartREST"))
    assert burst.arrived < 1
    finals = Counter(operation.status for operation in bed.cloud.operations)
    assert finals == {"SUCCESSFUL": burst.codes[0], "FAILED": burst.codes[1]}
    assert all(one.operation.statuses in (SUCCESS, FAILURE) for one in burst.sessions)
    # A FAILED that hits one that still connects makes the cloud forget its key: it fails too.
    assert burst.codes[0] + burst.codes[1] == COUNT and burst.codes[1] >= len(burst.bad)
    # One process at a time from EXECUTING to the end.
    spoken = [message.payload[:3] for message in bed.cloud.status_messages]
    assert set(spoken[0::2]) == {"501"} and set(spoken[1::2]) <= {"502", "503"}
    assert bed.cloud.violations == []


def test_what_is_above_the_limit_is_refused_with_that_reason(
        make_bed: Callable[..., Bed], say: Say) -> None:
    """The default limit of 16 sessions holds, however many ask at the same moment."""
    bed = make_bed(form="json", owner=PATIENT)
    burst = Burst(bed, refusing=0)
    say(burst.figures("JSON, default limit"))
    served = [one for one in burst.sessions if one.operation.status == "SUCCESSFUL"]
    refused = [one for one in burst.sessions if one.operation.status == "FAILED"]
    assert (len(served), len(refused)) == (16, COUNT - 16)
    for session in refused:
        assert "all 16 session(s) of this device are in use" in session.operation.reason
        assert session.operation.statuses == FAILURE
    carry(served)
    assert bed.cloud.violations == []
