# SPDX-License-Identifier: Apache-2.0
"""The real user client against this cloud, with the reference device behind it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from cloud import Cloud
from cloud.c8ylp_command import c8ylp
from cloud.reference_device import ReferenceDevice

pytestmark = pytest.mark.timeout(60)


def connect(port: int, client: subprocess.Popen[bytes]) -> socket.socket:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and client.poll() is None:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except OSError:
            time.sleep(0.05)
    raise TimeoutError("c8ylp does not listen")


def exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (piece := connection.recv(65536)):
        data += piece
    return data


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_c8ylp_carries_bytes_to_the_target_and_back(
        tmp_path: Path, cloud: Cloud, device: ReferenceDevice, echo_port: int) -> None:
    cloud.add_configuration("Passthrough", "127.0.0.1", echo_port)
    port = free_port()
    argv, environment = c8ylp(cloud, tmp_path / "home", ["server", "device-1", "--port", str(port)])
    log = tmp_path / "c8ylp.log"
    with log.open("wb") as output:
        client = subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=output, start_new_session=True)
        try:
            with connect(port, client) as connection:
                data = os.urandom(200_000)
                connection.sendall(data)
                assert exactly(connection, len(data)) == data, log.read_text()
        finally:
            client.send_signal(signal.SIGINT)
            try:
                client.wait(5)
            except subprocess.TimeoutExpired:
                client.kill()
                client.wait(5)
    operation = cloud.operations[0]
    assert operation.description == "Opening remote access tunnel to 'Passthrough'"
    assert operation.wait_final() == "SUCCESSFUL"
    assert cloud.violations == []


def test_c8ylp_with_a_wrong_password_is_refused(tmp_path: Path, cloud: Cloud) -> None:
    argv, environment = c8ylp(cloud, tmp_path / "home", ["server", "device-1", "--port", "0"],
                              password="wrong")
    done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=30)
    assert done.returncode != 0
    assert cloud.operations == []
