# SPDX-License-Identifier: Apache-2.0
"""Upgrades: ours while a session runs; the stock plugin's, which writes its own operation file."""

from __future__ import annotations

import re
import time

import pytest

from e2e.harness.expect import check_carries, established
from e2e.harness.targets import Target, echo, silent_port
from e2e.harness.waiting import wait_until

from .harness import deb
from .harness.device import DEBS, NAME, OPERATION_NAME, SETTINGS, SOCKET, Device
from .harness.folder_watch import FolderWatch
from .harness.thin_edge import OPERATION
from .test_install import check_in_place, check_serves


def test_a_session_survives_the_upgrade_and_nothing_is_withdrawn(served: Device) -> None:
    declared = len(served.declarations())
    instance_of_socket = served.unit(SOCKET, "ActiveEnterTimestampMonotonic", "InvocationID")
    with Target(echo) as target:
        session = established(served.cloud, target)
        check_carries(session, b"before")
        pid = served.session_pid()
        with FolderWatch(served.path(OPERATION).parent) as watch:
            served.dpkg(served.debs.newer)
            check_carries(session, b"after")
            served.wait_ours()
        assert OPERATION_NAME not in watch.vanished, watch.vanished
        assert served.session_pid() == pid
        # It never stopped listening: the very same activation.
        assert served.unit(SOCKET, "ActiveEnterTimestampMonotonic",
                           "InvocationID") == instance_of_socket
        version = deb.field_of(served.debs.folder / served.debs.newer, "Version")
        assert served.output(f"dpkg-query -W -f '${{Version}}' {NAME}") == version
        check_carries(session, b"still")
        session.close()
        target.wait_ended()
    assert all(OPERATION_NAME in names for names in served.declarations()[declared:])
    served.wait_no_instances()
    check_in_place(served)
    check_serves(served)


def test_operations_that_arrive_during_the_upgrade_are_served(served: Device) -> None:
    with Target(echo) as target:
        upgrade = served.container.start(f"dpkg -i {DEBS}/{served.debs.newer}")
        sessions = []
        while upgrade.poll() is None:  # it ends in a second or two
            session = established(served.cloud, target)
            check_carries(session)
            session.close()
            sessions.append(session)
        assert upgrade.returncode == 0
        assert sessions
    served.wait_no_instances()


def test_the_owners_settings_survive_an_upgrade(served: Device) -> None:
    served.own("[limits]\nsessions = 2\n")
    served.dpkg(served.debs.newer)
    assert served.path(SETTINGS).read_text() == "[limits]\nsessions = 2\n"


def test_the_operation_is_ours_again_after_thin_edges_upgrade(served: Device) -> None:
    """An unchanged operation file comes; their prerm deletes ours, their postinst writes theirs."""
    said = served.install_thin_edge("same")
    assert "Configuration file" not in said
    served.wait_ours(5)
    served.wait_declared(lambda names: OPERATION_NAME in names)
    check_in_place(served)
    check_serves(served)
    assert served.status(NAME) == {NAME: "ii"}


# The operation file is thin-edge's conffile with our contents. Their prerm deletes it; what dpkg finds
# when it configures them is a race that our watch may win or lose.
FOUND = pytest.mark.parametrize("found", ["Modified", "Deleted"])


def upgrade_changed(device: Device, found: str, options: str = "") -> str:
    """Unpack, configure, triggers: as apt has dpkg do it. Returns what the second step says."""
    if found == "Deleted":
        device.run(f"systemctl stop {NAME}-setup.path {NAME}-setup.service")
    files = " ".join(f"{DEBS}/{name}" for name in device.debs.stock["changed"])
    device.run(f"dpkg --no-triggers --unpack {files}", timeout=120)
    if found == "Modified":
        device.wait_ours()
        device.wait_setup_idle()
    assert device.operation_command == (NAME if found == "Modified" else "")
    # Nobody answers here: without an option, which does, the question is an error.
    said = device.run(f"dpkg --no-triggers {options} --configure -a", check=bool(options))
    device.run("dpkg --triggers-only -a")
    return said.stdout


@FOUND
def test_dpkg_asks_about_a_conffile_that_thin_edge_changed_and_ours_serves_meanwhile(
        served: Device, found: str) -> None:
    """Not in our hands. dpkg leaves the stock plugin unconfigured; the README names the option."""
    said = upgrade_changed(served, found)
    assert f"Configuration file '{OPERATION}'\n ==> {found} (by you or by a script)" in said, said
    assert "The default action is to keep your current version." in said
    assert "end of file on stdin at conffile prompt" in said
    assert served.status("c8y-remote-access-plugin")["c8y-remote-access-plugin"] in ("iU", "iF")
    served.wait_ours(5)
    check_in_place(served)
    check_serves(served)
    served.run("dpkg --configure -a --force-confold")
    check_upgraded(served)


