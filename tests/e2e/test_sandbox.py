# SPDX-License-Identifier: Apache-2.0
"""What the kernel says of the locked-in processes, and what happens where it cannot lock them in."""

from __future__ import annotations

import os
import pwd
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud import Cloud, Upgrade

from .harness import executable
from .harness.device import Device
from .harness.expect import SUCCESS, check_carries, check_failure, established
from .harness.kernel import OUTER_FILTERS, landlock_version, needs_landlock
from .harness.processes import Process
from .harness.targets import Target, echo, wait_for_end
from .harness.waiting import wait_until

pytestmark = pytest.mark.release_only  # sanitizers need what the sandbox takes
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has anything to give up")

FORWARDER_LIMITS = {"Max core file size": "0", "Max file size": "0", "Max processes": "0",
                    "Max address space": str(1152 << 20)}
DAC_OVERRIDE, KILL = 1 << 1, 1 << 5  # linux/capability.h


def check_locked_in(process: Process, filters: int) -> None:
    assert process.status("NoNewPrivs") == "1"
    assert process.status("Seccomp") == "2"
    assert process.status("Seccomp_filters") == str(OUTER_FILTERS + filters)


def capabilities(process: Process) -> set[int]:
    return {int(process.status("Cap" + which), 16) for which in ("Inh", "Prm", "Eff", "Bnd", "Amb")}


def test_the_forwarder_is_locked_in_before_the_cloud_answers_and_more_when_it_has(
        cloud: Cloud, device: Device) -> None:
    cloud.behaviour.upgrade = Upgrade(delay=0.5)
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        wait_until(lambda: cloud.upgrades, 10, "the request")
        forwarder = device.process("forwarder")
        check_locked_in(forwarder, filters=1)
        assert int(forwarder.limit("Max open files")) <= 32
        session.wait_device(10)
        wait_until(lambda: forwarder.status("Seccomp_filters") == str(OUTER_FILTERS + 2), 5, "the second step")
        check_locked_in(forwarder, filters=2)
        assert forwarder.limit("Max open files") == "0"
        assert {name: forwarder.limit(name) for name in FORWARDER_LIMITS} == FORWARDER_LIMITS
        check_carries(session)
        if landlock_version() > 0:
            assert "sandbox" not in device.journal.text  # nothing is missing here


def test_the_limit_of_memory_leaves_room_for_the_longest_frame(
        cloud: Cloud, device: Device) -> None:
    """What a continuation frame announces is reserved, up to 1 GiB, although little of it comes."""
    with Target(echo) as target:
        session = established(cloud, target)
        session.send_raw(b"\x02\x01a" + b"\x00\x7f" + struct.pack(">Q", (1 << 30) - 1) + b"bcd")
        forwarder = device.process("forwarder")
        assert session.recv_exact(4, timeout=5) == b"abcd"
        assert forwarder.memory("VmHWM") < 64 << 20
        session.drop()
        target.wait_ended()


@pytest.fixture
def more_groups() -> Iterator[None]:
    """What root has beside its own group on a real machine."""
    before = os.getgroups()
    os.setgroups([*before, 4, 27])
    yield
    os.setgroups(before)


@as_root
@pytest.mark.usefixtures("more_groups")
@pytest.mark.parametrize("user", ["daemon", "no-such-user", "root"])
def test_a_forwarder_that_root_started_is_root_no_more(
        cloud: Cloud, make_device: Callable[..., Device], user: str) -> None:
    device = make_device()
    (device.config_dir / "system.toml").write_text(f'user = "{user}"\ngroup = "{user}"\n')
    device.start()
    expected = pwd.getpwnam(user if user == "daemon" else "nobody")
    with Target(echo) as target:
        check_carries(established(cloud, target))
        forwarder = device.process("forwarder")
        assert set(forwarder.status("Uid").split()) == {str(expected.pw_uid)}
        assert set(forwarder.status("Gid").split()) == {str(expected.pw_gid)}
        assert forwarder.status("Groups") == ""
        assert capabilities(forwarder) == {0}
        # Of the kernel's files about a process that cannot be dumped or traced, root is the owner.
        assert Path(f"/proc/{forwarder.pid}/mem").stat().st_uid == 0


@as_root
def test_a_session_that_root_started_keeps_what_its_end_needs(
        cloud: Cloud, device: Device) -> None:
    """To reach its seat and kill its forwarder, both of which may be another user's."""
    with Target(echo) as target:
        established(cloud, target)
        session = device.process("session")
        check_locked_in(session, filters=1)
        assert capabilities(session) == {0, DAC_OVERRIDE | KILL}
        assert int(session.status("CapInh"), 16) == int(session.status("CapAmb"), 16) == 0


