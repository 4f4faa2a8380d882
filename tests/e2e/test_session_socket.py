# SPDX-License-Identifier: Apache-2.0
"""The session socket: systemd starts the session, so it outlives the mapper that ordered it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from cloud import Cloud, Upgrade

from .harness.device import Device
from .harness.expect import SUCCESS, check_carries, check_failure, established, opened
from .harness.socket_unit import listening
from .harness.targets import Target, echo, refusing_port, silent_port, wait_for_end
from .harness.waiting import wait_until


@pytest.fixture(params=["basic", "certificate"])
def served(request: pytest.FixtureRequest, make_device: Callable[..., Device]) -> Iterator[Device]:
    device = make_device(login=request.param).start()
    with listening(device):
        yield device


def test_a_session_of_the_socket_does_the_same(cloud: Cloud, served: Device) -> None:
    with Target(echo) as target:
        session = opened(cloud, target)
        check_carries(session)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
        run = served.mapper.wait_runs()[0].finish()
        assert run.exit_code == 0
        assert b"no session socket" not in run.stderr
        session.close()
        target.wait_ended()
    assert session.operation.statuses == SUCCESS


def test_a_failure_of_a_session_of_the_socket_is_reported(cloud: Cloud, served: Device) -> None:
    with refusing_port() as port:
        operation = cloud.create_operation("127.0.0.1", port)
        check_failure(operation, served.mapper.wait_runs()[0], "connection refused", within=3)


def test_a_session_of_the_socket_survives_the_death_of_the_plugins_group(
        cloud: Cloud, served: Device) -> None:
    """As systemd restarts the mapper."""
    served.mapper.own_group = True
    cloud.behaviour.upgrade = Upgrade(delay=1)
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        wait_until(lambda: cloud.upgrades, 10, "the request")
        session.operation.wait_status("EXECUTING")
        time.sleep(0.5)  # and the session knows it: else it publishes that again, to be sure
        os.killpg(served.mapper.wait_runs()[0].pid, signal.SIGKILL)
        session.wait_device(10)
        check_carries(session)
        assert session.operation.wait_final(10) == "SUCCESSFUL"
    assert session.operation.statuses == SUCCESS


def test_a_session_of_the_socket_is_no_child_and_no_group_member_of_the_plugin(
        cloud: Cloud, served: Device) -> None:
    with Target(echo) as target:
        established(cloud, target)
        process = served.process("session")
        assert process.session == process.pid
        assert process.folder == "/"
        descriptors = process.descriptors()
        assert [descriptors[number] for number in (0, 1, 2)] == ["/dev/null"] * 3


def test_ten_operations_at_once_go_through_the_socket(cloud: Cloud, served: Device) -> None:
    with Target(echo) as target:
        sessions = [cloud.open("127.0.0.1", target.port) for _ in range(10)]
        for session in sessions:
            session.wait_device(30)
        for session in sessions:
            assert session.operation.wait_final(30) == "SUCCESSFUL"


def test_a_socket_that_nobody_serves_is_passed_over(cloud: Cloud, device: Device) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as dead:
        dead.bind(str(device.socket_path))
    with Target(echo) as target:
        established(cloud, target)
        run = device.mapper.wait_runs()[0].finish()
    # Such a session ends with the mapper's unit; whoever reads the log learns it there.
    assert b"no session socket" in run.stderr


def test_a_session_service_that_says_nothing_fails_the_operation(
        cloud: Cloud, make_device: Callable[..., Device],
        patient: Callable[[float], float]) -> None:
    device = make_device()
    device.own('limits.connect = "1s"\n')
    device.start()
    with silent_port(socket.SOCK_SEQPACKET, str(device.socket_path)):
        operation = cloud.create_operation("127.0.0.1", 22)
        check_failure(operation, device.mapper.wait_runs()[0], "session|process|not connected",
                      within=patient(6))


def test_a_session_service_that_hangs_up_fails_the_operation(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device().start()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(device.socket_path))
        listener.listen()
        operation = cloud.create_operation("127.0.0.1", 22)
        connection, _ = listener.accept()
        connection.close()
        check_failure(operation, device.mapper.wait_runs()[0], "process ended unexpectedly|session",
                      within=3)


@pytest.mark.parametrize("answer", [b"not json", b"{}", b"\xff" * 60_000, b"[" * 60_000, b""],
                         ids=["text", "no type", "bytes", "deep", "empty"])
def test_a_session_service_that_answers_rubbish_fails_the_operation(
        cloud: Cloud, device: Device, answer: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(device.socket_path))
        listener.listen()
        operation = cloud.create_operation("127.0.0.1", 22)
        connection, _ = listener.accept()
        with connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200_000)
            connection.send(answer)
            check_failure(operation, device.mapper.wait_runs()[0], "process ended unexpectedly",
                          within=3)


@pytest.mark.parametrize("there", ["a file", "a link to nowhere"])
def test_what_is_no_socket_in_its_place_is_passed_over(
        cloud: Cloud, device: Device, there: str) -> None:
    if there == "a file":
        device.socket_path.write_text("")
    else:
        device.socket_path.symlink_to(device.root / "nowhere")
    with Target(echo) as target:
        established(cloud, target)
        assert b"no session socket" in device.mapper.wait_runs()[0].finish().stderr


@pytest.mark.parametrize("kind", ["full", "of another type"])
def test_a_session_service_that_takes_nobody_fails_the_operation_and_names_it(
        cloud: Cloud, device: Device, kind: str) -> None:
    """Not passed over: the session would end with the mapper's unit, and nobody would know why."""
    type_ = socket.SOCK_SEQPACKET if kind == "full" else socket.SOCK_STREAM
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket(socket.AF_UNIX, type_))
        listener.bind(str(device.socket_path))
        listener.listen(0)
        if kind == "full":
            waiting = held.enter_context(socket.socket(socket.AF_UNIX, type_))
            waiting.connect(str(device.socket_path))
        operation = cloud.create_operation("127.0.0.1", 22)
        check_failure(operation, device.mapper.wait_runs()[0],
                      rf"^session service {device.socket_path}: connect: .*systemctl status "
                      r"c8y-remote-access-connect\.socket", within=3)


