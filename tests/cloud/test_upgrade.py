# SPDX-License-Identifier: Apache-2.0
"""The knobs up to the answered upgrade: TCP, TLS, heads, keys."""

from __future__ import annotations

import socket
import ssl
import struct

import pytest

from cloud import Cloud, Connection, Upgrade
from cloud.frames import BINARY, CLOSE
from cloud.wire import Wire

pytestmark = pytest.mark.timeout(40)


def test_the_answer_has_the_platforms_headers(cloud: Cloud) -> None:
    head = Wire(cloud).ask(cloud.create_operation("h", 1, delivery=None).key)
    for line in ("connection: upgrade", "upgrade: websocket", "sec-websocket-protocol: binary",
                 "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "expires: 0"):
        assert line + "\r\n" in head


def test_unknown_key_used_key_and_bad_token_are_refused(cloud: Cloud) -> None:
    key = cloud.create_operation("h", 1, delivery=None).key
    assert " 404 " in Wire(cloud).ask("nobody-knows-it")
    bad = Wire(cloud)
    bad.token = "a.b.c"
    assert " 401 " in bad.ask(key)
    cloud.behaviour.reject_tokens = 1
    assert " 401 " in Wire(cloud).ask(key), "the spurious one"
    first = Wire(cloud)
    assert " 101 " in first.ask(key), "refusals have not used up the key"
    assert " 404 " in Wire(cloud).ask(key)
    assert [one.status for one in cloud.upgrades] == [404, 401, 401, 101, 404]


@pytest.mark.parametrize("status", [302, 403, 410, 429, 500, 502, 503])
def test_scripted_refusals_then_success(cloud: Cloud, status: int) -> None:
    key = cloud.create_operation("h", 1, delivery=None).key
    cloud.behaviour.upgrades = [Upgrade(status=status, headers={"location": "https://other.test/"})]
    assert f"HTTP/1.1 {status} " in Wire(cloud).ask(key)
    assert "HTTP/1.1 101 " in Wire(cloud).ask(key)


def test_heads_that_are_odd(cloud: Cloud) -> None:
    def ask(**knobs: object) -> str:
        cloud.behaviour.upgrades = [Upgrade(**knobs)]  # type: ignore[arg-type]
        return Wire(cloud).ask(cloud.create_operation("h", 1, delivery=None).key)

    assert "sec-websocket-protocol" not in ask(subprotocol=None)
    assert "sec-websocket-protocol: chat" in ask(subprotocol="chat")
    assert "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" not in ask(wrong_accept=True)
    assert 12_288 < len(ask(head_padding=12_288)) < 14_000
    assert "not HTTP" in ask(kind="junk")
    assert ask(kind="close") == ""
    assert ask(byte_interval=0.0005).endswith("expires: 0\r\n\r\n")
    assert ask(status_line="HTTP/1.0 101 ").startswith("HTTP/1.0 101 \r\n")
    cloud.behaviour.upgrades = [Upgrade(kind="reset")]
    wire = Wire(cloud)
    wire.socket.sendall(b"GET /service/remoteaccess/device/k HTTP/1.1\r\n\r\n")
    assert wire.was_reset()


def test_an_endless_head_ends_with_the_reader(cloud: Cloud) -> None:
    cloud.behaviour.upgrades = [Upgrade(kind="endless_head")]
    wire = Wire(cloud)
    wire.socket.sendall(b"GET /service/remoteaccess/device/k HTTP/1.1\r\n\r\n")
    assert len(wire.exactly(1_000_000)) == 1_000_000
    wire.socket.close()


def test_connections_that_never_get_to_http(cloud: Cloud) -> None:
    cloud.behaviour.connections = [Connection("reset"), Connection("close"),
                                   Connection("close_in_hello"), Connection("junk_in_hello")]
    for _ in range(4):
        with pytest.raises(OSError):
            Wire(cloud)
    assert Wire(cloud).ask("x").startswith("HTTP/1.1 404")
    cloud.behaviour.connections = [Connection("silent")]
    with socket.create_connection((cloud.host, cloud.port), timeout=0.3) as silent:
        with pytest.raises(TimeoutError):
            silent.recv(1)
    cloud.stop_listening()
    with pytest.raises(ConnectionRefusedError):
        Wire(cloud)
    cloud.resume_listening()
    assert Wire(cloud).ask("x").startswith("HTTP/1.1 404")


@pytest.mark.parametrize("kind, error", [
    ("expired", "expired"), ("not_yet", "not yet valid"), ("wrong_name", "doesn't match"),
    ("wrong_name", "Hostname mismatch"), ("self_signed", "self-signed"),
    ("unknown_ca", "unable to get local issuer")])
def test_certificates_that_must_not_be_trusted(cloud: Cloud, kind: str, error: str) -> None:
    cloud.certificate = kind
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        Wire(cloud)
    assert error in str(caught.value) or kind == "wrong_name"


def test_frames_glued_to_the_answer(cloud: Cloud) -> None:
    session = cloud.open("h", 1, delivery=None)
    session.send(b"early")
    cloud.behaviour.upgrades = [Upgrade(glued=b"first", glue_early=True, then="close",
                                        close_code=1001, close_reason="so soon")]
    wire = Wire(cloud)
    wire.ask(session.operation.key)
    assert [wire.frame() for _ in range(2)] == [(True, BINARY, b"first"), (True, BINARY, b"early")]
    assert wire.frame() == (True, CLOSE, struct.pack("!H", 1001) + b"so soon")
    wire.send(CLOSE, struct.pack("!H", 1001))
    closed = session.wait_closed()
    assert (closed.code, closed.by, closed.answered) == (1001, "cloud", True)
