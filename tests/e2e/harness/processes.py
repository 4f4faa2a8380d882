# SPDX-License-Identifier: Apache-2.0
"""What the kernel says about the processes of the program under test."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

from .waiting import wait_until


@dataclass(frozen=True)
class Process:
    pid: int
    name: str  # as ps shows it: set by the process itself

    def _read(self, entry: str) -> bytes:
        try:
            return Path(f"/proc/{self.pid}/{entry}").read_bytes()
        except OSError:
            return b""  # it has ended meanwhile

    @property
    def cmdline(self) -> bytes:
        return self._read("cmdline")

    @property
    def environ(self) -> bytes:
        return self._read("environ")

    @property
    def folder(self) -> str:
        return os.readlink(f"/proc/{self.pid}/cwd")

    @property
    def parent(self) -> int:
        return int(self._stat()[1])

    @property
    def session(self) -> int:
        """The session of the system (setsid), not of remote access."""
        return int(self._stat()[3])

    def _stat(self) -> list[str]:
        # After the name in parentheses: state, ppid, pgrp, session, …
        return self._read("stat").decode().rpartition(")")[2].split()

    @property
    def alive(self) -> bool:
        """A dead leader whose threads are not all gone still holds its descriptors."""
        fields = self._stat()
        with contextlib.suppress(OSError):
            return bool(fields) and (fields[0] not in "ZX"
                                     or len(os.listdir(f"/proc/{self.pid}/task")) > 1)
        return False

    def descriptors(self) -> dict[int, str]:
        folder = Path(f"/proc/{self.pid}/fd")
        found = {}
        for entry in folder.iterdir():
            try:
                found[int(entry.name)] = os.readlink(entry)
            except OSError:
                continue
        return found

    def memory(self, field: str, file: str = "status") -> int:
        """Bytes of a Vm… or Rss… line of /proc/PID/status, or of one of smaps_rollup."""
        for line in self._read(file).decode().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
        raise LookupError(f"{field} of {self}")

    def holds(self, text: bytes) -> bool:
        """Anywhere in its writable memory. For root: such a process is not dumpable."""
        maps = self._read("maps").decode().splitlines()
        with open(f"/proc/{self.pid}/mem", "rb") as memory:
            for line in maps:
                addresses, permissions, *_ = line.split()
                if not permissions.startswith("rw") or line.endswith("[vvar]"):
                    continue
                start, end = (int(number, 16) for number in addresses.split("-"))
                memory.seek(start)
                if text in memory.read(end - start):
                    return True
        return False

    def status(self, field: str) -> str:
        """A line of /proc/PID/status without its name."""
        for line in self._read("status").decode().splitlines():
            if line.startswith(field + ":"):
                return " ".join(line.split()[1:])
        raise LookupError(f"{field} of {self}")

    def limit(self, name: str) -> str:
        """The hard limit of a line of /proc/PID/limits."""
        for line in self._read("limits").decode().splitlines():
            if line.startswith(name + " "):
                return line.removeprefix(name).split()[1]
        raise LookupError(f"{name} of {self}")

    def cpu_seconds(self) -> float:
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def reset_peak_memory(self) -> None:
        """VmHWM starts again at what is resident now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Returns when it is dead: the kernel takes its time to close what it held."""
        self.signal(signal.SIGKILL)
        wait_until(lambda: not self.alive, 5, f"the death of {self}")


def of_program(executable: Path) -> list[Process]:
    """Every living process that runs this very path, oldest pid first."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            path = os.readlink(entry / "exe").removesuffix(" (deleted)")
            name = (entry / "comm").read_text().strip()
        except OSError:
            continue
        process = Process(int(entry.name), name)
        if path == str(executable) and process.alive:
            found.append(process)
    return sorted(found, key=lambda process: process.pid)


def wait_gone(executable: Path, timeout: float) -> None:
    try:
        wait_until(lambda: not of_program(executable), timeout)
    except TimeoutError:
        left = [(process.pid, process.name) for process in of_program(executable)]
        raise TimeoutError(f"still there after {timeout} s: {left}") from None
