# SPDX-License-Identifier: Apache-2.0
"""One look at processes: what the kernel counts for each of them."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from e2e.harness.processes import of_program

ROLES = {"c8y-ra-session": "session", "c8y-ra-forward": "forwarder"}
KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Facts:
    """Bytes, counts, seconds. `own` is Pss_Anon: what exists for this process only."""

    role: str
    pss: int
    own: int
    resident: int
    descriptors: int
    threads: int
    cpu: float


def facts(pid: int, role: str) -> Facts | None:
    """None: it has ended meanwhile."""
    folder = Path(f"/proc/{pid}")
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
        sizes = {name: int(rest.split()[0]) * KIB
                 for name, _, rest in (line.partition(":") for line in lines[1:])}
        # Finer than /proc/PID/stat, which counts in steps of 10 ms: clock_getcpuclockid(3).
        return Facts(role, sizes["Pss"], sizes["Pss_Anon"], sizes["Rss"],
                     len(os.listdir(folder / "fd")), len(os.listdir(folder / "task")),
                     time.clock_gettime((~pid << 3) | 2))
    except (OSError, KeyError, ValueError):
        return None


def look(program: Path) -> dict[int, Facts]:
    """Our processes, by pid; a plugin keeps the program's own name."""
    found = {process.pid: facts(process.pid, ROLES.get(process.name, "plugin"))
             for process in of_program(program)}
    return {pid: one for pid, one in found.items() if one is not None}


def unreaped(program: Path) -> list[int]:
    """Dead children that one of our living processes does not take away."""
    living = {process.pid for process in of_program(program)} | {os.getpid()}
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] == "Z" and int(fields[1]) in living:
            found.append(int(entry.name))
    return found


class Peak:
    """The most that many looks found of all our processes together: bytes of Pss, and how many."""

    def __init__(self, program: Path, interval: float = 0.25) -> None:
        self.pss = 0
        self.processes = 0
        self._program = program
        self._interval = interval
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(self._interval):
            found = look(self._program)
            self.pss = max(self.pss, sum(one.pss for one in found.values()))
            self.processes = max(self.processes, len(found))

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(10)
