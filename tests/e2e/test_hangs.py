# SPDX-License-Identifier: Apache-2.0
"""A process that is stopped (SIGSTOP), not dead: the next one keeps every limit without it."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from cloud import Cloud, Upgrade

from .harness.device import Device
from .harness.expect import FAILURE, SUCCESS, check_failure, established
from .harness.gate import Gate
from .harness.targets import Target, echo, silent_port, wait_for_end
from .harness.waiting import wait_until

QUICK = 'limits.connect = "1s"\nlimits.drain = "1s"\n'
DRAIN = 1 + 1  # limits.drain and the session's margin: then the forwarder is killed
MARGIN = 3  # what the plugin grants the session beyond limits.connect
SLACK = 4  # of a busy machine, or a build with sanitizers


@pytest.fixture
def owned(make_device: Callable[..., Device]) -> Callable[..., Device]:
    def make(own: str, **arguments: object) -> Device:
        device = make_device(**arguments)
        device.own(own)
        return device.start()

    return make


def stop_forwarder(device: Device) -> None:
    device.process("forwarder").signal(signal.SIGSTOP)


@pytest.mark.parametrize("limit", ["duration", "idle"])
def test_a_stopped_forwarder_does_not_outlive_a_limit(
        cloud: Cloud, owned: Callable[..., Device], limit: str) -> None:
    device = owned(f'limits.{limit} = "2s"\nlimits.drain = "1s"\n')
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        since = time.monotonic()
        stop_forwarder(device)
        wait_until(lambda: not device.processes(), 10, "the end of both processes")
        assert 1.5 < time.monotonic() - since < 2 + DRAIN + SLACK
        target.wait_ended(timeout=3)
        session.wait_closed(3)
        device.journal.wait_for(f"limits.{limit}")
        assert session.operation.statuses == SUCCESS


def test_a_forwarder_that_is_stopped_while_bytes_flow_does_not_outlive_a_limit(
        cloud: Cloud, owned: Callable[..., Device]) -> None:
    """The target pushes: the sockets are full when it is killed."""
    device = owned('limits.duration = "3s"\nlimits.drain = "1s"\n')

    def push(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(bytes(65536))

    with Target(push) as target:
        established(cloud, target)
        time.sleep(0.5)
        stop_forwarder(device)
        wait_until(lambda: not device.processes(), 3 + DRAIN + 3, "the end of both processes")
        target.wait_ended(timeout=3)
        device.journal.wait_for("limits.duration")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_session_that_is_told_to_stop_ends_without_its_forwarder(
        cloud: Cloud, owned: Callable[..., Device], number: signal.Signals) -> None:
    device = owned('limits.drain = "1s"\n')
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        stop_forwarder(device)
        since = time.monotonic()
        device.process("session").signal(number)
        wait_until(lambda: not device.processes(), 10, "the end of both processes")
        assert time.monotonic() - since < DRAIN + SLACK
        target.wait_ended(timeout=3)
        device.journal.wait_for("stopped on the device")
        assert session.operation.statuses == SUCCESS


def test_a_session_that_is_told_to_stop_while_connecting_ends_without_its_forwarder(
        cloud: Cloud, owned: Callable[..., Device]) -> None:
    device = owned('limits.drain = "1s"\n')
    cloud.behaviour.upgrade = Upgrade(delay=30)
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        wait_until(lambda: cloud.upgrades, 10, "the request")
        stop_forwarder(device)
        device.process("session").signal(signal.SIGTERM)
        check_failure(operation, device.mapper.wait_runs()[0], "was stopped on this device",
                      within=3)
        wait_until(lambda: not device.processes(), DRAIN + 2, "the end of both processes")
        target.wait_ended(timeout=3)


def test_a_forwarder_that_is_stopped_while_it_waits_for_the_token_costs_the_time_to_connect(
        cloud: Cloud, owned: Callable[..., Device]) -> None:
    device = owned(QUICK, login="certificate")
    cloud.behaviour.jwt_silent = True
    with silent_port() as port:
        operation = cloud.create_operation("127.0.0.1", port)
        stop_forwarder(device)
        check_failure(operation, device.mapper.wait_runs()[0], "^no JWT from the cloud", within=3)
        wait_until(lambda: not device.processes(), DRAIN + 3, "the end of all processes")


# --- the session ---


@contextlib.contextmanager
def dumb_session(device: Device, *messages: dict) -> Iterator[threading.Event]:
    """A session service that says these after the order and then nothing more."""
    ended = threading.Event()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(device.socket_path))
    listener.listen()

    def serve() -> None:
        with contextlib.suppress(OSError):
            connection, _ = listener.accept()
            with connection:
                for message in messages:
                    connection.send(json.dumps(message).encode())
                while connection.recv(65536):
                    pass
                ended.set()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield ended
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        device.socket_path.unlink()


@pytest.mark.parametrize("form", ["smartrest", "json"])
@pytest.mark.parametrize("messages", [
    [], [{"type": "seated"}], [{"type": "seated"}, {"type": "need_token"}]],
    ids=["takes the order", "has a seat", "wants a JWT"])
def test_a_session_that_never_says_more_fails_the_operation_in_time(
        cloud: Cloud, owned: Callable[..., Device], messages: list[dict], form: str) -> None:
    device = owned(QUICK, login="certificate", form=form)
    with dumb_session(device, *messages) as ended:
        operation = cloud.create_operation("127.0.0.1", 22, delivery=form)
        check_failure(operation, device.mapper.wait_runs()[0],
                      r"^not connected within 4s \(limits\.connect in ", within=1 + MARGIN + SLACK)
        assert ended.wait(3)
    wait_until(lambda: not device.processes(), 3, "the plugin's end")


def when_asked_for_a_token(cloud: Cloud, _: Device) -> None:
    wait_until(lambda: cloud.jwt_requests, 10, "the request for a JWT")


def when_connecting(_: Cloud, device: Device) -> None:
    device.process("forwarder")


def when_upgrading(cloud: Cloud, _: Device) -> None:
    wait_until(lambda: cloud.upgrades, 10, "the upgrade request")


PHASES = {"asking for a JWT": when_asked_for_a_token, "connecting": when_connecting,
          "upgrading": when_upgrading}


@pytest.mark.parametrize("after", ["continued", "killed"])
@pytest.mark.parametrize("phase", PHASES)
def test_a_session_that_is_stopped_fails_the_operation_in_time_and_leaves_nothing(
        cloud: Cloud, owned: Callable[..., Device], phase: str, after: str) -> None:
    device = owned(QUICK, login="certificate")
    if phase == "asking for a JWT":
        cloud.behaviour.jwt_silent = True
    cloud.behaviour.upgrade = Upgrade(delay=30)
    with contextlib.ExitStack() as stack:
        port = (stack.enter_context(silent_port()) if phase == "connecting"
                else stack.enter_context(Target(wait_for_end)).port)
        operation = cloud.create_operation("127.0.0.1", port)
        PHASES[phase](cloud, device)
        session = device.process("session")
        session.signal(signal.SIGSTOP)
        check_failure(operation, device.mapper.wait_runs()[0], "^not connected within 4s",
                      within=1 + MARGIN + SLACK)
        device.session_killed = after == "killed"
        if after == "killed":
            session.kill()
        else:
            session.signal(signal.SIGCONT)
        wait_until(lambda: not device.processes(), 5, "the end of session and forwarder")
    assert operation.statuses == FAILURE
    assert len(cloud.status_messages) == 2


@pytest.mark.timeout(90)
def test_a_session_that_is_stopped_while_it_asks_for_approval_fails_the_operation_in_time(
        cloud: Cloud, owned: Callable[..., Device], make_device: Callable[..., Device]) -> None:
    device = make_device()
    command = device.root / "approve"
    command.write_text(f"#!/bin/sh\ntouch {device.root}/asked\nexec sleep 60\n")
    command.chmod(0o755)
    device.own(f'approve = "{command}"\n{QUICK}')
    device.start()
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        wait_until(lambda: (device.root / "asked").exists(), 10, "the question")
        session = device.process("session")
        session.signal(signal.SIGSTOP)
        assert operation.wait_final(30 + 1 + MARGIN + 3) == "FAILED"
        assert operation.reason.startswith("not connected within 34s")
        device.mapper.wait_runs()[0].finish(5)
        session.signal(signal.SIGCONT)
        wait_until(lambda: not device.processes(), 5, "the session's end")
        assert target.connections == []
    assert operation.statuses == FAILURE
    assert len(cloud.status_messages) == 2


def test_a_session_that_is_stopped_when_all_is_up_does_not_undo_the_success(
        cloud: Cloud, gate: Gate, owned: Callable[..., Device]) -> None:
    """SUCCESSFUL is on its way, the session cannot hear that it arrived."""
    device = owned(QUICK, gated=True)
    gate.hold(b"503,")
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.wait_device(10)
        assert gate.marked.wait(10)
        stopped = device.process("session")
        stopped.signal(signal.SIGSTOP)
        gate.release()
        assert session.operation.wait_final(10) == "SUCCESSFUL"
        assert device.mapper.wait_runs()[0].finish().exit_code == 0
        session.send(b"still")  # the forwarder needs nobody to carry bytes
        assert session.recv_exact(5, timeout=5) == b"still"
        stopped.signal(signal.SIGCONT)
        session.close()
        wait_until(lambda: not device.processes(), 5, "the end of session and forwarder")
    assert session.operation.statuses == SUCCESS


def test_the_end_of_a_tunnel_does_not_wait_for_a_stopped_session(
        cloud: Cloud, owned: Callable[..., Device]) -> None:
    device = owned('limits.drain = "1s"\n')
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        stopped = device.process("session")
        stopped.signal(signal.SIGSTOP)
        session.close()
        target.wait_ended(timeout=3)
        wait_until(lambda: len(device.processes()) == 1, 5, "the forwarder's end")
        stopped.signal(signal.SIGCONT)
        wait_until(lambda: not device.processes(), 5, "the session's end")
        device.journal.wait_for("ended by")