def test_policy_and_limits_are_those_of_the_sessions_own_folder(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    """The caller may be anybody in thin-edge's group: it does not decide what is allowed."""
    device = make_device().start()
    own = device.root / "own"
    (own / "plugins").mkdir(parents=True)
    (own / "plugins" / device.owner_file.name).write_text("enabled = false\n")
    with listening(device, "--config-dir", str(own)), Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        check_failure(operation, device.mapper.wait_runs()[0], "switched off", within=3)


@pytest.mark.skipif(os.geteuid() != 0, reason="without root there is no other user")
def test_a_caller_that_is_not_root_brings_no_settings_not_even_for_the_report_of_its_refusal(
        make_device: Callable[..., Device]) -> None:
    """Else anybody in thin-edge's group could have its user's files sent to a broker of his, as
    that broker's password."""
    device = make_device()
    with socket.create_server(("127.0.0.1", 0)) as broker, refusing_port() as own, \
            listening(device):
        device.settings["mqtt.client.port"] = own  # of an operation that the cloud has not sent
        device.write_settings()
        order = {"type": "order", "operation": "", "host": "127.0.0.1", "port": 22, "key": "k",
                 "config_dir": str(device.config_dir), "profile": "", "log_level": "info",
                 "environment": {"TEDGE_MQTT_CLIENT_PORT": str(broker.getsockname()[1])}}
        device.socket_path.chmod(0o666)
        for folder in (device.socket_path.parent, device.socket_path.parent.parent):
            folder.chmod(0o755)
        orders = ("import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
                  "s.connect(sys.argv[1]); s.send(sys.argv[2].encode()); "
                  "print(s.recv(65536).decode())")
        said = subprocess.run(
            ["/usr/bin/python3", "-c", orders, str(device.socket_path), json.dumps(order)],
            user=65534, cwd="/", capture_output=True, text=True, timeout=10, check=True).stdout
        assert json.loads(said)["fault"] == "session"
        device.journal.wait_for("the plugin is gone before the final status")
        wait_until(lambda: not device.processes(), 10, "the end of the session")
        broker.settimeout(0.1)
        with pytest.raises(TimeoutError):
            broker.accept()


def test_a_connection_without_an_order_does_not_stay(cloud: Cloud, device: Device) -> None:
    with listening(device), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as visitor:
        visitor.connect(str(device.socket_path))
        wait_until(device.processes, 5, "a session process")
        started = time.monotonic()
        wait_until(lambda: not device.processes(), 15, "its end")
        assert time.monotonic() - started < 10


@pytest.mark.parametrize("message", [b"{}", b"not json", b'{"type":"stop"}', b"\x00" * 60_000])
def test_a_first_message_that_is_no_order_ends_the_session(
        cloud: Cloud, device: Device, message: bytes) -> None:
    with listening(device), socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as visitor:
        visitor.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 200_000)
        visitor.connect(str(device.socket_path))
        visitor.send(message)
        visitor.settimeout(5)
        assert visitor.recv(65536) == b""
        wait_until(lambda: not device.processes(), 5, "the end of the session")
