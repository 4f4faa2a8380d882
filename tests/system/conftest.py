# SPDX-License-Identifier: Apache-2.0
"""The root, the packages, and devices for the tests. Skips everything where no container boots."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt
import pytest

from cloud import Cloud, Mosquitto
from e2e.harness.executable import REPOSITORY

from .harness import deb, thin_edge
from .harness.container import Container, NoBoot
from .harness.device import DEBS, Debs, Device
from .harness.root import make_root

DEADLINE = 120
ROOT = "debian-root"  # below pytest's folder of this run
FIRST, NEXT = "2.0.1", "2.1.0"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("timeout") is None:
            # Not the fixtures: the first of a run makes the root, and their waits have deadlines.
            item.add_marker(pytest.mark.timeout(DEADLINE, func_only=True))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "device(**arguments): how the `device` fixture is made")
    config.addinivalue_line("markers", "alone: starves what runs beside it, so nothing does")


def _shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The same for all workers of a run."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    factory: Any = getattr(session.config, "_tmp_path_factory", None)
    if factory is not None and (base := getattr(factory, "_basetemp", None)) is not None:
        shutil.rmtree(base / ROOT, ignore_errors=True)


@pytest.fixture(autouse=True)
def company(request: pytest.FixtureRequest,
            tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Who waits to be alone keeps the turn, so that no other test begins meanwhile."""
    folder = _shared_folder(tmp_path_factory)
    alone = request.node.get_closest_marker("alone") is not None
    with (folder / "company.lock").open("w") as lock:
        with (folder / "turn.lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield


@pytest.fixture(scope="session")
def our_deb() -> Path:
    """REMOTE_ACCESS_DEB, else what packaging/build-deb.sh has put into build/deb."""
    if named := os.environ.get("REMOTE_ACCESS_DEB"):
        return Path(named).resolve(strict=True)
    found = sorted((REPOSITORY / "build/deb").glob("c8y-remote-access-connect_*.deb"),
                   key=lambda path: path.stat().st_mtime)
    native = [path for path in found if deb.field_of(path, "Architecture") == deb.architecture()]
    assert native, "no package: run packaging/build-deb.sh, or set REMOTE_ACCESS_DEB"
    return native[-1]


@pytest.fixture(scope="session")
def root(our_deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Debian that all containers start from, if this machine can boot it."""
    kept = os.environ.get("REMOTE_ACCESS_SYSTEM_ROOT")  # for a developer's second run
    made = make_root(Path(kept) if kept else _shared_folder(tmp_path_factory) / ROOT, our_deb)
    # A probe with nothing of ours in it: what fails later is a failure.
    reason = "" if os.geteuid() == 0 else "booting a container needs root"
    probe = None
    try:
        if not reason:
            probe = Container(made, tmp_path_factory.mktemp("probe") / "container")
            probe.boot()
    except NoBoot as error:
        reason = f"this machine cannot boot a systemd container: {error}"
    finally:
        if probe is not None:
            probe.close()
    if reason and os.environ.get("REMOTE_ACCESS_SYSTEM") == "required":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    return made


@pytest.fixture(scope="session")
def debs(our_deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Debs:
    folder = tmp_path_factory.mktemp("debs")
    shutil.copy(our_deb, folder)
    newer = deb.with_version(our_deb, deb.field_of(our_deb, "Version") + "+next1", folder)
    stock = {}
    for name, version, more in [("first", FIRST, b""), ("same", NEXT, b""),
                                ("changed", NEXT + "+c1", b"# changed by thin-edge\n")]:
        stock[name] = [path.name for path in thin_edge.build_all(folder, version, more)]
    return Debs(folder, our_deb.name, newer.name, stock)


@contextlib.contextmanager
def surroundings(folder: Path) -> Iterator[tuple[Mosquitto, Cloud]]:
    with Mosquitto(folder / "mqtt") as broker, Cloud(folder / "cloud", broker.address) as cloud:
        yield broker, cloud
        assert cloud.violations == []


def container_for(root: Path, folder: Path, debs: Debs) -> Container:
    python = Path(paho.mqtt.__file__).parents[1]
    return Container(root, folder, {debs.folder: DEBS, REPOSITORY / "tests": "/opt/tests",
                                    python: "/opt/python/paho"})


@pytest.fixture
def make_device(root: Path, debs: Debs, tmp_path: Path) -> Iterator[Callable[..., Device]]:
    """Devices with nothing installed yet: make_device(systemd=False)."""
    with contextlib.ExitStack() as stack:

        def make(name: str = "device", systemd: bool = True) -> Device:
            broker, cloud = stack.enter_context(surroundings(tmp_path / name))
            container = container_for(root, tmp_path / name / "container", debs)
            device = Device(container, cloud, broker.address, debs)
            stack.callback(device.close)
            if systemd:
                container.boot()
            else:
                container.start_without_systemd()
            return device

        yield make


@pytest.fixture
def device(make_device: Callable[..., Device]) -> Device:
    """thin-edge is there and connected; ours is not installed."""
    made = make_device()
    made.install_thin_edge()
    made.connect()
    return made


@pytest.fixture
def served(device: Device) -> Device:
    """Ours is installed too."""
    device.install()
    device.wait_ours()
    return device
