# SPDX-License-Identifier: Apache-2.0
"""A private mosquitto on a free port of 127.0.0.1."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mosquitto:
    """stop() and start() again keep the port: the broker that was away for a while."""

    def __init__(self, directory: Path, *, extra_config: str = "") -> None:
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.host = "127.0.0.1"
        self.port = 0
        self.log_file = self.directory / "mosquitto.log"
        self._extra_config = extra_config
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> "Mosquitto":
        # mosquitto cannot bind port 0; somebody else may take the free port first, so try a few.
        attempts = [self.port] if self.port else [_free_port() for _ in range(5)]
        for self.port in attempts:
            if self._try_start():
                return self
        raise RuntimeError(f"mosquitto does not start, see {self.log_file}: "
                           + self.log_file.read_text()[-500:])

    def _try_start(self) -> bool:
        config = self.directory / "mosquitto.conf"
        config.write_text(f"listener {self.port} {self.host}\nallow_anonymous true\n"
                          f"persistence false\nset_tcp_nodelay true\n{self._extra_config}\n")
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if program is None:
            raise RuntimeError("mosquitto is not installed")
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen([program, "-c", str(config)], stdin=subprocess.DEVNULL,
                                             stdout=log, stderr=log)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(self.address, timeout=1).close()
                time.sleep(0.02)  # ours, or one that had the port before? Ours is alive still
                return self._process.poll() is None
            except OSError:
                time.sleep(0.02)
        self.stop()
        return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
            self._process = None

    def __enter__(self) -> "Mosquitto":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
