# SPDX-License-Identifier: Apache-2.0
"""What this machine's kernel, or the container that we are in ourselves, lets a process do."""

from __future__ import annotations

import ctypes

_CREATE_RULESET, _VERSION = 444, 1


def _landlock_works() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0),
                           ctypes.c_uint(_VERSION))
    return version >= 1


LANDLOCK_WORKS = _landlock_works()
