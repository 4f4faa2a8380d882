# SPDX-License-Identifier: Apache-2.0
"""What lies between the start of the plugin and the upgrade request at the cloud."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.targets import Target, echo
from .harness.toxiproxy import Toxiproxy

TLS_AES_256_GCM, TLS_CHACHA20 = 0x1302, 0x1303  # RFC 8446 B.4


@pytest.mark.parametrize("login", ["basic", "certificate"])
def test_three_round_trips_to_the_cloud_and_nothing_for_the_token(
        cloud: Cloud, toxiproxy: Toxiproxy, make_device: Callable[..., Device],
        login: str) -> None:
    """TCP and TLS 1.3 are a round trip each, the request half of one: 2.5. A wire connects at once,
    so TCP's is counted, the other 1.5 measured: half a second each way makes one more than that
    visible on any machine."""
    delay = 0.5
    wire = toxiproxy.wire(cloud.port).latency(500)
    with Target(echo) as target:
        device = make_device(login=login)
        device.settings["c8y.http"] = f"127.0.0.1:{wire.port}"
        device.start()
        session = cloud.open("127.0.0.1", target.port)
        session.wait_device(15)
        took = cloud.upgrades[0].time - device.mapper.wait_runs()[0].started
        assert 1.5 * 2 * delay <= took < 2 * 2 * delay
        assert cloud.connections == 1
        session.close()
        target.wait_ended()


def cipher_suites(hello: bytes) -> list[int]:
    """Of a ClientHello in one TLS record: RFC 8446 §4.1.2."""
    at = 5 + 4 + 2 + 32  # record, handshake header, version, random
    at += 1 + hello[at]  # session id
    (size,) = struct.unpack_from(">H", hello, at)
    return list(struct.unpack_from(f">{size // 2}H", hello, at + 2))


@pytest.mark.parametrize(("mask", "first"), [("", TLS_AES_256_GCM),
                                             ("~0x200000200000000", TLS_CHACHA20)])
def test_a_processor_without_aes_prefers_chacha20(
        cloud: Cloud, make_device: Callable[..., Device], monkeypatch: pytest.MonkeyPatch,
        mask: str, first: int) -> None:
    if mask:
        monkeypatch.setenv("OPENSSL_ia32cap", mask)
    with socket.create_server(("127.0.0.1", 0)) as listener, Target(echo) as target:
        device = make_device()
        device.settings["c8y.http"] = f"127.0.0.1:{listener.getsockname()[1]}"
        device.own('limits.connect = "1s"\n')
        device.start()
        operation = cloud.create_operation("127.0.0.1", target.port)
        listener.settimeout(10)
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(10)
            hello = connection.recv(16384)
        assert operation.wait_final(10) == "FAILED"
    assert cipher_suites(hello)[0] == first
