# SPDX-License-Identifier: Apache-2.0
"""What fails becomes FAILED, once, in time, with a reason that names the end and the cure."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from cloud import Behaviour, Cloud, Connection, Upgrade

from .harness.device import Device
from .harness.expect import QUICK, check_carries, check_failure
from .harness.targets import (Target, deaf_port, echo, refusing_port, reset, wait_for_end,
                              wants_certificate)

@dataclass
class Case:
    """A cloud that misbehaves while the target is fine."""

    reason: str
    behaviour: Behaviour = field(default_factory=Behaviour)
    certificate: str = "good"
    login: str = "basic"
    own: str = ""
    within: float = 3
    requests: int | None = None  # for a device WebSocket
    tokens: int | None = None  # asked for


CLOUD = "cloud 127.0.0.1:[0-9]+"
UNTRUSTED = CLOUD + ": TLS certificate not trusted: .*{} .*c8y.root_cert_path"

CASES = {
    "certificate of an unknown authority": Case(
        UNTRUSTED.format("issuer certificate"), certificate="unknown_ca", requests=0),
    "self-signed certificate": Case(
        UNTRUSTED.format("self-signed certificate"), certificate="self_signed", requests=0),
    "expired certificate": Case(
        UNTRUSTED.format("expired"), certificate="expired", requests=0),
    "certificate not valid yet": Case(
        UNTRUSTED.format("not yet valid"), certificate="not_yet", requests=0),
    "certificate for another name": Case(
        UNTRUSTED.format("mismatch"), certificate="wrong_name", requests=0),
    "not TLS at all": Case(
        CLOUD + ": TLS failed: .*c8y.http", Behaviour(connection=Connection("junk_in_hello")),
        requests=0),
    "accepts and says nothing": Case(
        CLOUD + ": no answer within", Behaviour(connection=Connection("silent")), own=QUICK,
        within=4, requests=0),
    "accepts and closes": Case(
        CLOUD + ": ended the connection", Behaviour(connection=Connection("close")), own=QUICK,
        within=4, requests=0),
    "accepts and resets": Case(  # who notices first says it in its words
        CLOUD + ": (ended the connection|not reachable: Connection reset)",
        Behaviour(connection=Connection("reset")), own=QUICK,
        within=4, requests=0),
    "closes during the TLS handshake": Case(
        CLOUD + ": ended the connection", Behaviour(connection=Connection("close_in_hello")),
        own=QUICK, within=4, requests=0),
    "no answer to the request": Case(
        CLOUD + ": no answer within", Behaviour(upgrade=Upgrade("silent")), own=QUICK, within=4),
    "closes instead of an answer": Case(
        CLOUD + ": ended the connection", Behaviour(upgrade=Upgrade("close")), own=QUICK, within=4),
    "resets instead of an answer": Case(
        CLOUD + ": ended the connection", Behaviour(upgrade=Upgrade("reset")), own=QUICK, within=4),
    "junk instead of an answer": Case(
        CLOUD + ": not a WebSocket answer: .*c8y.http", Behaviour(upgrade=Upgrade("junk")),
        own=QUICK, within=4),
    "an answer without an end": Case(
        CLOUD + ": not a WebSocket answer: ", Behaviour(upgrade=Upgrade("endless_head")), own=QUICK,
        within=4, requests=1),
    "an answer for another request": Case(
        CLOUD + ": not a WebSocket answer: ", Behaviour(upgrade=Upgrade(wrong_accept=True)),
        requests=1),
    "another subprotocol": Case(
        CLOUD + ": not a WebSocket answer: .*subprotocol",
        Behaviour(upgrade=Upgrade(subprotocol="text")), requests=1),
    "an extension nobody asked for": Case(
        CLOUD + ": not a WebSocket answer: .*extension",
        Behaviour(upgrade=Upgrade(headers={"Sec-WebSocket-Extensions": "permessage-deflate"})),
        requests=1),
    "HTTP/1.0": Case(
        CLOUD + ": not a WebSocket answer: ",
        Behaviour(upgrade=Upgrade(status_line="HTTP/1.0 101 Switching Protocols")), requests=1),
    "401 for good, Basic": Case(
        CLOUD + ": login refused with HTTP 401", Behaviour(upgrade=Upgrade(status=401)),
        requests=1),
    "401 for good, JWT": Case(
        CLOUD + ": login refused with HTTP 401", Behaviour(upgrade=Upgrade(status=401)),
        login="certificate", requests=2, tokens=2),
    "403": Case(
        CLOUD + ": remote access refused with HTTP 403", Behaviour(upgrade=Upgrade(status=403)),
        requests=1),
    "404 with a body": Case(
        CLOUD + ": remote access refused with HTTP 404.*no such key",
        Behaviour(upgrade=Upgrade(status=404, body="no such key\r\n\x07\xe9" + "x" * 4000)),
        requests=1),
    "a redirect is not followed": Case(
        CLOUD + ": remote access refused with HTTP 302",
        Behaviour(upgrade=Upgrade(status=302, headers={"Location": "https://127.0.0.1:1/"})),
        requests=1),
    "500 until the time is over": Case(
        CLOUD + ": remote access refused with HTTP 500", Behaviour(upgrade=Upgrade(status=500)),
        own=QUICK, within=4),
    "an odd status": Case(
        CLOUD + ": .*HTTP 520", Behaviour(upgrade=Upgrade(status=520)), own=QUICK, within=4),
    "one byte a second": Case(
        CLOUD + ": no answer within", Behaviour(upgrade=Upgrade(byte_interval=1)), own=QUICK,
        within=4),
    "404 with a packed body": Case(
        CLOUD + ": remote access refused with HTTP 404", Behaviour(upgrade=Upgrade(
            status=404, body="\x1f\x8b\x08\0\0\0\0\0", headers={"Content-Encoding": "gzip"})),
        requests=1),
    "200 instead of 101": Case(
        CLOUD + ": .*(HTTP 200|not a WebSocket answer)", Behaviour(upgrade=Upgrade(status=200)),
        requests=1),
}


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
def test_a_cloud_that_fails_is_named_in_the_reason(
        cloud: Cloud, make_device: Callable[..., Device], case: Case) -> None:
    device = make_device(login=case.login)
    device.own(case.own)
    device.start()
    cloud.behaviour = case.behaviour
    cloud.certificate = case.certificate
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        run = device.mapper.wait_runs()[0]
        check_failure(operation, run, case.reason, case.within)
    if case.requests is not None:
        assert len(cloud.upgrades) == case.requests
    if case.tokens is not None:
        assert len(cloud.jwt_requests) == case.tokens


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_a_cloud_of_old_tls_is_refused(cloud: Cloud, make_device: Callable[..., Device]) -> None:
    """A server of its own: asyncio's closes without the alert that says why."""
    old = cloud.certificates.context("good", "1.1")

    def old_server(connection: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError):
            old.wrap_socket(connection, server_side=True)

    device = make_device()
    with Target(old_server) as server, Target(wait_for_end) as target:
        device.settings["c8y.http"] = f"127.0.0.1:{server.port}"
        device.start()
        operation = cloud.create_operation("127.0.0.1", target.port)
        check_failure(operation, device.mapper.wait_runs()[0],
                      CLOUD + ": TLS failed: .*version.*c8y.http", within=3)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_cloud_that_wants_a_certificate_of_the_device_is_named_at_once(
        cloud: Cloud, make_device: Callable[..., Device], version: ssl.TLSVersion) -> None:
    """Cumulocity's port 8443, say. TLS 1.3 tells it only after the handshake."""
    device = make_device()
    strict = wants_certificate(cloud.certificates.directory / "good.pem", cloud.ca_file, version)
    with Target(strict) as server, Target(wait_for_end) as target:
        device.settings["c8y.http"] = f"127.0.0.1:{server.port}"
        device.start()
        operation = cloud.create_operation("127.0.0.1", target.port)
        check_failure(operation, device.mapper.wait_runs()[0],
                      CLOUD + ": TLS failed: .*(certificate required|handshake failure).*c8y.http",
                      within=3)


