# SPDX-License-Identifier: Apache-2.0
"""Stands in for the socket unit: systemd's own systemd-socket-activate."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .device import Device
from .services import program
from .waiting import wait_until


def is_listening(path: Path) -> bool:
    """Its file is there before it listens; the kernel shows that by a flag (__SO_ACCEPTCON)."""
    lines = Path("/proc/net/unix").read_text().splitlines()
    return any(line.endswith(f" {path}") and line.split()[3] == "00010000" for line in lines)


@contextlib.contextmanager
def listening(device: Device, *arguments: str,
              wrapper: list[str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """As the socket unit will be: one session for each connection, with its own settings folder;
    `wrapper` executes it."""
    options = [f"--setenv={name}={value}"
               for name, value in device.service_environment().items()]
    with (device.root / "socket-activate.log").open("wb") as log:
        process = subprocess.Popen(
            [program("systemd-socket-activate"), "--accept", "--seqpacket", *options,
             "-l", str(device.socket_path), *(wrapper or []), str(device.program), "session",
             *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until(lambda: is_listening(device.socket_path), 5, "the session socket")
        yield process
    finally:
        process.terminate()
        process.wait(5)
