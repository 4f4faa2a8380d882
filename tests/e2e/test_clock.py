# SPDX-License-Identifier: Apache-2.0
"""The wall clock is set while a session connects or runs, as the first NTP answer after a start
without a battery does it: every limit counts real seconds, only the times in the record move."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud, Upgrade

from .harness import executable
from .harness.device import Device
from .harness.expect import SUCCESS, check_carries, check_failure, established
from .harness.targets import Target, echo, wait_for_end
from .harness.waiting import wait_until

DAY = 24 * 3600
pytestmark = pytest.mark.release_only  # the library is not built with sanitizers
steps = pytest.mark.parametrize("days", [400, -400])


class Clock:
    """Of this test's processes alone."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.set(0)

    def set(self, seconds: int) -> None:
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.write(struct.pack("=q", seconds))


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "clock")


@pytest.fixture
def owned(make_device: Callable[..., Device], clock: Clock) -> Callable[[str], Device]:
    def make(own: str) -> Device:
        device = make_device(login="certificate")
        device.own(own)
        device.mapper.environment |= {"LD_PRELOAD": str(executable.preloaded("clock")),
                                      "CLOCK_STEP": str(clock.path)}
        return device.start()

    return make


def year(days: int) -> bytes:
    return time.strftime("%Y-", time.gmtime(time.time() + days * DAY)).encode()


@steps
def test_limits_of_a_session_count_real_seconds(
        cloud: Cloud, owned: Callable[[str], Device], clock: Clock, days: int) -> None:
    device = owned('limits.duration = "3s"\nlimits.idle = "30s"\n')
    with Target(echo) as target:
        session = established(cloud, target)
        since = time.monotonic()
        clock.set(days * DAY)
        check_carries(session)
        device.journal.wait_for("limits.duration reached")
        assert 2 < time.monotonic() - since < 5
        session.wait_closed(3)
        wait_until(lambda: not device.processes(), 5, "the end of both processes")
    device.journal.wait_for(r"ended by this device .*: 14 bytes to the cloud, .*, [23]\.\d s")
    assert session.operation.statuses == SUCCESS


@steps
def test_a_step_while_connecting_neither_ends_nor_prolongs_it(
        cloud: Cloud, owned: Callable[[str], Device], clock: Clock, days: int) -> None:
    device = owned('limits.connect = "2s"\n')
    cloud.behaviour.upgrades = [Upgrade(delay=1), Upgrade(delay=30)]
    with Target(wait_for_end) as target:
        good = cloud.open("127.0.0.1", target.port)
        wait_until(lambda: cloud.upgrades, 10, "the request")
        clock.set(days * DAY)
        good.wait_device(5)
        assert good.operation.wait_final(5) == "SUCCESSFUL"
        clock.set(0)  # else the cloud's certificate is not valid
        late = cloud.create_operation("127.0.0.1", target.port)
        wait_until(lambda: len(cloud.upgrades) == 2, 10, "the second request")
        clock.set(days * DAY)
        run = device.mapper.wait_runs(2)[1]
        check_failure(late, run, "^cloud .* no answer within 2s", within=3.5)
    # The step was seen: it is in the record's times.
    assert year(days) in run.stderr.splitlines()[-1]
