# SPDX-License-Identifier: Apache-2.0
"""How much load; and the figures, which the run prints at its end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import executable

from .bed import Bed, bed

Say = Callable[[str], None]

_lines: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    load = parser.getgroup("load")
    load.addoption("--held", type=int, default=60, help="sessions held at once")
    load.addoption("--row", type=int, default=200, help="sessions one after another")
    load.addoption("--soak", type=int, default=120, help="seconds of mixed traffic")
    load.addoption("--soak-folder", type=Path, help="where samples and plot go")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "release_only: not in a build with sanitizers")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for line in _lines:
        terminalreporter.write_line(line)


@pytest.fixture
def say() -> Say:
    return _lines.append


@pytest.fixture
def make_bed(tmp_path: Path) -> Iterator[Callable[..., Bed]]:
    path = executable.built()
    assert path.exists(), f"{path} is missing: build first, or set CONNECT_BUILD"
    with contextlib.ExitStack() as stack:
        yield lambda **arguments: stack.enter_context(bed(tmp_path, **arguments))
