# SPDX-License-Identifier: Apache-2.0
"""Several operations at the same time, and the same one twice."""

from __future__ import annotations

import fcntl
import time
from collections import Counter
from collections.abc import Callable

import pytest

from cloud import Cloud, Connection, Session, Upgrade

from .harness import executable
from .harness.device import Device
from .harness.expect import (FAILURE, SUCCESS, check_carries, check_failure, established,
                             run_directly)
from .harness.gate import Gate
from .harness.targets import Target, echo, refusing_port
from .harness.waiting import wait_until

def ten(cloud: Cloud, good: int, bad: int, delivery: str) -> tuple[list[Session], list[Session]]:
    """Alternating, as fast as they can be published."""
    opened = [cloud.open("127.0.0.1", port, delivery=delivery)
              for _ in range(5) for port in (good, bad)]
    return opened[0::2], opened[1::2]


@pytest.mark.device(form="json")
def test_ten_json_operations_at_once_get_each_its_own_status(
        cloud: Cloud, device: Device) -> None:
    with Target(echo) as target, refusing_port() as refusing:
        good, bad = ten(cloud, target.port, refusing, "json")
        for number, session in enumerate(good):
            session.wait_device(30)
            session.send(b"%d" % number)  # no tunnel carries another one's bytes
        assert [session.recv_exact(1, timeout=5) for session in good] == [
            b"%d" % number for number in range(5)]
        for session in good + bad:
            session.operation.wait_final(30)
        runs = [run.finish(30) for run in device.mapper.wait_runs(10)]
    assert [session.operation.statuses for session in good] == [SUCCESS] * 5
    assert [session.operation.statuses for session in bad] == [FAILURE] * 5
    assert all(f"127.0.0.1:{refusing}: connection refused" in session.operation.reason
               for session in bad)
    assert Counter(run.exit_code for run in runs) == {0: 5, 1: 5}


@pytest.mark.parametrize("statuses", ["as they come", "after all has been decided"])
def test_ten_smartrest_operations_at_once_are_counted_right(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device], statuses: str) -> None:
    """By name no status can say whose it is; but none is lost, doubled or left over."""
    device = make_device(gated=True).start()
    if statuses == "after all has been decided":
        gate.hold()
    with Target(echo) as target, refusing_port() as refusing:
        good, bad = ten(cloud, target.port, refusing, "smartrest")
        if statuses == "after all has been decided":
            for session in good:
                session.wait_device(30)
            gate.release()
        for session in good + bad:
            session.operation.wait_final(40)
        runs = [run.finish(30) for run in device.mapper.wait_runs(10)]
    # One process at a time from EXECUTING to the end: a by-name status cannot say whose it is.
    spoken = [message.payload[:3] for message in cloud.status_messages]
    assert set(spoken[0::2]) == {"501"} and set(spoken[1::2]) <= {"502", "503"}, spoken
    finals = Counter(operation.status for operation in cloud.operations)
    codes = Counter(run.exit_code for run in runs)
    assert finals == {"SUCCESSFUL": codes[0], "FAILED": codes[1]}
    assert all(operation.statuses in (SUCCESS, FAILURE) for operation in cloud.operations)
    # A FAILED that hits one that still connects makes the cloud forget its key: it fails too.
    assert codes[0] + codes[1] == 10 and codes[1] >= 5
    if statuses == "after all has been decided":
        assert codes == {0: 5, 1: 5}


def test_one_that_connects_slowly_does_not_delay_another(cloud: Cloud, device: Device) -> None:
    """The status window is held for the words, not for the deeds."""
    cloud.behaviour.upgrades = [Upgrade(delay=4)]
    with Target(echo) as target:
        slow = cloud.open("127.0.0.1", target.port)
        wait_until(lambda: cloud.upgrades, 10)
        quick = cloud.open("127.0.0.1", target.port)
        quick.wait_device(3)
        check_carries(quick)
        for session in (slow, quick):
            assert session.operation.wait_final(15) == "SUCCESSFUL"


@pytest.mark.parametrize("when", ["at once", "while connecting", "while it runs"])
@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_the_same_operation_twice_makes_one_session(
        cloud: Cloud, make_device: Callable[..., Device], form: str, when: str) -> None:
    device = make_device(form=form).start()
    if when == "while connecting":
        cloud.behaviour.upgrades = [Upgrade(delay=1)]
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port, delivery=None)
        payload = session.operation.smartrest() if form == "smartrest" else session.operation.json()
        first = run_directly(device, payload)
        if when == "while connecting":
            wait_until(lambda: cloud.upgrades, 10)
        if when == "while it runs":
            first.finish()
        second = run_directly(device, payload)
        session.wait_device(10)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
        assert (first.finish().exit_code, second.finish().exit_code) == (0, 0)
        assert len(target.connections) == 1
        assert len(cloud.upgrades) == 1
    assert session.operation.statuses == SUCCESS
    assert len(cloud.status_messages) == 2


