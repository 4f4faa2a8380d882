# SPDX-License-Identifier: Apache-2.0
"""What the kernel says about processes: CPU time, memory, which executable they run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

KIB = 1024


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of all their threads, in nanoseconds' resolution.

    The clock of another process, clock_getcpuclockid(3); /proc/PID/stat counts in steps of 10 ms.
    """
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def anonymous_memory(pids: Iterable[int]) -> int:
    """Bytes that exist for these processes only: the sum of Pss_Anon."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                total += int(line.split()[1]) * KIB
    return total


def running(executable: Path) -> list[int]:
    """Every process that runs this very path and is not a zombie."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if os.readlink(entry / "exe").removesuffix(" (deleted)") == str(executable):
                found.append(int(entry.name))
        except OSError:
            continue  # ended meanwhile, a zombie, or not ours
    return found


def name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()
