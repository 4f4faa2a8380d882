# SPDX-License-Identifier: Apache-2.0
"""SIGTERM, as systemd stops a session's unit or everything that the mapper's service started: the
session says goodbye to the cloud, the operation gets its status, and nothing is left."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from signal import SIGCONT, SIGSTOP, SIGTERM

import pytest

from cloud import Cloud, Session, Upgrade

from .harness.device import Device
from .harness.expect import FAILURE, SUCCESS, check_carries, established
from .harness.gate import Gate
from .harness.targets import Target, echo, wait_for_end
from .harness.waiting import wait_until
from .harness.socket_unit import listening

SERVING = [["session"], ["forwarder"], ["session", "forwarder"], ["forwarder", "session"]]
STOPPED = "the session was stopped on this device"


def stop(device: Device, roles: list[str]) -> None:
    for process in [device.process(role) for role in roles]:  # type: ignore[arg-type]
        process.signal(SIGTERM)


def check_goodbye(session: Session, within: float = 3) -> None:
    closed = session.wait_closed(within)
    assert (closed.by, closed.code) == ("device", 1001), closed


def connecting(cloud: Cloud, target: Target, form: str = "smartrest") -> Session:
    """A session that the cloud keeps waiting, EXECUTING."""
    cloud.behaviour.upgrade = Upgrade(delay=30)
    session = cloud.open("127.0.0.1", target.port, delivery=form)
    session.operation.wait_status("EXECUTING")
    wait_until(lambda: cloud.upgrades, 10, "the request")
    time.sleep(0.3)  # the plugin has the broker's acknowledgement and passes it on
    return session


@pytest.mark.parametrize("roles", SERVING, ids="+".join)
def test_an_established_session_ends_with_1001_and_the_log_says_who_did_it(
        cloud: Cloud, device: Device, roles: list[str]) -> None:
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        device.mapper.wait_runs()[0].finish()
        stop(device, roles)
        check_goodbye(session)
        target.wait_ended(timeout=3)
        assert target.errors == []  # an end of stream, no reset
        wait_until(lambda: not device.processes(), 3, "the end of both processes")
    device.journal.wait_for(r"asked to stop by SIGTERM of process \d+, user 0")
    device.journal.wait_for(r"ended by this device \(.*stopped on the device\)")
    assert session.operation.statuses == SUCCESS
    assert len(cloud.status_messages) == 2


def test_what_was_under_way_to_the_target_arrives_when_the_session_is_stopped(
        cloud: Cloud, device: Device) -> None:
    received, text = bytearray(), bytes(range(256)) * 800

    def late_reader(connection: socket.socket) -> None:
        time.sleep(1)
        while data := connection.recv(65536):
            received.extend(data)

    with Target(late_reader, receive_buffer=4096) as target:
        session = established(cloud, target)
        session.send(text)
        stop(device, ["session", "forwarder"])
        check_goodbye(session, within=5)
        target.wait_ended(timeout=5)
    assert bytes(received) == text


def test_a_target_that_takes_nothing_holds_a_stopped_session_for_limits_drain_at_most(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.own('limits.drain = "1s"\n')
    device.start()
    with Target(lambda connection: time.sleep(8), receive_buffer=4096) as target:
        session = established(cloud, target)
        session.send(bytes(200_000))
        stopped = time.monotonic()
        stop(device, ["session"])
        wait_until(lambda: not device.processes(), 5, "the end of both processes")
        assert 0.8 < time.monotonic() - stopped < 2.5


@pytest.mark.parametrize("form", ["smartrest", "json"])
@pytest.mark.parametrize("roles", SERVING, ids="+".join)
def test_a_session_that_does_not_stand_yet_fails_with_the_reason(
        cloud: Cloud, make_device: Callable[..., Device], form: str, roles: list[str]) -> None:
    device = make_device(form=form).start()
    with Target(wait_for_end) as target:
        session = connecting(cloud, target, form)
        stop(device, roles)
        assert session.operation.wait_final(5) == "FAILED"
        assert session.operation.statuses == FAILURE
        assert STOPPED in session.operation.reason
        assert device.mapper.wait_runs()[0].finish().exit_code == 1
        target.wait_ended(timeout=3)


@pytest.mark.parametrize("login", ["basic", "certificate"])
@pytest.mark.parametrize("roles", [["session", "forwarder", "plugin"],
                                   ["plugin", "forwarder", "session"]], ids="+".join)
def test_everything_stopped_at_once_leaves_no_operation_executing(
        cloud: Cloud, make_device: Callable[..., Device], login: str, roles: list[str]) -> None:
    device = make_device(login=login).start()
    with Target(wait_for_end) as target:
        session = connecting(cloud, target)
        stop(device, roles)
        assert session.operation.wait_final(5) == "FAILED"
        assert session.operation.statuses == FAILURE
        assert STOPPED in session.operation.reason
        wait_until(lambda: not device.processes(), 5, "the end of all processes")


def test_what_a_stopped_session_hears_of_others_first_is_not_its_reason(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device(login="certificate").start()
    cloud.behaviour.jwt_silent = True
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        operation.wait_status("EXECUTING")
        target.wait_connection()
        time.sleep(0.3)
        session, plugin = device.process("session"), device.process("plugin")
        session.signal(SIGSTOP)
        plugin.signal(SIGTERM)
        wait_until(lambda: not plugin.alive, 3, "the end of the plugin")
        session.signal(SIGTERM)
        session.signal(SIGCONT)
        assert operation.wait_final(5) == "FAILED"
    assert STOPPED in operation.reason and operation.statuses == FAILURE


def test_a_stopped_plugin_leaves_the_status_to_its_session(cloud: Cloud, device: Device) -> None:
    cloud.behaviour.upgrade = Upgrade(delay=1.5)
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.operation.wait_status("EXECUTING")
        wait_until(lambda: cloud.upgrades, 10, "the request")
        time.sleep(0.3)
        stop(device, ["plugin"])
        assert device.mapper.wait_runs()[0].finish(2).exit_code == 3
        session.wait_device(10)
        check_carries(session)
        assert session.operation.wait_final(10) == "SUCCESSFUL"
    assert session.operation.statuses == SUCCESS


@pytest.mark.parametrize("form", ["smartrest", "json"])
@pytest.mark.parametrize("mark", ["executing", "final"])
def test_what_a_stopped_plugin_has_under_way_is_not_said_twice(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device], form: str,
        mark: str) -> None:
    device = make_device(gated=True, form=form).start()
    texts = {"smartrest": (b"501,", b"503,"), "json": (b"504,", b"506,")}[form]
    gate.hold(texts[mark == "final"])
    cloud.behaviour.upgrade = Upgrade(delay=0.3)
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port, delivery=form)
        assert gate.marked.wait(10)
        device.process("plugin").signal(SIGTERM)
        time.sleep(0.1)
        gate.release()
        session.wait_device(10)
        check_carries(session)
        assert session.operation.wait_final(10) == "SUCCESSFUL"
        assert device.mapper.wait_runs()[0].finish(3).exit_code == (0 if mark == "final" else 3)
    assert session.operation.statuses == SUCCESS  # and no violation: each came once


def test_a_plugin_without_a_session_finishes_the_status_it_has_begun(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device]) -> None:
    device = make_device(gated=True)
    device.own("enabled = flase\n")
    device.start()
    gate.hold(b"501,")
    operation = cloud.create_operation("127.0.0.1", 22)
    assert gate.marked.wait(10)
    device.process("plugin").signal(SIGTERM)
    time.sleep(0.2)
    gate.release()
    assert operation.wait_final(5) == "FAILED"
    assert operation.statuses == FAILURE
    assert device.mapper.wait_runs()[0].finish().exit_code == 1


def test_a_plugin_that_cannot_finish_ends_within_seconds(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device]) -> None:
    device = make_device(gated=True)
    device.own("enabled = flase\n")
    device.start()
    gate.hold(b"501,")
    cloud.create_operation("127.0.0.1", 22)
    assert gate.marked.wait(10)
    device.process("plugin").signal(SIGTERM)
    assert device.mapper.wait_runs()[0].finish(6).exit_code == 3
    # Whether EXECUTING has arrived nobody knows: the next start ends it.
    assert [Path(path).suffix for path in device.leftovers()] == [".seat"]
    device.session_killed = True


def test_a_session_with_other_threads_still_takes_the_signal_itself(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device]) -> None:
    """One that publishes for its dead plugin runs Paho's threads: the signal is for the process."""
    device = make_device(gated=True).start()
    gate.hold(b"503,")
    with Target(wait_for_end) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.wait_device(10)
        assert gate.marked.wait(10)
        device.process("plugin").kill()
        process = device.process("session")
        wait_until(lambda: len(list(Path(f"/proc/{process.pid}/task").iterdir())) > 1, 5, "threads")
        process.signal(SIGTERM)
        check_goodbye(session)
        target.wait_ended(timeout=3)
        gate.release()
        assert session.operation.wait_final(10) == "SUCCESSFUL"


