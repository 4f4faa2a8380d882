# SPDX-License-Identifier: Apache-2.0
"""A control group for each container: two systemds in one would end each other's services."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

_JOIN = 'for group; do case $group in --) shift; break;; esac; echo $$ >"$group/cgroup.procs" ' \
        '|| exit; shift; done; exec "$@"'


def _own_groups() -> list[Path]:
    """Where this process is, in the hierarchies that systemd uses: version 2, and 1 by name."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    own = {controllers: path for _, controllers, path in groups}
    found = []
    for _, point, kind, options, *_ in mounts:
        if kind == "cgroup2" and "" in own:
            found.append(Path(point + own[""]))
        elif kind == "cgroup" and "name=systemd" in options.split(","):
            found.append(Path(point + own["name=systemd"]))
    return found


class ControlGroup:
    def __init__(self, name: str) -> None:
        self._groups = []
        for parent in _own_groups():
            # Not writable: then nspawn says what it thinks of that.
            with contextlib.suppress(OSError):
                (parent / name).mkdir()
                self._groups.append(parent / name)

    def joining(self) -> list[str]:
        """Words before a command: it runs in the group."""
        return ["sh", "-c", _JOIN, "join", *map(str, self._groups), "--"]

    def remove(self, timeout: float = 5) -> None:
        """The kernel empties a dead container's groups a moment after its death."""
        deadline = time.monotonic() + timeout
        while left := [group for group in self._groups if group.exists()]:
            for group in left:
                for folder in [*sorted(group.rglob("*/"), reverse=True), group]:
                    with contextlib.suppress(OSError):
                        folder.rmdir()
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
