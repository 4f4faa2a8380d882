# SPDX-License-Identifier: Apache-2.0
"""Fresh installs: beside thin-edge, before it, for another user; and the way out again."""

from __future__ import annotations

from collections.abc import Callable

from e2e.harness.expect import SUCCESS, check_carries, established
from e2e.harness.targets import Target, echo
from e2e.harness.waiting import wait_until

from .harness.device import DEBS, NAME, OPERATION_NAME, RUN_FOLDER, SETTINGS, SOCKET, Device
from .harness.thin_edge import FULL, OPERATION


def check_serves(device: Device, user: str = "tedge") -> None:
    """An operator's bytes come through, by the socket, and the session is `user`'s."""
    before = len(device.cloud.operations)
    with Target(echo) as target:
        session = established(device.cloud, target)
        check_carries(session)
        assert device.output(f"ps -o user= -p {device.session_pid()}") == user
        session.close()
        target.wait_ended()
    assert session.operation.statuses == SUCCESS
    run = device.runs(before + 1)[-1]
    assert (run["exit_code"], run["stdout"]) == (0, ""), run
    assert "no session socket" not in run["stderr"], run
    device.wait_no_instances()


def check_in_place(device: Device, user: str = "tedge", group: str = "tedge") -> None:
    assert device.operation_command == NAME
    assert device.owner_and_mode(OPERATION) == f"{user}:{group} 644"
    assert device.owner_and_mode(f"/run/{NAME}.sock") == f"{user}:{group} 660"
    assert device.owner_and_mode(RUN_FOLDER) == f"{user}:{group} 700"
    assert device.is_listening()
    assert device.output(f"systemctl is-enabled {SOCKET}") == "enabled"
    check_no_failed_unit(device)


def check_no_failed_unit(device: Device) -> None:
    failed = device.output(f"systemctl list-units --failed --plain --no-legend '*{NAME}*'")
    assert failed == "", device.output("journalctl -n 50 --no-pager")


def test_a_fresh_install_beside_thin_edge_takes_the_operation_over(device: Device) -> None:
    assert device.operation_command == "c8y-remote-access-plugin"
    folders = "/etc/tedge /etc/tedge/operations /etc/tedge/operations/c8y /etc/tedge/plugins"
    modes = device.output(f"stat -c '%n %U:%G %a' {folders}")
    declared = len(device.declarations())
    said = device.run(f"apt-get install -y --no-install-recommends "
                      f"{DEBS}/{device.debs.ours}", timeout=120).stdout
    assert "0 to remove" in said, said
    assert set(device.status(*FULL).values()) == {"ii"}
    check_in_place(device)
    assert device.output(f"stat -c '%n %U:%G %a' {folders}") == modes
    # The cloud was told again, and never told otherwise.
    device.wait_declared(lambda names: OPERATION_NAME in names, since=declared)
    assert all(OPERATION_NAME in names for names in device.declarations()[declared:])
    check_serves(device)


def test_the_install_declares_the_protocols_of_the_policy(served: Device) -> None:
    wait_until(lambda: any(message.payload.startswith("150,")
                           for message in served.cloud.status_messages), 10, "SmartREST 150")


def test_thin_edges_diagnosis_collects_what_the_doctor_says(served: Device) -> None:
    """As `tedge diag collect` calls it: root, who sees what a session of the packaged units sees."""
    plugin = f"/usr/share/tedge/diag-plugins/{NAME}.sh"
    assert served.owner_and_mode(plugin) == "root:root 755"
    served.run(f"mkdir /tmp/diag && {plugin} collect --output-dir /tmp/diag --config-dir /etc/tedge")
    said = {line.split()[1]: line for line in
            served.path("/tmp/diag/check.txt").read_text().splitlines() if line[:1].isalpha()}
    for step in ("user", "settings", "operation-file", "broker", "login", "tls", "upgrade",
                 "run-folder", "socket", "policy"):
        assert said[step].startswith("ok "), said[step]
    assert "root, who looks as thin-edge's user tedge" in said["user"]
    for name in ("policy.txt", "sessions.txt", "journal.txt"):
        assert served.path(f"/tmp/diag/{name}").read_text()
    check_no_failed_unit(served)