def test_what_the_seat_of_a_session_leaves_is_removed_by_a_locked_in_session(
        cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        session = established(cloud, target)
        seats = device.run_path / "c8y-remote-access-connect"
        assert list(seats.glob("*.seat"))
        session.close()
        wait_until(lambda: not list(seats.glob("*.seat")), 5, "the end of the seat")


@pytest.fixture
def certificates() -> Iterator[Path]:
    """A folder that anybody may reach, unlike pytest's."""
    folder = Path(tempfile.mkdtemp(prefix="ra-ca-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def rehashed(cloud: Cloud, folder: Path) -> Path:
    """A trust folder with hash links, one of which leads to a file elsewhere."""
    store, trusted = folder / "store", folder / "trusted"
    store.mkdir()
    trusted.mkdir()
    shutil.copy(cloud.ca_file, store / "ca.pem")
    (trusted / "ca.pem").symlink_to(store / "ca.pem")
    subprocess.run(["openssl", "rehash", str(trusted)], check=True, timeout=10)
    assert len(list(trusted.iterdir())) == 2
    return trusted


@needs_landlock
def test_a_certificate_is_looked_up_through_the_links_of_a_trust_folder(
        cloud: Cloud, make_device: Callable[..., Device], certificates: Path) -> None:
    device = make_device()
    device.settings["c8y.root_cert_path"] = str(rehashed(cloud, certificates))
    device.own('sandbox = "required"\n')
    device.start()
    with Target(echo) as target:
        check_carries(established(cloud, target))


@as_root
def test_a_trust_folder_that_only_root_can_reach_is_read_before_root_is_left(
        cloud: Cloud, make_device: Callable[..., Device], certificates: Path) -> None:
    folder = rehashed(cloud, certificates)
    folder.chmod(0o700)
    device = make_device()
    device.settings["c8y.root_cert_path"] = str(folder)
    device.start()
    with Target(echo) as target:
        check_carries(established(cloud, target))
        assert device.process("forwarder").status("Uid").split()[0] != "0"


def without(device: Device, pieces: str) -> Device:
    """On a kernel, or in a container, that has none of it."""
    device.mapper.environment |= {"LD_PRELOAD": str(executable.intruder()),
                                  "EXPLOIT_WITHOUT": pieces}
    return device


@pytest.mark.parametrize("piece", ["landlock", "seccomp"])
def test_a_missing_piece_is_said_once_a_process_and_the_session_goes_on(
        cloud: Cloud, make_device: Callable[..., Device], piece: str) -> None:
    device = without(make_device(), piece).start()
    with Target(echo) as target:
        session = established(cloud, target)
        check_carries(session)
        session.close()
        device.journal.wait_for("ended")
    lines = [line for line in device.journal.text.splitlines() if "sandbox: " in line]
    for process in ("session", "forwarder"):
        said = [line for line in lines if f"the {process} runs without: " in line]
        assert len(said) == 1
        assert piece in said[0].lower()
    assert len(lines) == 2
    assert session.operation.statuses == SUCCESS


@needs_landlock
@pytest.mark.parametrize("piece", ["landlock", "seccomp"])
def test_a_missing_piece_that_is_required_fails_the_operation(
        cloud: Cloud, make_device: Callable[..., Device], piece: str) -> None:
    device = without(make_device(), piece)
    device.own('sandbox = "required"\n')
    device.start()
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        check_failure(operation, device.mapper.wait_runs()[0],
                      rf"cannot lock in .*missing: (?i:{piece})[^,]* \(sandbox = .required.",
                      within=3)
        wait_until(lambda: not device.processes(), 5, "the end of session and forwarder")
        assert cloud.upgrades == []


@as_root
@pytest.mark.parametrize("mode", ["auto", pytest.param("required", marks=needs_landlock)])
def test_a_forwarder_that_cannot_stop_being_root_says_so_or_refuses(
        cloud: Cloud, make_device: Callable[..., Device], mode: str) -> None:
    device = without(make_device(), "another-user")
    device.own(f'sandbox = "{mode}"\n')
    device.start()
    with Target(echo) as target:
        if mode == "required":
            operation = cloud.create_operation("127.0.0.1", target.port)
            check_failure(operation, device.mapper.wait_runs()[0], "cannot lock in its remote "
                          "access forwarder, missing: a user other than root: ", within=3)
            wait_until(lambda: not device.processes(), 5, "the end of session and forwarder")
            assert cloud.upgrades == []
        else:
            check_carries(established(cloud, target))
            device.journal.wait_for("sandbox: the forwarder runs without: a user other than root")
            assert capabilities(device.process("forwarder")) == {0}


@needs_landlock
def test_with_every_piece_there_required_changes_nothing(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.own('sandbox = "required"\n')
    device.start()
    with Target(echo) as target:
        check_carries(established(cloud, target))
