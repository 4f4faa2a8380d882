# SPDX-License-Identifier: Apache-2.0
"""One tunnel that stands: a measured program between its own cloud end and its own target end."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from . import process
from .contenders import Start, Started
from .device import Device
from .ends import End, Incomplete


class Session:
    def __init__(self, device: Device, name: str, start: Start) -> None:
        self.name = name
        self._device = device
        self.cloud: End = device.cloud_end()
        self.target: End = device.target_end()
        cloud_port = self.cloud.wait("listening", 10)["port"]
        target_port = self.target.wait("listening", 10)["port"]
        self.program: Started = start(device, cloud_port, target_port)
        try:
            self.program.ready()
            self.up: dict[str, Any] = self.cloud.wait("up", 10)
            self.target.wait("up", 10)
        except BaseException:
            self.stop()
            raise

    def run(self, cloud: tuple[object, ...], target: tuple[object, ...], *,
            cloud_first: bool = False,
            timeout: float = 60) -> tuple[dict[str, Any], dict[str, Any]]:
        """One command for each end; what both report when they are done."""
        order = ((self.cloud, cloud), (self.target, target))
        for end, command in order if cloud_first else reversed(order):
            end.command(*command)
        try:
            return self.cloud.wait("done", timeout), self.target.wait("done", timeout)
        except Incomplete as error:
            log = "\n".join(self._device.log[-8:])
            raise Incomplete(f"{self.name}: {cloud} / {target}: {error}\n{log}") from None

    def cpu_seconds(self) -> float:
        return process.cpu_seconds(self.program.processes())

    def memory(self) -> int:
        return process.anonymous_memory(self.program.processes())

    def stop(self) -> None:
        self.cloud.stop()  # both connections end, and with them the session
        self.target.stop()
        self.program.stop()


@contextlib.contextmanager
def sessions(device: Device, starts: dict[str, Start]) -> Iterator[dict[str, Session]]:
    with contextlib.ExitStack() as stack:
        standing = {}
        for name, start in starts.items():
            standing[name] = Session(device, name, start)
            stack.callback(standing[name].stop)
        yield standing
