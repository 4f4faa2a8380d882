# SPDX-License-Identifier: Apache-2.0
"""The cloud through an HTTP proxy: a real tinyproxy, a real stunnel before it for https://."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud

from .harness.behind_proxy import LOGIN, PROXY, fails, https, secrecy
from .harness.device import Device
from .harness.expect import QUICK, SUCCESS, check_carries, established, opened
from .harness.namespace import Namespace
from .harness.proxies import TinyProxy
from .harness.targets import echo, random_chunks, receive_digest, reset, say_and_leave, wait_for_end

MIB = 1 << 20
SCHEMES = pytest.mark.parametrize("scheme", ["http://", "https://"])


# The way through ------------------------------------------------------------------------------


@SCHEMES
def test_a_session_goes_through_the_proxy(
        cloud: Cloud, make_served: Callable[..., Device], namespace: Namespace, proxy: TinyProxy,
        scheme: str) -> None:
    device = make_served(scheme).start()
    cloud.certificate = "addresses_only"
    with namespace.target(echo) as target:
        session = established(cloud, target)
        check_carries(session)
        session.close()
        target.wait_ended()
        device.journal.wait_for("ended by the cloud")
    assert session.operation.statuses == SUCCESS
    assert proxy.connects() == [f"127.0.0.1:{cloud.port}"]
    device.journal.wait_for(rf"established: .*127\.0\.0\.1:{cloud.port} through proxy "
                            r"(127\.0\.0\.1|localhost):\d+")


def test_proxy_and_cloud_may_be_ipv6_addresses(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace,
        proxy: TinyProxy) -> None:
    device = make_inside(inside=namespace.door(proxy.port, host="::1"), host="[::1]")
    device.settings["c8y.http"] = f"[::1]:{cloud.port}"
    device.start()
    with namespace.target(echo) as target:
        check_carries(established(cloud, target))
    assert proxy.connects() == [f"[::1]:{cloud.port}"]


@pytest.mark.proxy_login
@SCHEMES
def test_a_login_opens_the_proxy_and_is_nowhere_to_be_read(
        cloud: Cloud, make_served: Callable[..., Device], namespace: Namespace,
        scheme: str) -> None:
    device = make_served(scheme, login=LOGIN)
    device.install_operation("smartrest", arguments="--log-level trace")
    device.start()
    with namespace.target(echo) as target:
        session = established(cloud, target)
        shown = [process.cmdline + process.environ for process in device.processes()]
        check_carries(session)
        run = device.mapper.wait_runs()[0].finish()
        session.close()
        target.wait_ended()
    secrecy(device, [*shown, run.stdout, run.stderr])


@pytest.mark.proxy_login
def test_the_proxy_may_come_by_the_environment(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace,
        proxy: TinyProxy) -> None:
    device = make_inside()
    device.mapper.environment |= {
        "TEDGE_PROXY_ADDRESS": f"http://127.0.0.1:{namespace.door(proxy.port)}",
        "TEDGE_PROXY_USERNAME": LOGIN[0], "TEDGE_PROXY_PASSWORD": LOGIN[1]}
    device.start()
    with namespace.target(echo) as target:
        session = established(cloud, target)
        check_carries(session)
        assert device.process("session").environ
        for process in device.processes():
            assert LOGIN[1].encode() not in process.environ + process.cmdline, process
    assert len(proxy.connects()) == 1


@pytest.mark.release_only  # a sanitizer keeps what is freed, and maps more than can be read
@pytest.mark.proxy_login
@pytest.mark.parametrize("source", ["settings", "environment"])
@SCHEMES
def test_who_takes_a_session_over_finds_no_login_of_the_proxy(
        cloud: Cloud, make_served: Callable[..., Device], namespace: Namespace,
        scheme: str, source: str) -> None:
    device = make_served(scheme, login=LOGIN)
    if source == "environment":
        del device.settings["proxy.username"], device.settings["proxy.password"]
        device.mapper.environment |= {"TEDGE_PROXY_USERNAME": LOGIN[0],
                                      "TEDGE_PROXY_PASSWORD": LOGIN[1]}
    device.start()
    with namespace.target(echo) as target:
        check_carries(established(cloud, target))
        for role in ("session", "forwarder"):
            process = device.process(role)
            assert process.holds(b"TEDGE_CONFIG_DIR")  # so it would be found
            assert not process.holds(LOGIN[1].encode())
            assert not process.holds(base64.b64encode(":".join(LOGIN).encode()))


@pytest.mark.timeout(120)
@SCHEMES
def test_a_long_transfer_each_way_arrives_unchanged(
        cloud: Cloud, make_served: Callable[..., Device], namespace: Namespace,
        scheme: str) -> None:
    size = 24 * MIB
    heard: list[str] = []
    said = hashlib.sha256(b"".join(random_chunks(size, 3))).hexdigest()

    def listen_then_speak(connection: socket.socket) -> None:
        heard.append(receive_digest(connection, size))
        say_and_leave(random_chunks(size, 3))(connection)

    make_served(scheme).start()
    with namespace.target(listen_then_speak) as target:
        session = opened(cloud, target)
        sent = session.send_random(size, timeout=50)
        assert session.recv_digest(size, timeout=50) == said
        assert heard == [sent]
        assert session.wait_closed(5).code == 1000


@SCHEMES
@pytest.mark.parametrize("handler, code", [(say_and_leave(b"bye"), 1000), (reset, 1011)],
                         ids=["ends", "is reset"])
def test_the_end_of_the_target_is_told_through_the_proxy(
        cloud: Cloud, make_served: Callable[..., Device], namespace: Namespace, scheme: str,
        handler: Callable[..., None], code: int) -> None:
    def after_a_word(connection: socket.socket) -> None:
        connection.recv(1)
        handler(connection)

    make_served(scheme).start()
    with namespace.target(after_a_word) as target:
        session = established(cloud, target)
        session.send(b"!")
        closed = session.wait_closed(5)
    assert (closed.code, closed.by) == (code, "device")


@SCHEMES
def test_a_cloud_that_is_cut_off_behind_the_proxy_ends_the_session(
        cloud: Cloud, make_served: Callable[..., Device], namespace: Namespace,
        scheme: str) -> None:
    device = make_served(scheme).start()
    with namespace.target(wait_for_end) as target:
        session = established(cloud, target)
        session.abort()
        target.wait_ended(timeout=5)
    device.journal.wait_for(r"ended by the cloud \(close code 1006")


# Verified ends --------------------------------------------------------------------------------


@SCHEMES
def test_the_cloud_is_verified_against_its_own_name_through_the_proxy(
        cloud: Cloud, make_served: Callable[..., Device], namespace: Namespace,
        scheme: str) -> None:
    """The certificate is good for the proxy's name, which is not asked."""
    cloud.certificate = "names_only"
    device = make_served(scheme).start()
    fails(cloud, device, namespace,
          rf"^cloud 127\.0\.0\.1:{cloud.port} through proxy \S+: TLS certificate not trusted: "
          "IP address mismatch", within=5)
    assert cloud.upgrades == []


