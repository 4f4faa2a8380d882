# SPDX-License-Identifier: Apache-2.0
"""A control group with a limit of memory: whoever goes beyond is killed, as by MemoryMax of a unit."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .waiting import wait_until

_PLACES = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]


def _make(limit: int) -> Path:
    for parent, file in _PLACES:
        with contextlib.suppress(OSError):
            group = Path(tempfile.mkdtemp(prefix="ra-", dir=parent))
            try:
                (group / file).write_text(str(limit))
                return group
            except OSError:
                group.rmdir()
    pytest.skip("no control group for memory can be made here")


@contextlib.contextmanager
def memory_group(limit: int) -> Iterator[list[bytes]]:
    """Gives the words that execute a command inside; its processes are gone when this ends."""
    group = _make(limit)
    try:
        yield [b"sh", b"-c", b'echo $$ > "$0" && exec "$@"', os.fsencode(group / "cgroup.procs")]
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            os.kill(int(pid), signal.SIGKILL)
        wait_until(lambda: _gone(group), 5, f"the end of {group}")


def _gone(group: Path) -> bool:
    with contextlib.suppress(OSError):
        group.rmdir()
        return True
    return False