def test_an_operation_redelivered_by_the_cloud_makes_one_session(
        cloud: Cloud, device: Device) -> None:
    """thin-edge asks for pending operations whenever its bridge comes up (500)."""
    cloud.behaviour.upgrades = [Upgrade(delay=1)]
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        for _ in range(3):
            cloud.deliver(session.operation, "smartrest")
        session.wait_device(10)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
        runs = [run.finish() for run in device.mapper.wait_runs(4)]
        assert [run.exit_code for run in runs] == [0] * 4
        assert len(target.connections) == 1


@pytest.mark.parametrize("when", ["before EXECUTING", "while connecting", "while it runs"])
@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_an_operation_redelivered_to_a_restarted_mapper_makes_one_session(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device], form: str,
        when: str) -> None:
    """Its plugins die with the mapper; sessions too, but for those that systemd has started."""
    device = make_device(gated=True, form=form).start()
    cloud.behaviour.upgrades = [Upgrade(delay=2)] if when == "while connecting" else []
    if when == "before EXECUTING":
        gate.hold(b"504," if form == "json" else b"501,")
        cloud.behaviour.connections = [Connection(delay=30)]  # its key is not used yet
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port, delivery=None)
        payload = session.operation.smartrest() if form == "smartrest" else session.operation.json()
        first = run_directly(device, payload)
        if when == "before EXECUTING":
            assert gate.marked.wait(10)
            wait_until(lambda: target.connections, 10)
            device.session_killed = True  # the next one removes its seat
            for process in device.processes():
                process.kill()
            wait_until(lambda: not device.processes(), 5)
            gate.release()
        elif when == "while connecting":
            session.operation.wait_status("EXECUTING")
            wait_until(lambda: cloud.upgrades, 10)
            time.sleep(0.5)  # and the session knows it: else it publishes that again, to be sure
            first.signal(9)
        else:
            assert session.operation.wait_final(10) == "SUCCESSFUL"
        first.finish()
        second = run_directly(device, payload)
        assert second.finish(20).exit_code == 0
        assert session.operation.wait_final(10) == "SUCCESSFUL"
        check_carries(session)
        assert len(cloud.upgrades) == 1
        assert len(target.connections) == (2 if when == "before EXECUTING" else 1)
    assert session.operation.statuses == SUCCESS


@pytest.mark.parametrize("status", [404, 409, 410])
@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_an_operation_whose_key_is_used_up_fails_clearly_and_reaches_nobody(
        cloud: Cloud, device_of: Callable[[str], Device], form: str, status: int) -> None:
    """The cloud has it PENDING although its session is over (another operation got its status).
    A device that kept its keys in mind and was silent would leave it so for ever."""
    device = device_of(form)
    cloud.behaviour.bad_key_status = status
    with Target(echo) as target:
        session = established(cloud, target, form)
        session.close()
        target.wait_ended()
        wait_until(lambda: not device.processes(), 5, "the end of the first session")
        operation = session.operation
        operation.move("PENDING")
        operation.history.clear()
        operation.move("PENDING")
        run = run_directly(device, operation.smartrest() if form == "smartrest" else operation.json())
        run.finish()
        check_failure(operation, run, f"refused with HTTP {status}.*may have expired: try again", 5)
        assert len(cloud.upgrades) == 2  # asked once, and not again
        target.wait_ended(2)


@pytest.fixture
def device_of(make_device: Callable[..., Device]) -> Callable[[str], Device]:
    return lambda form: make_device(form=form).start()


def test_a_seat_is_not_done_without_because_others_are_taking_theirs(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    """Else the limit of sessions would be gone just when many ask at once."""
    device = make_device()
    device.own('limits.connect = "2s"\n')
    device.start()
    with Target(echo) as target:
        established(cloud, target)
        with (device.run_path / executable.NAME / "seats.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            operation = cloud.create_operation("127.0.0.1", target.port)
            check_failure(operation, device.mapper.wait_runs(2)[1],
                          r"seats\.lock was held by other processes for 1s", within=6)
        established(cloud, target)


def test_sixteen_sessions_run_side_by_side(cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        sessions = [cloud.open("127.0.0.1", target.port) for _ in range(16)]
        for number, session in enumerate(sessions):
            session.wait_device(40)
            session.send(b"%04d" % number)
        assert [session.recv_exact(4, timeout=10) for session in sessions] == [
            b"%04d" % number for number in range(16)]
        for session in sessions:
            assert session.operation.wait_final(40) == "SUCCESSFUL"