def test_installed_before_thin_edge_it_takes_over_when_that_comes(
        make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.install()
    check_no_failed_unit(device)
    device.install_thin_edge()
    device.connect()
    device.wait_ours()
    check_in_place(device)
    check_serves(device)
    assert device.output("stat -c '%U:%G %a' /etc/tedge /etc/tedge/plugins").splitlines() == [
        "tedge:tedge 775"] * 2


def test_another_user_and_group_of_thin_edge_are_respected(
        make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.run("groupadd --system field && useradd --system --gid field robot; mkdir /etc/tedge; "
               "printf 'user = \"robot\"\\ngroup = \"field\"\\n' >/etc/tedge/system.toml; "
               "mkdir -p /etc/systemd/system/tedge-mapper-c8y.service.d; "
               "printf '[Service]\\nUser=robot\\n' "
               ">/etc/systemd/system/tedge-mapper-c8y.service.d/user.conf")
    device.install_thin_edge()
    device.connect("robot", "field")
    device.install()
    check_in_place(device, "robot", "field")
    check_serves(device, "robot")


def test_removed_it_gives_the_operation_back_to_the_stock_plugin(served: Device) -> None:
    declared = len(served.declarations())
    with Target(echo) as target:
        session = established(served.cloud, target)
        served.run(f"dpkg -r {NAME}")
        closed = session.wait_closed(5)
        assert (closed.code, closed.by) == (1001, "device")
        target.wait_ended()
    assert served.operation_command == "c8y-remote-access-plugin"
    assert served.owner_and_mode(OPERATION) == "tedge:tedge 644"
    check_no_unit_is_left(served)
    # From the cloud's point of view remote access was there all the time.
    assert all(OPERATION_NAME in names for names in served.declarations()[declared:])
    assert served.path(SETTINGS).exists()
    assert not served.path(f"/run/{NAME}.sock").exists()


def test_removed_where_there_is_no_stock_plugin_the_operation_is_gone(
        make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.dpkg(*(name for name in device.debs.stock["first"] if name.startswith("tedge_")
                  or name.startswith("tedge-mapper_")))
    device.connect()
    device.install()
    device.wait_declared(lambda names: OPERATION_NAME in names)
    check_serves(device)
    declared = len(device.declarations())
    device.run(f"dpkg -r {NAME}")
    assert not device.path(OPERATION).exists()
    device.wait_declared(lambda names: OPERATION_NAME not in names, since=declared)
    check_no_unit_is_left(device)


def check_no_unit_is_left(device: Device) -> None:
    """Until a purge Debian keeps the links that enable units: systemd knows their names."""
    shown = device.output(f"systemctl list-units --all --plain --no-legend '*{NAME}*'")
    assert all(line.split()[1:4] == ["not-found", "inactive", "dead"]
               for line in shown.splitlines()), shown


def test_purged_it_leaves_nothing(make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.install_thin_edge()
    device.connect()
    before = device.files()
    device.install()
    check_serves(device)
    device.run(f"dpkg -P {NAME}")
    assert device.files() - before == set()
    # dpkg also removes an empty folder that it knows; thin-edge makes it again at its next start.
    assert before - device.files() <= {"/etc/tedge/plugins"}
    device.run("systemctl restart tedge-mapper-c8y.service")
    assert before - device.files() == set()
    check_no_unit_is_left(device)
    assert not device.path(RUN_FOLDER).exists()


def test_purged_where_thin_edge_never_was_it_leaves_nothing(
        make_device: Callable[..., Device]) -> None:
    device = make_device()
    before = device.files()
    device.install()
    device.run(f"dpkg -P {NAME}")
    assert device.files() ^ before == set()


def test_reinstalled_after_removal_and_after_purge_it_serves_again(served: Device) -> None:
    for how in ("-r", "-P"):
        served.own('# mine\n[limits]\nconnect = "9s"\n')
        served.run(f"dpkg {how} {NAME}")
        served.install()
        served.wait_ours()
        check_in_place(served)
        check_serves(served)
        kept = "# mine" in served.path(SETTINGS).read_text()
        assert kept == (how == "-r")