@FOUND
@pytest.mark.parametrize("option", ["confold", "confdef,confold", "confnew"])
def test_with_an_option_the_upgrade_goes_through_and_the_operation_is_ours_again(
        served: Device, option: str, found: str) -> None:
    options = " ".join(f"--force-{one}" for one in option.split(","))
    said = upgrade_changed(served, found, options)
    assert f"==> {found} (by you or by a script)" in said, said
    check_upgraded(served)


def check_upgraded(device: Device) -> None:
    """Their postinst has written their operation file; it is ours again, and served."""
    assert set(device.status("c8y-remote-access-plugin", "tedge-full").values()) == {"ii"}
    assert device.run("dpkg --audit").stdout == ""
    device.wait_ours(5)
    check_in_place(device)
    check_serves(device)


def test_the_stock_plugin_is_upgraded_alone_while_a_session_runs(served: Device) -> None:
    with Target(echo) as target:
        session = established(served.cloud, target)
        name = next(name for name in served.debs.stock["same"]
                    if name.startswith("c8y-remote-access-plugin"))
        served.dpkg(name, options="--force-depends")
        check_carries(session, b"after")
        served.wait_ours(5)


def test_the_stock_plugins_postinst_alone_is_answered_within_seconds(served: Device) -> None:
    """No dpkg trigger fires for what a postinst writes: the path unit sees it."""
    for _ in range(3):
        served.run("/var/lib/dpkg/info/c8y-remote-access-plugin.postinst configure")
        assert served.operation_command in ("c8y-remote-access-plugin", NAME)
        served.wait_ours(5)
    assert served.owner_and_mode(OPERATION) == "tedge:tedge 644"
    check_in_place(served)


def test_a_reconfigured_stock_plugin_does_not_keep_the_operation(served: Device) -> None:
    served.run("dpkg-reconfigure c8y-remote-access-plugin", timeout=30)
    served.wait_ours(5)
    # And it stays: nobody fights about the file.
    time.sleep(1)
    assert served.operation_command == NAME
    with FolderWatch(served.path(OPERATION).parent) as watch:
        time.sleep(1)
    assert watch.events == []


def test_the_owner_withdraws_the_operation_by_the_settings_and_takes_it_back(
        served: Device) -> None:
    declared = len(served.declarations())
    served.own("enabled = false\n")
    wait_until(lambda: served.operation_command == "", 5, "the withdrawal")
    served.wait_declared(lambda names: OPERATION_NAME not in names, since=declared)
    # Nor does the stock plugin get it: switched off is off.
    served.run("/var/lib/dpkg/info/c8y-remote-access-plugin.postinst configure")
    wait_until(lambda: served.operation_command == "", 5, "the withdrawal again")
    served.wait_setup_idle()
    declared = len(served.declarations())
    served.own("enabled = true\n")
    served.wait_ours(5)
    served.wait_declared(lambda names: OPERATION_NAME in names, since=declared)
    check_serves(served)


def test_settings_that_change_while_setup_is_at_work_are_not_overlooked(served: Device) -> None:
    """A deaf broker keeps it busy for seconds, in which systemd watches no file."""
    served.wait_setup_idle()
    with silent_port() as port:
        settings = served.path("/etc/tedge/tedge.toml")
        settings.write_text(re.sub(r"(?m)^(mqtt\.client\.port = ).*", rf"\g<1>{port}",
                                   settings.read_text()))
        served.own("[limits]\nsessions = 3\n")
        unit = f"{NAME}-setup.service"
        wait_until(lambda: served.unit(unit, "ActiveState") == {"ActiveState": "activating"},
                   5, f"a run of {unit}")
        time.sleep(1)
        served.own("enabled = false\n")
        wait_until(lambda: served.operation_command == "", 20, "the withdrawal")


def test_thin_edges_own_start_leaves_program_and_operation_alone(served: Device) -> None:
    """`tedge init` at each start of the mapper re-links what has the stock plugin's name."""
    declared = len(served.declarations())
    served.run("systemctl restart tedge-mapper-c8y.service")
    served.wait_declared(lambda names: OPERATION_NAME in names, since=declared)
    assert served.output("readlink /usr/bin/c8y-remote-access-plugin") == "/usr/bin/tedge"
    check_in_place(served)
    check_serves(served)
