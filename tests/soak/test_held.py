# SPDX-License-Identifier: Apache-2.0
"""Many sessions held at once: what one costs does not depend on how many there are."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import pytest

from cloud import Session
from e2e.harness.waiting import wait_until

from .bed import Bed
from .conftest import Say
from .look import KIB, MIB

MANY = "[limits]\nsessions = 1000\n"
STEPS = (10, 20, 50, 100, 200, 500, 1000)
IDLE = 3  # seconds of doing nothing, for the CPU time that it takes
# Session and forwarder together. The benchmark's single session has 1.6 MiB of its own; with more
# of them each carries less of what they share.
OWN_LIMIT = 2 * MIB
IDLE_CPU_LIMIT = 2.0  # ms in a second: timers, not polling
GROWTH = 1.25  # the last step against the first, a session

pytestmark = [pytest.mark.timeout(900), pytest.mark.release_only]


def settle(bed: Bed, count: int) -> None:
    """Sessions that stand, plugins that are gone."""
    wait_until(lambda: len(bed.look()) == 2 * count, 60, f"{count} sessions and nothing else")


class Step:
    """What `count` standing sessions cost."""

    def __init__(self, bed: Bed, count: int) -> None:
        settle(bed, count)
        before, began = bed.look(), time.monotonic()
        time.sleep(IDLE)
        after, took = bed.look(), time.monotonic() - began
        assert before.keys() == after.keys()
        self.count = count
        self.pss = sum(one.pss for one in after.values())
        self.own = sum(one.own for one in after.values()) / count
        cpu = sum(after[pid].cpu - before[pid].cpu for pid in after)
        self.idle_cpu = 1000 * cpu / took / count
        self.descriptors = max(one.descriptors for one in after.values())
        self.threads = max(one.threads for one in after.values())

    def line(self, setup: float, echo: float) -> str:
        return (f"| {self.count:8} | {self.pss / MIB:6.0f} | {self.pss / self.count / KIB:9.0f} "
                f"| {self.own / KIB:9.0f} | {self.idle_cpu:9.2f} | {self.descriptors:11} "
                f"| {1000 * setup:8.0f} | {1000 * echo:7.1f} |")


HEAD = ("| sessions | MB Pss | KiB each  | KiB own   | idle ms/s | descriptors | setup ms "
        "| echo ms |")


def grow(bed: Bed, sessions: list[Session], count: int) -> float:
    """One more after the other; the median time until each stands."""
    took = []
    while len(sessions) < count:
        began = time.monotonic()
        session = bed.open()
        sessions.append(session)
        session.wait_device(30).send(b"echo\n")
        took.append(time.monotonic() - began)
        assert session.operation.wait_final(30) == "SUCCESSFUL"
    bed.device.mapper.runs.clear()
    return statistics.median(took)


def echo(sessions: list[Session]) -> float:
    """Each carries its own bytes; the median round trip, the stand-ins' share included."""
    took = []
    for number, session in enumerate(sessions):
        text = b"%08d" % number
        began = time.monotonic()
        session.send(text)
        assert session.recv_exact(8, timeout=30) == text
        took.append(time.monotonic() - began)
    return statistics.median(took)


def test_what_a_session_costs_does_not_depend_on_how_many_there_are(
        make_bed: Callable[..., Bed], say: Say, request: pytest.FixtureRequest) -> None:
    most = request.config.getoption("--held")
    bed = make_bed(owner=MANY)
    sessions: list[Session] = []
    steps = []
    say(HEAD)
    for count in [*(step for step in STEPS if step < most), most]:
        setup = grow(bed, sessions, count)
        step = Step(bed, count)
        steps.append(step)
        say(step.line(setup, echo(sessions)))
    assert all(step.own < OWN_LIMIT for step in steps)
    assert all(step.idle_cpu < IDLE_CPU_LIMIT for step in steps)
    assert steps[-1].own <= GROWTH * steps[0].own
    assert steps[-1].descriptors == steps[0].descriptors
    assert len(list(bed.device.run_path.rglob("*.seat"))) == most
    for session in sessions:
        session.drop()
    bed.wait_quiet(60)
    assert bed.service.connections == 0