def test_an_approval_that_is_waited_for_does_not_hold_a_stopped_session(
        cloud: Cloud, make_device: Callable[..., Device], tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    command = tmp_path / "ask"
    command.write_text(f"#!/bin/sh\necho $$ > {asked}\nexec sleep 60\n")
    command.chmod(0o755)
    device = make_device()
    device.own(f'approve = "{command}"\n')
    device.start()
    operation = cloud.create_operation("127.0.0.1", 22)
    wait_until(lambda: asked.exists() and asked.read_text().strip(), 10, "the question")
    operation.wait_status("EXECUTING")
    time.sleep(0.2)
    stop(device, ["session"])
    assert operation.wait_final(5) == "FAILED"
    assert STOPPED in operation.reason and operation.statuses == FAILURE
    assert not Path(f"/proc/{asked.read_text().strip()}").exists()


def test_a_session_that_systemd_started_is_stopped_in_the_same_way(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device().start()
    with listening(device), Target(wait_for_end) as target:
        session = established(cloud, target)
        stop(device, ["session"])
        check_goodbye(session)
        target.wait_ended(timeout=3)


@pytest.mark.violations
@pytest.mark.parametrize("milliseconds", [0, 2, 5, 10, 15, 20, 30, 40, 80, 160])
def test_everything_stopped_at_any_moment_leaves_nothing_executing(
        cloud: Cloud, device: Device, milliseconds: int) -> None:
    with Target(wait_for_end) as target:
        session = cloud.open("127.0.0.1", target.port)
        run = device.mapper.wait_runs()[0]
        time.sleep(milliseconds / 1000)
        for process in device.processes():
            process.signal(SIGTERM)
        run.finish()
        # Whom the signal met before it was there is told the same way once more.
        for process in device.processes():
            process.signal(SIGTERM)
        wait_until(lambda: not device.processes(), 10, "the end of all processes")
        time.sleep(0.3)  # the last status on its way from the broker
    # Until the broker's answer nobody else can know of EXECUTING: so it may be said twice.
    assert set(cloud.violations) <= {
        "EXECUTING for 'c8y_RemoteAccessConnect', but none is PENDING"}
    # PENDING is right where it ended before the order: the cloud sends the operation again.
    assert session.operation.statuses in (["PENDING"], SUCCESS, FAILURE)
