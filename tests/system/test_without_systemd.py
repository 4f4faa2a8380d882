# SPDX-License-Identifier: Apache-2.0
"""A device with another init, or none: the package installs, sessions are forked by the plugin."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from e2e.harness.expect import SUCCESS, check_carries, established
from e2e.harness.targets import Target, echo

from .harness.device import NAME, Device
from .harness.thin_edge import OPERATION

_REMOVE = "dpkg --purge --force-depends --force-remove-essential --force-remove-protected " \
          "systemd-sysv systemd dbus dbus-user-session libpam-systemd"


@pytest.fixture(params=["systemd is not running", "systemd is not installed"])
def without(request: pytest.FixtureRequest, make_device: Callable[..., Device]) -> Device:
    device = make_device(systemd=False)
    if request.param == "systemd is not installed":
        device.run(_REMOVE, check=False)
        assert not device.path("/usr/bin/systemctl").exists()
        device.run("command -v systemctl && exit 1 || :")
    device.install_thin_edge()
    device.connect()
    return device


def test_without_systemd_the_package_installs_serves_and_goes_again(without: Device) -> None:
    without.install()
    assert without.status(NAME) == {NAME: "ii"}
    assert without.operation_command == NAME
    assert without.owner_and_mode(OPERATION) == "tedge:tedge 644"
    with Target(echo) as target:
        session = established(without.cloud, target)
        check_carries(session)
        assert without.output(f"ps -o user= -p {without.session_pid()}") == "tedge"
        session.close()
        target.wait_ended()
    assert session.operation.statuses == SUCCESS
    run = without.runs()[-1]
    assert run["exit_code"] == 0
    assert "no session socket" in run["stderr"], run
    without.dpkg(without.debs.newer)
    assert without.operation_command == NAME
    without.run(f"dpkg -P {NAME}")
    assert without.operation_command == "c8y-remote-access-plugin"


def test_without_systemd_the_dpkg_trigger_takes_the_operation_back(without: Device) -> None:
    """Nothing else would: thin-edge's upgrade deletes our file and unpacks its own."""
    without.install()
    without.install_thin_edge("same")
    assert without.operation_command == NAME
    without.install_thin_edge("changed", "--force-confnew")
    assert without.operation_command == NAME
    assert without.owner_and_mode(OPERATION) == "tedge:tedge 644"


def test_without_systemd_a_removal_ends_the_running_session(without: Device) -> None:
    without.install()
    with Target(echo) as target:
        session = established(without.cloud, target)
        without.run(f"dpkg -r {NAME}")
        closed = session.wait_closed(5)
        assert (closed.code, closed.by) == (1001, "device")
        target.wait_ended()
    assert without.run("pgrep c8y-ra-", check=False).stdout == ""
