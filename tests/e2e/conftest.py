# SPDX-License-Identifier: Apache-2.0
"""A broker, a cloud and a device for each test, and the watch that nothing is left of them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud import Cloud, Mosquitto, Session

from .harness import executable
from .harness.behind_proxy import (  # noqa: F401  fixtures
    make_inside, make_served, namespace, proxy)
from .harness.device import Device
from .harness.gate import Gate
from .harness.toxiproxy import Toxiproxy, toxiproxy_server

DEADLINE = 60  # seconds for a test that names none


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "device(**arguments): how the `device` fixture is made")
    config.addinivalue_line("markers", "release_only: not in a build with sanitizers")
    config.addinivalue_line("markers", "proxy_login: the proxy of this test wants a login")
    config.addinivalue_line("markers", "violations: this test makes the device break the protocol")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(DEADLINE))


@pytest.fixture(scope="session", autouse=True)
def program() -> Path:
    path = executable.built()
    assert path.exists(), f"{path} is missing: build first, or set CONNECT_BUILD"
    return path


@pytest.fixture
def broker_config() -> str:
    """More lines for mosquitto's configuration; a test module may have its own."""
    return ""


@pytest.fixture
def broker(tmp_path: Path, broker_config: str) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path / "mqtt", extra_config=broker_config) as mosquitto:
        yield mosquitto


@pytest.fixture
def cloud(request: pytest.FixtureRequest, tmp_path: Path, broker: Mosquitto) -> Iterator[Cloud]:
    with Cloud(tmp_path / "cloud", broker.address) as cumulocity:
        yield cumulocity
        if request.node.get_closest_marker("violations") is None:
            assert cumulocity.violations == []


@pytest.fixture
def gate(broker: Mosquitto) -> Iterator[Gate]:
    with Gate(broker.address) as between:
        yield between


@pytest.fixture
def toxiproxy(tmp_path: Path) -> Iterator[Toxiproxy]:
    with toxiproxy_server(tmp_path / "toxiproxy") as server:
        yield server


@pytest.fixture
def make_device(tmp_path: Path, broker: Mosquitto, cloud: Cloud,
                gate: Gate) -> Iterator[Callable[..., Device]]:
    """Devices that a test sets up further and starts itself: make_device(login="certificate").

    The plugin of one with `gated=True` reaches the broker through the fixture `gate`.
    """
    with contextlib.ExitStack() as stack:

        def make(name: str = "device", gated: bool = False, **arguments: Any) -> Device:
            made = Device(tmp_path / name, cloud, broker.address, **arguments)
            stack.callback(made.stop)
            if gated:
                made.settings["mqtt.client.port"] = gate.port
            return made

        yield make
        # The operators go first: what their devices leave behind then is left for good.
        for session in cloud.sessions:
            if isinstance(session, Session) and session.closed is None:
                with contextlib.suppress(RuntimeError):  # the device never came
                    session.drop()


@pytest.fixture
def device(request: pytest.FixtureRequest, make_device: Callable[..., Device]) -> Device:
    """A started device; SmartREST and Basic login unless the mark `device` says otherwise."""
    marker = request.node.get_closest_marker("device")
    return make_device(**(marker.kwargs if marker else {})).start()


@pytest.fixture
def patient(request: pytest.FixtureRequest) -> Callable[[float], float]:
    """Deadlines of the product as this build meets them: sanitizers are slower by a factor."""
    return functools.partial(lambda factor, seconds: seconds * factor, executable.slowness())
