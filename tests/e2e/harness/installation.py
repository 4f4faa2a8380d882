# SPDX-License-Identifier: Apache-2.0
"""thin-edge's folders on a device where `setup` and `teardown` run; no mapper, no cloud."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from . import executable

STOCK = ('[exec]\ncommand = "c8y-remote-access-plugin"\ntopic = "c8y/s/ds"\n'
         'on_message = "530"\n')
TEXTS = {form: (executable.OPERATIONS / name).read_text() for form, name in
         [("smartrest", "c8y_RemoteAccessConnect"), ("json", "c8y_RemoteAccessConnect.json")]}
# A user and a group that every Debian has, and that are not the same number.
USER, GROUP = "daemon", "games"


class Installation:
    def __init__(self, root: Path, broker_port: int) -> None:
        self.config_dir = root / "etc"
        self.run_path = root / "run"
        self.operations = self.config_dir / "operations" / "c8y"
        self.file = self.operations / "c8y_RemoteAccessConnect"
        self.owner_file = self.config_dir / "plugins" / "c8y-remote-access-connect.toml"
        self.run_folder = self.run_path / executable.NAME
        self.settings = (f'mqtt.client.port = {broker_port}\nrun.path = "{self.run_path}"\n'
                         f'data.path = "{root}/data"\n')
        self.config_dir.mkdir()
        self.run_path.mkdir()
        self.thin_edge('c8y.url = "cloud.example"\n')

    def thin_edge(self, text: str) -> None:
        (self.config_dir / "tedge.toml").write_text(self.settings + text)

    def own(self, text: str) -> None:
        self.owner_file.parent.mkdir(exist_ok=True)
        self.owner_file.write_text(text)

    def place(self, text: str) -> None:
        self.operations.mkdir(parents=True, exist_ok=True)
        self.file.write_text(text)

    def command(self, *arguments: str) -> list[str]:
        return [str(executable.built()), *arguments, "--config-dir", str(self.config_dir)]

    def environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items()
                if not name.startswith("TEDGE_")}

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*arguments), env={**self.environment(), **more},
                              capture_output=True, text=True, timeout=30, check=False)

    def setup(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """As thin-edge's user of this test; it must succeed."""
        done = self.run("setup", "--user", USER, "--group", GROUP, *arguments)
        assert done.returncode == 0, done.stderr
        return done

    def others(self) -> list[str]:
        """What lies beside the operation file: the mapper looks at all of it."""
        return [path.name for path in self.operations.iterdir() if path != self.file]
