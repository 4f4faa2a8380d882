# SPDX-License-Identifier: Apache-2.0
"""Thousands of sessions one after another: nothing grows, and the last is as quick as the first."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from .bed import Bed
from .conftest import Say
from .look import KIB, unreaped

# The last block's time against the first's, and seconds on top. Of a block the best tenth counts:
# the rest is what else the machine does.
SLOWER = (1.5, 0.01)
BROKER_GROWTH = 1024 * KIB  # of mosquitto's own memory, from the second look on

pytestmark = [pytest.mark.timeout(3600), pytest.mark.release_only]


@dataclass(frozen=True)
class Left:
    """What lies around while no session runs. Mosquitto has all its clients gone."""

    files: int
    temporary: int
    broker_descriptors: int
    broker_memory: int
    unreaped: int

    @staticmethod
    def of(bed: Bed) -> Left:
        broker = bed.broker_facts()
        names = [path.name for path in Path(tempfile.gettempdir()).iterdir()]
        ours = sum(1 for name in names if "c8y" in name or "remote" in name)
        return Left(bed.files(), ours, broker.descriptors, broker.own, len(unreaped(bed.program)))


def one(bed: Bed, number: int) -> float:
    """A whole session; seconds from the operator's wish to the end of the tunnel."""
    began = time.monotonic()
    session = bed.open()
    text = b"%08d" % number
    session.wait_device(30).send(b"echo\n" + text)
    assert session.recv_exact(8, timeout=30) == text
    if number % 2:
        session.close()
    else:
        session.drop()
        session.wait_closed()
    took = time.monotonic() - began
    assert session.operation.wait_final(30) == "SUCCESSFUL"
    return took


def wait_clients_gone(bed: Bed, at_most: int) -> None:
    """Mosquitto closes a client's descriptor a moment after the client has ended."""
    deadline = time.monotonic() + 5
    while bed.broker_facts().descriptors > at_most and time.monotonic() < deadline:
        time.sleep(0.05)


def test_sessions_one_after_another_leave_nothing_and_get_no_slower(
        make_bed: Callable[..., Bed], say: Say, request: pytest.FixtureRequest) -> None:
    total = request.config.getoption("--row")
    block = max(min(1000, total // 4), 1)
    bed = make_bed()
    one(bed, 0)
    bed.wait_quiet()
    bed.forget()
    first = Left.of(bed)
    best: list[float] = []
    looks = []
    say("| sessions | p10 ms | median ms | files | seats, processes | broker: descriptors "
        "| KiB own |")
    for start in range(0, total, block):
        took = [one(bed, number) for number in range(start, min(start + block, total))]
        bed.wait_quiet()
        bed.forget()
        wait_clients_gone(bed, first.broker_descriptors)
        best.append(sorted(took)[len(took) // 10])
        looks.append(Left.of(bed))
        seats = len(list(bed.device.run_path.rglob("*.seat")))
        say(f"| {start + len(took):8} | {1000 * best[-1]:6.1f} "
            f"| {1000 * statistics.median(took):9.1f} | {looks[-1].files:5} "
            f"| {seats:5}, {len(bed.look()):9} | {looks[-1].broker_descriptors:19} "
            f"| {looks[-1].broker_memory / KIB:7.0f} |")
        assert seats == 0
    assert {look.files for look in looks} == {first.files}
    assert {look.temporary for look in looks} == {first.temporary}
    assert {look.broker_descriptors for look in looks} == {first.broker_descriptors}
    assert {look.unreaped for look in looks} == {0}
    assert looks[-1].broker_memory - looks[0].broker_memory < BROKER_GROWTH
    assert best[-1] < SLOWER[0] * best[0] + SLOWER[1]
    assert bed.cloud.violations == []
