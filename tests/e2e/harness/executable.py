# SPDX-License-Identifier: Apache-2.0
"""Finds the program under test."""

from __future__ import annotations

import functools
import os
import shutil
from pathlib import Path

NAME = "c8y-remote-access-connect"
REPOSITORY = Path(__file__).resolve().parents[3]
OPERATIONS = REPOSITORY / "operations"


def built() -> Path:
    """CONNECT_BUILD names the build folder, relative to the repository or absolute."""
    return REPOSITORY / os.environ.get("CONNECT_BUILD", "build") / "plugin" / NAME


@functools.cache
def slowness() -> int:
    """How many times longer than a release build this one may take: a sanitizer's factor."""
    program = built().read_bytes()
    return 4 if b"__tsan_init" in program else 3 if b"__asan_init" in program else 1


def preloaded(name: str) -> Path:
    """A library of ../exploit, preloaded into the program by tests."""
    return built().parents[1] / "tests" / "e2e" / "exploit" / f"{name}.so"


def intruder() -> Path:
    return preloaded("exploit")


def private_copy(folder: Path) -> Path:
    """The program under a path of this test alone.

    /proc/PID/exe then tells this test's processes from those of every other test that runs at the
    same time, whatever the process does to its argv, environment, session or parent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / NAME
    try:
        os.link(built(), copy)  # a hard link has its own path in /proc, a symbolic one does not
    except OSError:
        shutil.copy2(built(), copy)
    return copy
