# SPDX-License-Identifier: Apache-2.0
"""A device that can write nowhere is one that somebody must reach."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import SUCCESS, check_carries, opened
from .harness.targets import Target, echo


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_a_device_without_a_writable_folder_is_served_and_says_so(
        cloud: Cloud, make_device: Callable[..., Device], form: str) -> None:
    device = make_device(form=form)
    device.settings["run.path"] = device.settings["data.path"] = "/proc"  # also root cannot write
    device.start()
    with Target(echo) as target:
        session = opened(cloud, target, form)
        check_carries(session)
        assert session.operation.wait_final(10) == "SUCCESSFUL"
        assert device.mapper.wait_runs()[0].finish().exit_code == 0
        session.close()
        target.wait_ended()
    device.journal.wait_for("without a seat")
    said = device.journal.wait_for(r"ended by .*: (\d+) bytes to the cloud")
    assert int(said[1]) > 0  # counted, although there is no seat's file
    assert session.operation.statuses == SUCCESS
