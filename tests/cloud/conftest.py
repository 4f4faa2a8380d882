# SPDX-License-Identifier: Apache-2.0
"""Fixtures for the stand-in's own tests: a broker, a cloud, and an echo service as target."""

from __future__ import annotations

import socket
import socketserver
import threading
from pathlib import Path
from typing import Iterator

import pytest

from cloud import Cloud, Mosquitto
from cloud.reference_device import ReferenceDevice


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            pass


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@pytest.fixture
def echo_port() -> Iterator[int]:
    with _Server(("127.0.0.1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mqtt") as one:
        yield one


@pytest.fixture
def cloud(tmp_path: Path, broker: Mosquitto) -> Iterator[Cloud]:
    with Cloud(tmp_path / "cloud", broker.address) as one:
        yield one
    assert not [text for text in one.violations if "cloud itself" in text]


@pytest.fixture
def device(cloud: Cloud, broker: Mosquitto) -> Iterator[ReferenceDevice]:
    with ReferenceDevice(broker.address, cloud.http, cloud.ca_file) as one:
        yield one
