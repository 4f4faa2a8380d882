# SPDX-License-Identifier: Apache-2.0
"""Devices behind a proxy: in a network namespace whose only ways out are the broker and the proxy,
so that a connection past the proxy fails and shows. Fixtures (conftest.py) and what tests say."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud import Cloud, Mosquitto

from .device import Device
from .expect import check_failure
from .namespace import Namespace
from .proxies import TinyProxy, stunnel, tinyproxy
from .targets import wait_for_end

LOGIN = ("fleet-user", "pa55-of-the-proxy")
PROXY = r"^proxy 127\.0\.0\.1:\d+: "


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    with Namespace() as inside:
        yield inside


@pytest.fixture
def make_inside(namespace: Namespace, broker: Mosquitto,
                make_device: Callable[..., Device]) -> Callable[..., Device]:
    """A device in the namespace. Its proxy is on a port outside (`outside`), on one inside, or
    there is none."""

    def make(*, outside: int | None = None, inside: int | None = None, scheme: str = "",
             host: str = "127.0.0.1", login: tuple[str, str] | None = None, no_proxy: str = "",
             own: str = "") -> Device:
        device = make_device()
        device.mapper.namespace = namespace
        device.settings["mqtt.client.port"] = namespace.door(broker.port)
        port = namespace.door(outside) if outside else inside
        if port:
            device.settings["proxy.address"] = f"{scheme}{host}:{port}"
        if login:
            device.settings["proxy.username"], device.settings["proxy.password"] = login
        if no_proxy:
            device.settings["proxy.no_proxy"] = no_proxy
        device.own(own)
        return device

    return make


@pytest.fixture
def proxy(request: pytest.FixtureRequest, tmp_path: Path, cloud: Cloud) -> Iterator[TinyProxy]:
    """Lets through to the cloud. With a login where a test asks for one by `login_wanted`."""
    login = LOGIN if request.node.get_closest_marker("proxy_login") else None
    with tinyproxy(tmp_path / "proxy", cloud.port, login=login) as running:
        yield running


@contextlib.contextmanager
def https(folder: Path, cloud: Cloud, proxy: TinyProxy, certificate: str) -> Iterator[int]:
    with stunnel(folder, cloud.directory / f"{certificate}.pem", proxy.port) as port:
        yield port


@pytest.fixture
def make_served(make_inside: Callable[..., Device], tmp_path: Path, cloud: Cloud,
                proxy: TinyProxy) -> Iterator[Callable[..., Device]]:
    """A device whose proxy is of that scheme: with https:// one known by name, not by address."""
    with contextlib.ExitStack() as stack:

        def make(scheme: str, **options: object) -> Device:
            if scheme == "http://":
                return make_inside(outside=proxy.port, scheme=scheme, **options)
            port = stack.enter_context(https(tmp_path / "stunnel", cloud, proxy, "names_only"))
            return make_inside(outside=port, scheme=scheme, host="localhost", **options)

        yield make


def fails(cloud: Cloud, device: Device, namespace: Namespace, reason: str, within: float) -> None:
    """The operation fails for that reason, while the target is fine."""
    with namespace.target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        check_failure(operation, device.mapper.wait_runs()[0], reason, within)


def secrecy(device: Device, texts: list[bytes]) -> None:
    """The proxy's login is in its settings file and nowhere else."""
    device.journal.wait_for("failed: |ended by")
    written = [path.read_bytes() for path in [*device.root.rglob("*"), *device.run_path.rglob("*")]
               if path.is_file() and path.name != "tedge.toml" and path != device.program]
    assert len(device.journal.text.splitlines()) >= 2
    login = ":".join(LOGIN).encode()
    for secret in (*(part.encode() for part in LOGIN), base64.b64encode(login)):
        for text in [*texts, *written, device.journal.text.encode()]:
            assert secret not in text, text[max(0, text.index(secret) - 200):][:400]
