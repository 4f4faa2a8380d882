# SPDX-License-Identifier: Apache-2.0
"""What this kernel, or the container around the tests, lets a process do with itself."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

_LANDLOCK_CREATE_RULESET, _VERSION = 444, 1  # the number is the same on every architecture


def landlock_version() -> int:
    """Negative where it cannot be had: an old kernel, or a filter as systemd-nspawn's."""
    return ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, 0, _VERSION)


def _outer_filters() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("Seccomp_filters:"):
            return int(line.split()[1])
    return 0


OUTER_FILTERS = _outer_filters()  # seccomp's, inherited by every process of the tests
needs_landlock = pytest.mark.skipif(landlock_version() < 1, reason="no Landlock here")
