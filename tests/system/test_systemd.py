# SPDX-License-Identifier: Apache-2.0
"""The units at work: one container for all of it, the tests in any order."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloud import Session
from e2e.harness.expect import check_carries, established
from e2e.harness.targets import Target, echo, wait_for_end
from e2e.harness.waiting import wait_until

from .conftest import container_for, surroundings
from .harness.device import MAPPER, NAME, RUN_FOLDER, SOCKET, Debs, Device
from .harness.kernel import LANDLOCK_WORKS
from .test_install import check_serves

EXPOSURE_AT_MOST = 1.5


@pytest.fixture(scope="module")
def shared(root: Path, debs: Debs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    folder = tmp_path_factory.mktemp("systemd")
    with surroundings(folder) as (broker, cloud):
        container = container_for(root, folder / "container", debs)
        device = Device(container, cloud, broker.address, debs)
        try:
            device.container.boot()
            device.install_thin_edge()
            device.connect()
            device.install()
            device.wait_ours()
            yield device
        finally:
            device.close()


@pytest.fixture
def calm(shared: Device) -> Iterator[Device]:
    """Before and after each test: no session, nothing failed, listening."""
    yield shared
    for session in shared.cloud.sessions:
        if isinstance(session, Session) and session.closed is None:
            with contextlib.suppress(RuntimeError):
                session.drop()
    shared.wait_no_instances()
    assert shared.is_listening()
    assert shared.output(f"systemctl list-units --failed --plain --no-legend '*{NAME}*'") == ""


def test_systemd_finds_little_exposure_in_a_session(calm: Device) -> None:
    said = calm.output(f"systemd-analyze security --no-pager '{NAME}@x.service'")
    found = re.search(r"Overall exposure level .*?: ([\d.]+)", said)
    assert found, said
    assert float(found[1]) <= EXPOSURE_AT_MOST, said


def test_the_units_are_what_systemd_takes_without_a_complaint(calm: Device) -> None:
    said = calm.run(f"systemd-analyze verify /lib/systemd/system/{NAME}*", check=False).stdout
    assert NAME not in said, said
    assert not re.search(rf"{NAME}.*(Unknown|Failed to parse|ignoring)", calm.journal("-b"))


def test_a_sessions_processes_have_no_privilege(calm: Device) -> None:
    with Target(echo) as target:
        session = established(calm.cloud, target)
        pids = calm.output("pgrep -f '^/usr/bin/c8y-remote-access-connect|^c8y-ra-' "
                           "|| pgrep c8y-ra-").split()
        assert len(pids) >= 2, pids
        tedge = calm.output("id -u tedge")
        for pid in pids:
            status = dict(line.split(":\t", 1) for line in
                          calm.output(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)
            assert status["Uid"].split() == [tedge] * 4
            assert status["NoNewPrivs"] == "1"
            assert {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} \
                == {"0" * 16}
            assert status["Seccomp"] == "2"
        check_carries(session)
    assert "dropped capabilities" not in calm.journal()  # as if one had been there


def test_a_session_survives_the_restart_of_the_mapper(calm: Device) -> None:
    with Target(echo) as target:
        session = established(calm.cloud, target)
        declared = len(calm.declarations())
        calm.runs(len(calm.cloud.operations))  # else the mapper takes this one's line along
        calm.run(f"systemctl restart {MAPPER}")
        calm.wait_declared(lambda names: True, since=declared)
        check_carries(session, b"after the restart")
    assert session.operation.statuses[-1] == "SUCCESSFUL"


def test_a_session_ends_with_1001_when_its_instance_is_stopped(calm: Device) -> None:
    with Target(wait_for_end) as target:
        first, second = established(calm.cloud, target), established(calm.cloud, target)
        wait_until(lambda: len(calm.instances()) == 2, 5, "two instances")
        for unit in calm.instances():
            calm.run(f"systemctl stop {unit}")
        for session in (first, second):
            closed = session.wait_closed(5)
            assert (closed.code, closed.by) == (1001, "device")
        target.wait_ended(2)


@pytest.mark.parametrize("verb", ["restart", "stop"])
def test_what_happens_to_the_socket_leaves_sessions_alone(calm: Device, verb: str) -> None:
    with Target(echo) as target:
        session = established(calm.cloud, target)
        calm.run(f"systemctl {verb} {SOCKET}")
        try:
            check_carries(session, b"still here")
        finally:
            calm.run(f"systemctl start {SOCKET}")
        check_carries(session, b"and here")


def test_without_the_socket_the_plugin_forks_and_says_so(calm: Device) -> None:
    before = len(calm.cloud.operations)  # not the runs so far: the last one's line may be late
    calm.run(f"systemctl stop {SOCKET}")
    try:
        with Target(echo) as target:
            session = established(calm.cloud, target)
            check_carries(session)
            assert calm.instances() == []
            run = calm.runs(before + 1)[-1]
            assert run["exit_code"] == 0
            assert "no session socket" in run["stderr"], run
            session.close()
            target.wait_ended()
        wait_until(lambda: calm.run("pgrep c8y-ra-", check=False).stdout == "", 5, "its end")
    finally:
        calm.run(f"systemctl start {SOCKET}")
    check_serves(calm)


@pytest.mark.alone
def test_three_hundred_connects_in_two_seconds_leave_the_socket_listening(calm: Device) -> None:
    calm.run("python3 -m system.inside.crowd 300", timeout=60)
    assert calm.is_listening()
    calm.wait_no_instances(30)
    check_serves(calm)


def test_one_session_too_many_is_answered_not_dropped(calm: Device) -> None:
    calm.own("[limits]\nsessions = 2\n")
    try:
        with Target(echo) as target:
            for _ in range(2):
                established(calm.cloud, target)
            refused = calm.cloud.create_operation("127.0.0.1", target.port)
            assert refused.wait_final(10) == "FAILED"
            assert "limits.sessions" in refused.reason, refused.reason
    finally:
        calm.own("")


def test_instances_are_collected_and_the_run_folder_stays(calm: Device) -> None:
    inode = calm.output(f"stat -c %i {RUN_FOLDER}")
    for _ in range(3):
        check_serves(calm)
    # Also one that ends in failure: killed, as by the memory limit.
    with Target(wait_for_end) as target:
        session = established(calm.cloud, target)
        [unit] = calm.instances()
        calm.run(f"systemctl kill --signal=KILL {unit}")
        session.wait_closed(5)
    calm.wait_no_instances()
    assert calm.output(f"stat -c %i {RUN_FOLDER}") == inode
    assert calm.owner_and_mode(RUN_FOLDER) == "tedge:tedge 700"


def test_the_journal_holds_the_session_by_identifier_and_by_unit(calm: Device) -> None:
    with Target(echo) as target:
        session = established(calm.cloud, target)
        [unit] = calm.instances()
        session.close()
        target.wait_ended()
    calm.wait_no_instances()
    for words in (f"-t {NAME}", f"-u {unit}"):
        wait_until(lambda words=words: "ended" in calm.journal(words), 5, f"journalctl {words}")
        text = calm.journal(words)
        assert "asked" in text and "established" in text, text
        assert session.operation.key not in text


def test_a_stopped_socket_leaves_no_file_behind(calm: Device) -> None:
    """Nobody connects in vain to one that no longer listens."""
    calm.run(f"systemctl stop {SOCKET}")
    try:
        assert not calm.path(f"/run/{NAME}.sock").exists()
    finally:
        calm.run(f"systemctl start {SOCKET}")


@pytest.mark.skipif(not LANDLOCK_WORKS, reason="this machine's kernel or container has no Landlock")
def test_the_unit_lets_the_sandbox_be_built(calm: Device) -> None:
    """Every directive of the unit, another program: the three calls, and that they bite."""
    drop_in = f"/run/systemd/system/{NAME}@probe.service.d"
    calm.run(f"mkdir -p {drop_in} && printf '[Service]\\nExecStart=\\nStandardInput=null\\n"
             "ExecStart=/usr/bin/python3 -B /opt/tests/system/inside/sandbox_probe.py\\n' "
             f">{drop_in}/probe.conf && systemctl daemon-reload")
    try:
        started = calm.run(f"systemctl start --wait '{NAME}@probe.service'", check=False)
        wait_until(lambda: "sandbox: done" in calm.journal(f"-u '{NAME}@probe.service'"), 5,
                   f"the probe's last line in the journal ({started.stdout})")
    finally:
        calm.run(f"rm -r {drop_in}; systemctl daemon-reload; "
                 f"systemctl reset-failed '{NAME}@probe.service'", check=False)


@pytest.mark.skipif(not LANDLOCK_WORKS, reason="this machine's kernel or container has no Landlock")
def test_a_device_that_requires_the_whole_sandbox_is_served_by_the_unit(calm: Device) -> None:
    """Session and forwarder say themselves that nothing of it is missing inside the unit."""
    calm.own('sandbox = "required"\n')
    try:
        check_serves(calm)
    finally:
        calm.own("")


@pytest.mark.parametrize("root_cert_path", [None, "/etc/tedge/plugins"])
def test_a_cloud_that_the_system_trusts_is_trusted_inside_the_unit(
        calm: Device, root_cert_path: str | None) -> None:
    """Debian's own store, a folder of links to others; whatever c8y.root_cert_path says."""
    settings, added = calm.path("/etc/tedge/tedge.toml"), "/usr/local/share/ca-certificates/a.crt"
    before = settings.read_text()
    line = f'c8y.root_cert_path = "{root_cert_path}"\n' if root_cert_path else ""
    try:
        calm.run(f"cp /etc/tedge/device-certs/cloud.pem {added} && update-ca-certificates")
        settings.write_text(re.sub(r"(?m)^c8y\.root_cert_path.*\n", line, before))
        check_serves(calm)
    finally:
        settings.write_text(before)
        calm.run(f"rm {added} && update-ca-certificates --fresh")


def test_memory_and_tasks_of_a_session_are_fenced(calm: Device) -> None:
    with Target(echo) as target:
        established(calm.cloud, target)
        [unit] = calm.instances()
        limits = calm.unit(unit, "MemoryMax", "TasksMax", "KillMode", "CollectMode", "User")
    assert int(limits["MemoryMax"]) <= 256 << 20 and int(limits["TasksMax"]) <= 256
    assert limits["CollectMode"] == "inactive-or-failed" and limits["User"] == "tedge"


def test_only_thin_edges_group_reaches_the_socket(calm: Device) -> None:
    connect = ("import socket; socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)"
               f".connect('/run/{NAME}.sock')")
    assert calm.run(f'python3 -c "{connect}"', user="tedge", check=False).returncode == 0
    refused = calm.run(f'python3 -c "{connect}"', user="nobody", check=False)
    assert "PermissionError" in refused.stdout
    calm.wait_no_instances(15)
