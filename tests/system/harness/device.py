# SPDX-License-Identifier: Apache-2.0
"""A device: a container, thin-edge's packages and ours in it, a broker and a cloud around it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloud import Cloud
from e2e.harness.waiting import wait_until

from .container import Container
from .thin_edge import OPERATION

NAME = "c8y-remote-access-connect"
SOCKET = f"{NAME}.socket"
MAPPER = "tedge-mapper-c8y.service"
SETTINGS = f"/etc/tedge/plugins/{NAME}.toml"
RUN_FOLDER = f"/run/{NAME}"
DEBS = "/opt/debs"  # where the container sees them
OPERATION_NAME = "c8y_RemoteAccessConnect"


@dataclass(frozen=True)
class Debs:
    folder: Path
    ours: str
    newer: str  # ours, under a higher version
    stock: dict[str, list[str]]  # thin-edge's, by what they are for


class Device:
    def __init__(self, container: Container, cloud: Cloud, broker: tuple[str, int],
                 debs: Debs) -> None:
        self.container = container
        self.cloud = cloud
        self.debs = debs
        self.broker = broker
        self._process: subprocess.Popen[bytes] | None = None
        self.run, self.output, self.path = container.run, container.output, container.path

    # Packages -----------------------------------------------------------------------------------

    def dpkg(self, *files: str, options: str = "", check: bool = True) -> str:
        paths = " ".join(f"{DEBS}/{name}" for name in files)
        return self.run(f"dpkg {options} -i {paths}", check=check, timeout=120).stdout

    def install(self) -> str:
        return self.dpkg(self.debs.ours)

    def install_thin_edge(self, which: str = "first", options: str = "") -> str:
        return self.dpkg(*self.debs.stock[which], options=options)

    def status(self, *packages: str) -> dict[str, str]:
        shown = self.output("dpkg-query -W -f '${Package} ${db:Status-Abbrev}\\n' "
                            + " ".join(packages))
        return dict(line.split()[:2] for line in shown.splitlines())  # type: ignore[misc]

    # thin-edge ----------------------------------------------------------------------------------

    def connect(self, user: str = "tedge", group: str = "tedge") -> None:
        """What `tedge config set` and `tedge connect c8y` leave behind; starts the mapper."""
        self.write_settings(user, group)
        if self.path("/run/systemd/system").exists():
            self.run(f"systemctl enable --now {MAPPER}")
        else:
            self._process = subprocess.Popen(
                self.container.command(["tedge-mapper", "c8y"], user), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.wait_declared(lambda names: True)

    def write_settings(self, user: str, group: str) -> None:
        settings = {"config.version": "2", "mqtt.client.host": self.broker[0],
                    "mqtt.client.port": self.broker[1], "c8y.url": "127.0.0.1",
                    "c8y.http": self.cloud.http, "c8y.auth_method": "basic",
                    "c8y.root_cert_path": "/etc/tedge/device-certs/cloud.pem"}
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
        login = f'[c8y]\nusername = "{self.cloud.device_user}"\n' \
                f'password = "{self.cloud.device_password}"\n'
        files = {"tedge.toml": "".join(lines), "credentials.toml": login,
                 "device-certs/cloud.pem": self.cloud.ca_file.read_text()}
        for name, text in files.items():
            self.path(f"/etc/tedge/{name}").write_text(text)
            self.run(f"chown {user}:{group} /etc/tedge/{name}")
        self.run("chmod 600 /etc/tedge/credentials.toml")

    def declarations(self) -> list[list[str]]:
        """Every 114 so far: the operations that the cloud believes this device has."""
        return [message.payload.split(",")[1:] for message in self.cloud.status_messages
                if message.payload.split(",")[0] == "114"]

    def wait_declared(self, condition: Any, since: int = 0, timeout: float = 10) -> list[str]:
        """The first declaration after the first `since` ones that fits."""
        def fitting() -> list[list[str]]:
            return [[*names, ""] for names in self.declarations()[since:] if condition(names)]

        return wait_until(fitting, timeout, f"a declaration, not {self.declarations()}")[0][:-1]

    def runs(self, count: int = 1, timeout: float = 10) -> list[dict[str, Any]]:
        """What the mapper saw of the plugin: exit status, stdout, stderr."""
        log = self.path("/var/log/tedge/agent/runs.jsonl")

        def ended() -> list[dict[str, Any]]:
            lines = log.read_text().splitlines() if log.exists() else []
            return [json.loads(line) for line in lines] if len(lines) >= count else []

        return wait_until(ended, timeout, f"{count} ended runs of the plugin")

    # Ours ---------------------------------------------------------------------------------------

    def own(self, text: str) -> None:
        """The device owner's settings."""
        self.path(SETTINGS).write_text(text)

    @property
    def operation_command(self) -> str:
        """Whom the mapper runs for the operation; nothing without a file."""
        path = self.path(OPERATION)
        try:
            found = re.search(r'(?m)^command = "([^" ]*)', path.read_text())
        except FileNotFoundError:
            return ""
        return found[1] if found else "?"

    def owner_and_mode(self, path: str) -> str:
        return self.output(f"stat -c '%U:%G %a' {shlex.quote(path)}")

    def wait_ours(self, timeout: float = 10) -> None:
        wait_until(lambda: self.operation_command == NAME, timeout, "our operation file")

    def wait_setup_idle(self) -> None:
        """systemd's path unit watches nothing while its service runs."""
        unit = f"{NAME}-setup.service"
        wait_until(lambda: self.unit(unit, "ActiveState") == {"ActiveState": "inactive"}, 10, unit)

    def unit(self, name: str, *properties: str) -> dict[str, str]:
        wanted = " ".join(f"-p {one}" for one in properties)
        shown = self.output(f"systemctl show {wanted} '{name}'")
        return dict(line.split("=", 1) for line in shown.splitlines())  # type: ignore[misc]

    def is_listening(self) -> bool:
        return self.unit(SOCKET, "SubState") == {"SubState": "listening"}

    def instances(self) -> list[str]:
        """The units of sessions that systemd knows, whatever state they are in."""
        shown = self.output(f"systemctl list-units --all --plain --no-legend '{NAME}@*'")
        return [line.split()[0] for line in shown.splitlines()]

    def wait_no_instances(self, timeout: float = 10) -> None:
        wait_until(lambda: not self.instances(), timeout, "the end of all sessions' units")

    def session_pid(self) -> int:
        """Inside; of the only session."""
        found = wait_until(lambda: self.run("pgrep -x c8y-ra-session", check=False).stdout.split(),
                           5, "a session process")
        assert len(found) == 1, found
        return int(found[0])

    def journal(self, words: str = f"-t {NAME}") -> str:
        return self.output(f"journalctl --no-pager -o cat {words}")

    def files(self) -> set[str]:
        """Every file, folder and link of the disk; not what the kernel or a boot makes."""
        return set(self.output("find / -xdev -not -path '/opt/*' -not -path '/var/log/*' "
                               "-not -path '/var/lib/dpkg/*' -not -path '/var/cache/*' "
                               "-not -path '/tmp/*' -not -path '/root/*'").splitlines())

    def close(self) -> None:
        """What it said is left in the test's folder."""
        if self.container.init:
            journal = self.run("journalctl --no-pager -o short-precise", check=False).stdout
            (self.container.folder / "journal.log").write_text(journal)
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self.container.close()
