# SPDX-License-Identifier: Apache-2.0
"""A device at the end of its means: descriptors, processes, memory, disk. Each operation ends in
time: served, or FAILED with the cause, or, where not even that can be published, with exit status 3
and a line that says why (the cloud sends it again). Nothing is left."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from cloud import Cloud, Session

from .harness.device import Device
from .harness.expect import (FAILURE, SUCCESS, check_carries, check_failure, established, opened,
                             run_directly)
from .harness.mapper import Run
from .harness.memory_group import memory_group
from .harness.small_disk import SmallDisk, small_disk, unused_user
from .harness.targets import Target, echo
from .harness.waiting import wait_until
from .harness.socket_unit import listening

LOADER = 127  # the dynamic linker already had not enough


def check_outcome(session: Session, run: Run, cause: str, within: float,
                  unpublished: tuple[str, ...] = ("PENDING",)) -> str:
    """One of the three ends, with its marks."""
    run.finish(within)
    assert run.exit_code in (0, 1, 3, LOADER), run
    if run.exit_code in (3, LOADER):
        assert session.operation.status in unpublished, (run, session.operation.statuses)
        assert run.exit_code == LOADER or re.search(cause, run.stderr.decode()), run
        return "not published"
    final = session.operation.wait_final(5)
    assert session.operation.statuses == (SUCCESS if run.exit_code == 0 else FAILURE), run
    if final == "SUCCESSFUL":
        session.wait_device(5)
        check_carries(session)
        session.close()
    else:
        assert re.search(f"{cause}|ended unexpectedly", session.operation.reason), run
    return final


def limited(cloud: Cloud, device: Device, target: Target, option: str,
            values: list[int]) -> list[tuple[Session, Run]]:
    """An operation for each value of the limit, all at once."""
    started = []
    for value in values:
        device.mapper.wrapper = [b"prlimit", b"--core=0", b"--%s=%d" % (option.encode(), value)]
        session = cloud.open("127.0.0.1", target.port, delivery=None)
        started.append((session, run_directly(device, session.operation.json())))
    device.mapper.wrapper = []
    return started


@pytest.mark.release_only  # a sanitizer needs more of everything
@pytest.mark.device(form="json", login="certificate")
def test_out_of_descriptors_every_operation_ends_with_that_reason(
        cloud: Cloud, device: Device) -> None:
    device.own('limits.connect = "2s"\n')
    with Target(echo) as target:
        started = limited(cloud, device, target, "nofile", list(range(3, 19)))
        ends = [check_outcome(session, run, "Too many open files|no answer within|not reachable",
                              within=12) for session, run in started]
        wait_until(lambda: not device.processes(), 10, "the end of all processes")
        # The journal has what a process could not tell the next one.
        assert "Too many open files" in device.journal.text
        assert {"not published", "FAILED", "SUCCESSFUL"} == set(ends), ends
        assert ends[-1] == "SUCCESSFUL"
        reasons = [session.operation.reason for session, _ in started]
        assert any("LimitNOFILE" in reason for reason in reasons), reasons
        assert not any("not reachable: Too many" in reason for reason in reasons), reasons
        assert device.leftovers() == []


@pytest.mark.release_only
@pytest.mark.device(form="json", login="certificate")
def test_out_of_memory_every_operation_ends(cloud: Cloud, device: Device) -> None:
    device.own('limits.connect = "2s"\n')
    with Target(echo) as target:
        values = [megabytes << 20 for megabytes in (8, 13, 16, 24, 32, 64)]
        started = limited(cloud, device, target, "as", values)
        ends = [check_outcome(session, run, "emory|alloc|no answer within", within=15)
                for session, run in started]
        wait_until(lambda: not device.processes(), 10, "the end of all processes")
        assert ends[0] == "not published" and ends[-1] == "SUCCESSFUL", ends
        assert device.leftovers() == []


@pytest.mark.release_only
@pytest.mark.violations  # killed between the broker's acknowledgement and the next word: said twice
def test_whoever_is_killed_for_its_memory_leaves_no_operation_executing(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    """The kernel chooses whom: plugin, session or forwarder."""
    device = make_device(form="json", login="certificate")
    device.own('limits.duration = "1s"\n')  # a tunnel may stand without its plugin
    device.start()
    device.session_killed = True
    exits = set()
    with Target(echo) as target:
        for kilobytes in (600, 1500, 2200, 2400, 2600, 16000):
            session = cloud.open("127.0.0.1", target.port, delivery=None)
            with memory_group(kilobytes << 10) as device.mapper.wrapper:
                run = run_directly(device, session.operation.json()).finish(30)
                wait_until(lambda: not device.processes(), 15, "the end of all processes")
            exits.add(run.exit_code)
        device.mapper.wrapper = []
        check_carries(established(cloud, target, "json"))
        wait_until(lambda: not any(operation.status == "EXECUTING"
                                   for operation in cloud.operations), 5, "every final status")
        wait_until(lambda: not device.processes(), 5, "the end of the last session")
    assert {-9, 0} <= exits
    assert device.leftovers() == []


@pytest.fixture
def own_user(make_device: Callable[..., Device]) -> Device:
    """A device whose mapper is a user that has no other process."""
    device = make_device(form="json")
    device.own('limits.connect = "2s"\n')
    device.write_settings()
    device.run_as(unused_user())
    return device.start()


@pytest.mark.release_only
@pytest.mark.timeout(120)  # where Paho gets one of its threads only, a session tries for a minute
@pytest.mark.violations  # what the next start then tells may never have begun
@pytest.mark.parametrize("most", [1, 3, 5, 20])  # plugin, session, forwarder, Paho's threads
def test_out_of_processes_every_operation_ends_with_that_reason(
        cloud: Cloud, own_user: Device, most: int) -> None:
    with Target(echo) as target:
        session, run = limited(cloud, own_user, target, "nproc", [most])[0]
        end = check_outcome(session, run, "too many processes|no answer within", within=12,
                            unpublished=("PENDING", "EXECUTING"))
        if most == 1:
            assert end == "not published" and b"fork: Resource temporarily" in run.stderr
        assert most != 20 or end == "SUCCESSFUL", run
        session.close()
        wait_until(lambda: not own_user.processes(), 70, "the end of all processes")
        following = established(cloud, target, "json")
        following.close()
        wait_until(lambda: session.operation.status != "EXECUTING", 5, "every final status")
        wait_until(lambda: not own_user.processes(), 10, "the end of the last session")
        assert own_user.leftovers() == []


@pytest.mark.release_only
def test_a_session_that_cannot_fork_its_forwarder_fails_with_that_reason(
        cloud: Cloud, own_user: Device) -> None:
    """The session of the socket has a limit of its own."""
    user = str(own_user.mapper.user)
    own_user.mapper.user = None  # the plugin is root's
    with listening(own_user, wrapper=["setpriv", "--reuid", user, "--clear-groups", "prlimit",
                                      "--nproc=1"]), Target(echo) as target:
        operation = cloud.create_operation("127.0.0.1", target.port, delivery="json")
        check_failure(operation, own_user.mapper.wait_runs()[0],
                      r"fork: Resource temporarily unavailable \(too many processes", within=4)
        assert target.connections == []


FULL: dict[str, Callable[[SmallDisk], None]] = {
    "full": SmallDisk.fill, "out of names": SmallDisk.use_up_names,
    "read-only": SmallDisk.make_read_only}


def on(disk: SmallDisk, device: Device) -> None:
    device.settings["data.path"] = str(disk.folder / "data")
    (disk.folder / "data").mkdir()


@pytest.mark.parametrize("form", ["smartrest", "json"])
@pytest.mark.parametrize("state", FULL)
def test_a_device_whose_disk_is_full_or_read_only_is_served_and_says_so(
        cloud: Cloud, make_device: Callable[..., Device], state: str, form: str) -> None:
    device = make_device(form=form)
    with small_disk(device.run_path) as disk, Target(echo) as target:
        on(disk, device)
        FULL[state](disk)
        device.start()
        session = opened(cloud, target, form)
        check_carries(session)
        assert session.operation.wait_final(10) == "SUCCESSFUL"
        assert device.mapper.wait_runs()[0].finish().exit_code == 0
        device.journal.wait_for("without a seat")
        session.close()
        wait_until(lambda: not device.processes(), 5, "the end of the session")
        if state != "read-only":
            disk.clear()
        assert device.leftovers() == []
    assert session.operation.statuses == SUCCESS


@pytest.mark.parametrize("state", FULL)
def test_a_disk_that_fills_up_or_goes_read_only_during_a_session_ends_nothing(
        cloud: Cloud, make_device: Callable[..., Device], state: str) -> None:
    device = make_device()
    with small_disk(device.run_path) as disk, Target(echo) as target:
        on(disk, device)
        device.start()
        first = established(cloud, target)
        FULL[state](disk) if state != "read-only" else disk.fill()
        check_carries(first, bytes(range(256)) * 1000)
        following = established(cloud, target)
        check_carries(following)
        first.close()
        following.close()
        wait_until(lambda: not device.processes(), 5, "the end of both sessions")
        device.journal.wait_for(r"ended by .*: 256000 bytes to the cloud, 256000 bytes")
        disk.clear()
        assert device.leftovers() == []
    assert following.operation.statuses == SUCCESS