def test_a_refusing_target_costs_the_cloud_nothing(cloud: Cloud, device: Device) -> None:
    with refusing_port() as port:
        operation = cloud.create_operation("127.0.0.1", port)
        run = device.mapper.wait_runs()[0]
        check_failure(operation, run, rf"^target 127\.0\.0\.1:{port}: connection refused "
                                      r"\(is the service running\?\)$", within=2)
    # The request burns a single-use key and wakes the operator: not before the target stands.
    assert cloud.upgrades == []


def test_an_unknown_host_is_named(cloud: Cloud, device: Device) -> None:
    operation = cloud.create_operation("no-such-host.invalid", 22)
    run = device.mapper.wait_runs()[0]
    check_failure(operation, run, "^target no-such-host.invalid:22: no such host: .*DNS", within=25)


def test_a_target_that_does_not_answer_is_given_up(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.own(QUICK)
    device.start()
    with deaf_port() as port:
        operation = cloud.create_operation("127.0.0.1", port)
        run = device.mapper.wait_runs()[0]
        check_failure(operation, run, rf"^target 127\.0\.0\.1:{port}: no answer within 2 ?s",
                      within=4)
    assert cloud.upgrades == []


def test_a_target_that_resets_at_once_does_not_hang(cloud: Cloud, device: Device) -> None:
    cloud.behaviour.upgrade = Upgrade(delay=0.5)
    with Target(reset) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        assert operation.wait_final(5) in ("FAILED", "SUCCESSFUL")
        device.mapper.wait_runs()[0].finish()


def test_an_unreachable_cloud_is_named(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.own(QUICK)
    device.start()
    cloud.stop_listening()
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        run = device.mapper.wait_runs()[0]
        check_failure(operation, run, CLOUD + r": connection refused \(check c8y.http\)", within=5)


def test_an_unknown_cloud_is_named(cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.settings["c8y.http"] = "no-such-tenant.invalid:443"
    device.own(QUICK)
    device.start()
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        run = device.mapper.wait_runs()[0]
        check_failure(operation, run, "^cloud no-such-tenant.invalid:443: (no such host|no answer)",
                      within=5)


RETRIES = {
    "503 twice, then OK": Behaviour(upgrades=[Upgrade(status=503), Upgrade(status=503)]),
    "429, then OK": Behaviour(upgrades=[Upgrade(status=429)]),
    "reset, then OK": Behaviour(connections=[Connection("reset")]),
    "closed, then OK": Behaviour(connections=[Connection("close")]),
    "reset instead of an answer, then OK": Behaviour(upgrades=[Upgrade("reset")]),
}


@pytest.mark.parametrize("behaviour", [
    pytest.param(behaviour, id=name) for name, behaviour in RETRIES.items()])
def test_a_passing_trouble_of_the_cloud_is_tried_again(
        cloud: Cloud, device: Device, behaviour: Behaviour) -> None:
    cloud.behaviour = behaviour
    cloud.behaviour.single_use_key = False
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.wait_device(15)
        check_carries(session)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
        assert len(target.connections) == 1  # the target is not connected again for it


def test_a_cloud_that_is_away_for_a_moment_is_tried_again(cloud: Cloud, device: Device) -> None:
    cloud.stop_listening()
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        target.wait_connection()
        time.sleep(1)
        cloud.resume_listening()
        session.wait_device(15)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
