# SPDX-License-Identifier: Apache-2.0
"""The whole way with the reference device: operation, statuses, bytes both ways, and the end."""

from __future__ import annotations

import hashlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from cloud import Cloud, DeviceFailed
from cloud.reference_device import ReferenceDevice

pytestmark = pytest.mark.timeout(40)


def test_a_session_carries_bytes_and_its_statuses_are_kept(
        cloud: Cloud, device: ReferenceDevice, echo_port: int) -> None:
    session = cloud.open("127.0.0.1", echo_port).wait_device()
    session.send(b"hello")
    assert session.recv_exact(5) == b"hello"
    assert session.close(1000, "done").by == "cloud"
    assert session.operation.wait_final() == "SUCCESSFUL"
    assert session.operation.statuses == ["PENDING", "EXECUTING", "SUCCESSFUL"]
    assert [one.status for one in cloud.upgrades] == [101]
    assert cloud.upgrades[0].headers["sec-websocket-protocol"] == "binary"
    assert cloud.violations == []


def test_bytes_both_ways_at_once_arrive_equal(
        cloud: Cloud, device: ReferenceDevice, echo_port: int) -> None:
    total = 8 * 1024 * 1024
    session = cloud.open("127.0.0.1", echo_port).wait_device()
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(session.send_random, total)
        assert session.recv_digest(total) == sent.result(30)
    assert session.bytes_in == session.bytes_out == total


def test_bytes_sent_before_the_device_came_are_first(
        cloud: Cloud, device: ReferenceDevice, echo_port: int) -> None:
    session = cloud.open("127.0.0.1", echo_port)
    session.send(b"early ")
    session.wait_device()
    session.send(b"late")
    assert session.recv_exact(10) == b"early late"


def test_one_message_of_many_mebibytes_streams(
        cloud: Cloud, device: ReferenceDevice, echo_port: int) -> None:
    session = cloud.open("127.0.0.1", echo_port).wait_device()
    total = 4 * 1024 * 1024 + 1
    assert session.send_message(total) == session.recv_digest(total)


def test_an_operator_who_does_not_read_stops_the_device(
        cloud: Cloud, device: ReferenceDevice) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        session = cloud.open("127.0.0.1", listener.getsockname()[1])
        target, _ = listener.accept()
        with target:
            target.settimeout(1)
            sent, digest = 0, hashlib.sha256()
            with pytest.raises(TimeoutError):
                while sent < 256 * 1024 * 1024:
                    count = target.send(bytes(65536))
                    digest.update(bytes(count))
                    sent += count
            assert sent < 32 * 1024 * 1024, "the buffers on the way are small"
            assert session.recv_digest(sent) == digest.hexdigest()


def test_a_device_that_does_not_read_stops_the_operator(
        cloud: Cloud, device: ReferenceDevice) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        session = cloud.open("127.0.0.1", listener.getsockname()[1])
        target, _ = listener.accept()
        with target:
            session.wait_device()
            with pytest.raises(TimeoutError):
                session.send_random(64 * 1024 * 1024, timeout=1.5)
            assert session.bytes_out < 32 * 1024 * 1024


def test_the_end_of_the_target_closes_the_session_after_its_bytes(
        cloud: Cloud, device: ReferenceDevice) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        session = cloud.open("127.0.0.1", listener.getsockname()[1])
        target, _ = listener.accept()

        def speak_and_go() -> None:
            with target:
                target.sendall(bytes(300_000))
        threading.Thread(target=speak_and_go).start()
        assert len(session.recv_until_close()) == 300_000
        assert session.closed is not None
        assert (session.closed.code, session.closed.by) == (1000, "device")


def test_a_refused_target_fails_the_operation(cloud: Cloud, device: ReferenceDevice) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    session = cloud.open("127.0.0.1", port)
    with pytest.raises(DeviceFailed, match="ConnectionRefused"):
        session.wait_device()
    assert session.operation.wait_final() == "FAILED"
    assert cloud.upgrades == []


def test_two_profiles_are_served_apart(
        cloud: Cloud, broker, device: ReferenceDevice, echo_port: int) -> None:
    second = cloud.add_device("c8y-second", "device-2")
    with ReferenceDevice(broker.address, cloud.http, cloud.ca_file, prefix="c8y-second"):
        session = cloud.open("127.0.0.1", echo_port, device=second).wait_device()
        session.send(b"x")
        assert session.recv_exact(1) == b"x"
        assert session.operation.wait_final() == "SUCCESSFUL"
    assert {one.prefix for one in cloud.status_messages} == {"c8y-second"}
