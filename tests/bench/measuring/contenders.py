# SPDX-License-Identifier: Apache-2.0
"""The measured programs: how each is started, and which processes it is."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from . import process
from .device import Device
from .ends import Incomplete
from .programs import Programs

PATH = "/service/remoteaccess/device/"


class Started:
    """One program serving one session."""

    def __init__(self, popen: subprocess.Popen[bytes], started_ns: int) -> None:
        self.popen = popen
        self.started_ns = started_ns

    def ready(self) -> None:
        """Returns when the program does what it does for the rest of the session."""

    def processes(self) -> list[int]:
        return [self.popen.pid]

    def stop(self) -> None:
        self.popen.kill()
        self.popen.wait()


class StartedProduct(Started):
    """The plugin leaves after SUCCESSFUL; session and forwarder stay."""

    def __init__(self, popen: subprocess.Popen[bytes], started_ns: int, program: Path,
                 log: list[str]) -> None:
        super().__init__(popen, started_ns)
        self._program = program
        self._log = log
        self.exited_ns = 0

    def ready(self) -> None:
        status = self.popen.wait(60)
        self.exited_ns = time.monotonic_ns()
        if status != 0:
            log = "\n".join(self._log[-8:])
            raise Incomplete(f"the plugin ended with status {status}:\n{log}")

    def processes(self) -> list[int]:
        return process.running(self._program)

    def stop(self) -> None:
        """Session and forwarder end with their connections; after a second they are made to."""
        deadline = time.monotonic() + 1
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.005)
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.popen.wait(5)


Start = Callable[[Device, int, int], Started]


def _spawn(argv: list[str], environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    # In a session of the system of its own, as the product's processes are: the kernel's scheduler
    # may share the cores out by session (sched_autogroup).
    started = time.monotonic_ns()
    return subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL, start_new_session=True,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), started


def _reference(program: Path) -> Start:
    def start(device: Device, cloud_port: int, target_port: int) -> Started:
        return Started(*_spawn([str(program), str(cloud_port), PATH + device.key(),
                                str(device.ca_file), str(target_port)], device.environment()))
    return start


def _websocat(program: Path) -> Start:
    def start(device: Device, cloud_port: int, target_port: int) -> Started:
        return Started(*_spawn([str(program), "--binary", "--protocol", "binary",
                                f"tcp:127.0.0.1:{target_port}",
                                f"wss://127.0.0.1:{cloud_port}{PATH}{device.key()}"],
                               device.environment()))
    return start


def product(login: str = "certificate") -> Start:
    def start(device: Device, cloud_port: int, target_port: int) -> Started:
        program = device.private_product()
        settings = device.settings(cloud_port, login)
        payload = f"530,device-1,127.0.0.1,{target_port},{device.key()}"
        return StartedProduct(*_spawn([str(program), "--config-dir", str(settings), payload],
                                      device.environment()), program, device.log)
    return start


def all_of(programs: Programs) -> dict[str, Start]:
    found = {"floor": _reference(programs.floor), "product": product(),
             "naive": _reference(programs.naive)}
    if programs.websocat:
        found["websocat"] = _websocat(programs.websocat)
    return found