@pytest.mark.parametrize(("certificate", "why"), [
    ("addresses_only", "hostname mismatch"), ("unknown_ca", "issuer certificate"),
    ("expired", "expired")])
def test_a_proxy_with_a_wrong_certificate_gets_nothing(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace, tmp_path: Path,
        proxy: TinyProxy, certificate: str, why: str) -> None:
    with https(tmp_path / "stunnel", cloud, proxy, certificate) as port:
        device = make_inside(outside=port, scheme="https://", host="localhost", login=LOGIN)
        device.start()
        fails(cloud, device, namespace,
              rf"^proxy localhost:\d+: TLS certificate not trusted: .*{why}.*proxy\.address",
              within=5)
    assert proxy.connects() == []


def test_a_proxy_of_the_other_scheme_is_named(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace, tmp_path: Path,
        proxy: TinyProxy) -> None:
    """stunnel gets HTTP instead of TLS."""
    with https(tmp_path / "stunnel", cloud, proxy, "good") as port:
        device = make_inside(outside=port, scheme="http://", own=QUICK).start()
        fails(cloud, device, namespace,
              PROXY + r"(ended the connection|not the answer of an HTTP proxy).*http:// or https://",
              within=5)


# no_proxy -------------------------------------------------------------------------------------


@pytest.mark.parametrize("no_proxy", ["*", "127.0.0.1", "127.0.0.0/8", "example.com, 127.0.0.1:{}"])
def test_without_the_proxy_this_device_reaches_no_cloud(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace, proxy: TinyProxy,
        no_proxy: str) -> None:
    """So no_proxy is honoured, and every other test here would notice a bypass."""
    device = make_inside(outside=proxy.port, no_proxy=no_proxy.format(cloud.port), own=QUICK)
    device.start()
    fails(cloud, device, namespace, rf"^cloud 127\.0\.0\.1:{cloud.port}: (connection refused|not "
                                    "reachable)", within=5)
    assert cloud.connections == 0
    assert proxy.connects() == []


@pytest.mark.parametrize("no_proxy", ["Tenant.Cloud.Invalid", ".INVALID", "*.cloud.invalid:443"])
def test_a_name_and_names_below_a_suffix_go_past_the_proxy(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace, proxy: TinyProxy,
        no_proxy: str) -> None:
    device = make_inside(outside=proxy.port, no_proxy=no_proxy, own=QUICK)
    device.settings["c8y.http"] = "tenant.cloud.invalid"
    device.start()
    fails(cloud, device, namespace,
          r"^cloud tenant\.cloud\.invalid:443: (no such host|no answer)", within=5)
    assert proxy.connects() == []


@pytest.mark.parametrize("no_proxy", ["localhost", "10.0.0.0/8", "127.0.0.1:1", "not/readable"])
def test_a_list_that_does_not_name_the_cloud_leaves_it_to_the_proxy(
        cloud: Cloud, make_inside: Callable[..., Device], namespace: Namespace, proxy: TinyProxy,
        no_proxy: str) -> None:
    device = make_inside(outside=proxy.port, no_proxy=no_proxy).start()
    with namespace.target(echo) as target:
        check_carries(established(cloud, target))
        run = device.mapper.wait_runs()[0].finish()
    assert len(proxy.connects()) == 1
    assert (b"proxy.no_proxy: `not/readable`" in run.stderr) == ("/r" in no_proxy)
