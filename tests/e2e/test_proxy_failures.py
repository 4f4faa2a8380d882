# SPDX-License-Identifier: Apache-2.0
"""Proxies that do not let the device through, and servers that are no proxy: named in the reason,
with the cure, in time; the login in none of it."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud

from .harness.behind_proxy import LOGIN, PROXY, fails, secrecy
from .harness.device import Device
from .harness.expect import QUICK, check_carries, established
from .harness.namespace import Namespace
from .harness.proxies import TinyProxy, tinyproxy
from .harness.targets import (Handler, echo, refusing_port, reset, wait_for_end,
                              wants_certificate)


@pytest.mark.proxy_login
@pytest.mark.parametrize("login", [None, (LOGIN[0], "pa55-that-is-wrong")],
                         ids=["no login", "wrong password"])
def test_a_proxy_that_wants_another_login_is_asked_once(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace, proxy: TinyProxy,
        login: tuple[str, str] | None) -> None:
    device = make_inside(outside=proxy.port, login=login).start()
    fails(cloud, device, namespace,
          r"^proxy 127\.0\.0\.1:\d+: login refused with HTTP 40[17] .*proxy\.username", within=3)
    assert b"pa55" not in device.mapper.runs[0].stderr
    device.journal.wait_for("failed: ")
    assert "pa55" not in device.journal.text
    assert cloud.connections == 0


def test_a_proxy_that_refuses_the_port_is_named(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace,
        tmp_path: Path) -> None:
    with tinyproxy(tmp_path / "proxy", 1) as proxy:
        device = make_inside(outside=proxy.port).start()
        fails(cloud, device, namespace,
              r"^proxy 127\.0\.0\.1:\d+: refused to connect with HTTP 403 .*, for "
              rf"127\.0\.0\.1:{cloud.port} .*c8y\.http", within=3)


def test_a_proxy_that_filters_the_host_is_named(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace,
        tmp_path: Path) -> None:
    rules = tmp_path / "filter"
    rules.write_text("127\\.0\\.0\\.1\n")
    with tinyproxy(tmp_path / "proxy", cloud.port, more=f'Filter "{rules}"\n') as proxy:
        device = make_inside(outside=proxy.port).start()
        fails(cloud, device, namespace, r"^proxy .*: refused to connect with HTTP 403 Filtered",
              within=3)


def test_a_cloud_that_the_proxy_does_not_reach_is_tried_again(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace,
        proxy: TinyProxy) -> None:
    device = make_inside(outside=proxy.port, own=QUICK).start()
    cloud.stop_listening()
    fails(cloud, device, namespace, r"^proxy .*: refused to connect with HTTP 50\d", within=5)
    assert len(proxy.connects()) > 2


def test_a_proxy_that_refuses_the_connection_is_named(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace) -> None:
    with namespace.entered(), refusing_port() as port:
        device = make_inside(inside=port, own=QUICK).start()
    fails(cloud, device, namespace,
          rf"^proxy 127\.0\.0\.1:{port}: connection refused \(check proxy\.address\)$", within=5)


@pytest.mark.parametrize(("address", "port"), [
    ("127.86.1.5", 80), ("http://127.86.1.5/", 80), ("https://127.86.1.5", 443)])
def test_a_proxy_without_a_port_is_asked_on_the_one_of_its_scheme(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace, address: str,
        port: int) -> None:
    device = make_inside(own=QUICK)
    device.settings["proxy.address"] = address
    device.start()
    fails(cloud, device, namespace, rf"^proxy 127\.86\.1\.5:{port}: connection refused", within=5)


def test_an_unknown_proxy_is_named(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace) -> None:
    device = make_inside(inside=3128, host="no-such-proxy.invalid", own=QUICK).start()
    fails(cloud, device, namespace,
          r"^proxy no-such-proxy\.invalid:3128: (no such host|no answer)", within=5)


def test_a_proxy_out_of_reach_is_named(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace) -> None:
    device = make_inside(inside=3128, host="192.0.2.1", own=QUICK).start()
    fails(cloud, device, namespace,
          r"^proxy 192\.0\.2\.1:3128: not reachable: Network is unreachable", within=5)


# Servers that are no proxy, or a bad one ------------------------------------------------------


def answering(answer: bytes, stay: bool = True) -> Handler:
    def handler(connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            data = connection.recv(4096)
            if not data:
                return
            head += data
        connection.sendall(answer)
        if stay:
            wait_for_end(connection)

    return handler


def leave(_connection: socket.socket) -> None:
    pass


BAD_PROXIES: dict[str, tuple[Handler, str]] = {
    "says nothing": (wait_for_end, PROXY + r"no answer within 2s .*proxy\.address"),
    "closes at once": (leave, PROXY + "ended the connection .*proxy.address"),
    "resets at once": (reset, PROXY + "(ended the connection|not reachable)"),
    "closes instead of an answer": (
        answering(b"", stay=False), PROXY + "ended the connection without an answer to CONNECT"),
    "is an SSH server": (
        answering(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
        PROXY + r"not the answer of an HTTP proxy: not HTTP: .SSH-2\.0.* \(check proxy\.address"),
    "answers with 100 KiB of head": (
        answering(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 17_000),
        PROXY + "not the answer of an HTTP proxy: its head is larger than 16 KiB"),
    "refuses with 100 KiB of body": (
        answering(b"HTTP/1.1 404 Not Found\r\n\r\n" + b"<html>" * 17_000),
        PROXY + "refused to connect with HTTP 404 Not Found, for"),
    "speaks inside the tunnel": (
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        PROXY + "not the answer of an HTTP proxy: bytes after the head"),
    "never ends its answer": (answering(b"HTTP/1.1 200 OK\r\n"), PROXY + "no answer within 2s"),
    "is busy for good": (
        answering(b"HTTP/1.1 503 Busy\r\n\r\n"), PROXY + "refused to connect with HTTP 503 Busy"),
    "opens a tunnel to nowhere": (
        answering(b"HTTP/1.1 200 OK\r\n\r\n"),
        r"^cloud \S+ through proxy \S+: no answer within 2s"),
    "opens a tunnel and closes it": (
        answering(b"HTTP/1.1 200 OK\r\n\r\n", stay=False),
        r"^cloud \S+ through proxy \S+: ended the connection"),
    "repeats the login": (
        answering(b"HTTP/1.1 403 no " + b" and ".join(
            [":".join(LOGIN).encode(), base64.b64encode(":".join(LOGIN).encode())]) + b"\r\n\r\n"),
        PROXY + r"refused to connect with HTTP 403 no \*\*\*:\*\*\* and \*\*\*, for"),
}


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_an_https_proxy_that_speaks_no_tls_is_named(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace,
        answer: bytes) -> None:
    """Waiting for the end of a line, as tinyproxy does, or answering what it takes for HTTP."""

    def speak_http(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)
        wait_for_end(connection)

    with namespace.target(speak_http) as bad:
        device = make_inside(inside=bad.port, scheme="https://", own=QUICK).start()
        fails(cloud, device, namespace,
              PROXY + ("TLS failed: wrong version number" if answer else "no answer within 2s")
              + r" .*http:// or https://", within=5)


def test_an_https_proxy_that_wants_a_certificate_of_the_device_is_named_at_once(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace) -> None:
    with namespace.target(wants_certificate(
            cloud.certificates.directory / "good.pem", cloud.ca_file)) as strict:
        device = make_inside(inside=strict.port, scheme="https://").start()
        fails(cloud, device, namespace, PROXY + "TLS failed: .*certificate required", within=3)


@pytest.mark.parametrize(("handler", "reason"), [
    pytest.param(*case, id=name) for name, case in BAD_PROXIES.items()])
def test_a_bad_proxy_is_named_in_the_reason(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace, handler: Handler,
        reason: str, patient: Callable[[float], float]) -> None:
    with namespace.target(handler) as bad:
        device = make_inside(inside=bad.port, login=LOGIN, own=QUICK)
        device.install_operation("smartrest", arguments="--log-level trace")
        device.start()
        fails(cloud, device, namespace, reason, within=patient(4))
    assert cloud.connections == 0
    run = device.mapper.runs[0]
    secrecy(device, [run.stdout, run.stderr, cloud.operations[0].reason.encode()])


@pytest.mark.parametrize("trouble", [leave, answering(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")],
                         ids=["closed", "502"])
def test_a_passing_trouble_of_the_proxy_is_tried_again(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace, proxy: TinyProxy,
        trouble: Handler) -> None:
    calls: list[None] = []

    def at_first(connection: socket.socket) -> None:
        calls.append(None)
        (trouble if len(calls) < 3 else namespace.relay_to(proxy.port))(connection)

    with namespace.target(at_first) as unsteady, namespace.target(echo) as target:
        make_inside(inside=unsteady.port).start()
        check_carries(established(cloud, target))
        assert len(target.connections) == 1
