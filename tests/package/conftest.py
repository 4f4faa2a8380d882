# SPDX-License-Identifier: Apache-2.0
"""The package, built once for the run, and unpacked. tests/system installs the same file."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = "packaging/build-deb.sh"
MINUTE = 60


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(12 * MINUTE))


def output_of(*command: str | Path) -> str:
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          check=True).stdout


@pytest.fixture(scope="session")
def deb() -> Path:
    """REMOTE_ACCESS_DEB, if that is set: while one writes a test."""
    if given := os.environ.get("REMOTE_ACCESS_DEB"):
        return Path(given).resolve()
    printed = output_of(REPOSITORY / BUILD, "--output", REPOSITORY / "build/deb")
    return Path(printed.splitlines()[0])


@pytest.fixture(scope="session")
def unpacked(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "-R", deb, folder], check=True)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The tracked files once more, as another user checks them out: another path, other modes."""
    folder = tmp_path / "a longer path" / "source"
    folder.mkdir(parents=True)
    copy = 'umask 077; git ls-files -z | xargs -0 cp --parents --no-dereference -t "$1"; ' \
           'cd "$1" && git init -q && git add -A'
    subprocess.run(["bash", "-euo", "pipefail", "-c", copy, "copy", folder], check=True,
                   cwd=REPOSITORY, stdin=subprocess.DEVNULL)
    return folder
