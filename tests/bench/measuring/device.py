# SPDX-License-Identifier: Apache-2.0
"""What stands around a measured program: CA, broker, MQTT end, thin-edge's settings, log socket."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from cloud.broker import Mosquitto
from cloud.certificates import Certificates

from .ends import End
from .programs import PRODUCT, Programs


# The floor sends no pings, and the cloud's end would answer one in the middle of a frame.
OWNER = '[keepalive]\nping = "10m"\ntimeout = "1h"\n'


class Device:
    """One for the whole benchmark; each measured session gets a settings folder of its own."""

    def __init__(self, folder: Path, programs: Programs, broker_config: str) -> None:
        self.folder = folder
        self.programs = programs
        self._numbers = itertools.count(1)
        self._stack = contextlib.ExitStack()
        self.certificates = Certificates(folder / "certificates")
        self.ca_file = self.certificates.ca_file
        broker = self._stack.enter_context(
            Mosquitto(folder / "broker", extra_config=broker_config))
        self.broker_port = broker.port
        self.mqtt = End([sys.executable, str(Path(__file__).with_name("mqtt_end.py")),
                         str(self.broker_port)])
        self._stack.callback(self.mqtt.stop)
        self.mqtt.wait("ready", 10)
        self.log = self._stack.enter_context(_log_socket(folder / "log.sock"))

    def close(self) -> None:
        self._stack.close()

    def key(self) -> str:
        return f"bench-{next(self._numbers)}"

    def cloud_end(self) -> End:
        return End([str(self.programs.cloud_end), str(self.certificates.directory / "good.pem")])

    def target_end(self) -> End:
        return End([str(self.programs.target_end)])

    def private_product(self) -> Path:
        """A copy under its own path: /proc/PID/exe then tells whose processes are whose."""
        folder = self.folder / f"program-{next(self._numbers)}"
        folder.mkdir()
        return Path(shutil.copy2(self.programs.product, folder / PRODUCT))

    def settings(self, cloud_port: int, login: str) -> Path:
        """A configuration folder for --config-dir; `login` is `certificate` (JWT) or `basic`."""
        root = self.folder / f"device-{next(self._numbers)}"
        for name in ("etc", "run", "tmp", "log", "data"):
            (root / name).mkdir(parents=True)
        values = {
            "config.version": "2", "mqtt.client.host": "127.0.0.1",
            "mqtt.client.port": self.broker_port, "c8y.http": f"127.0.0.1:{cloud_port}",
            "c8y.root_cert_path": str(self.ca_file), "c8y.auth_method": login,
            **{f"{name}.path": str(root / folder) for name, folder in
               (("run", "run"), ("tmp", "tmp"), ("logs", "log"), ("data", "data"))}}
        (root / "etc" / "tedge.toml").write_text(
            "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()))
        credentials = root / "etc" / "credentials.toml"
        credentials.write_text('[c8y]\nusername = "t1/device_1"\npassword = "secret"\n')
        credentials.chmod(0o600)
        plugins = root / "etc" / "plugins"
        plugins.mkdir()
        (plugins / "c8y-remote-access-connect.toml").write_text(OWNER)
        return root / "etc"

    def environment(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "INVOCATION_ID": "bench",
                "SSL_CERT_FILE": str(self.ca_file),
                "C8Y_REMOTE_ACCESS_LOG_SOCKET": str(self.folder / "log.sock")}


@contextlib.contextmanager
def _log_socket(path: Path) -> Iterator[list[str]]:
    """Stands in for /dev/log, whose reader would otherwise be part of what is measured."""
    lines: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))

        def collect() -> None:
            while line := receiver.recv(65536):
                lines.append(line.decode("utf-8", "replace"))

        collector = threading.Thread(target=collect, daemon=True)
        collector.start()
        yield lines
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", str(path))  # closing a socket does not wake its reader
        collector.join(5)


@contextlib.contextmanager
def device(programs: Programs, broker_config: str = "") -> Iterator[Device]:
    # A socket's path has 107 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="ra-bench-", dir="/tmp"))
    one = Device(folder, programs, broker_config)
    try:
        yield one
    finally:
        one.close()
        shutil.rmtree(folder, ignore_errors=True)
