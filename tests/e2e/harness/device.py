# SPDX-License-Identifier: Apache-2.0
"""A device: thin-edge's folders and settings, our settings, the mapper, the sessions' log."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import pytest

from cloud import Cloud

from . import executable, processes
from .journal import Journal
from .mapper import Mapper
from .processes import Process
from .waiting import wait_until

Login = Literal["basic", "certificate"]
Form = Literal["smartrest", "json"]

Role = Literal["plugin", "session", "forwarder"]

_PROCESS_NAMES = {"session": "c8y-ra-session", "forwarder": "c8y-ra-forward"}
_OPERATION_FILES = {"smartrest": "c8y_RemoteAccessConnect", "json": "c8y_RemoteAccessConnect.json"}


def _special_files(folder: str, names: list[str]) -> list[str]:
    paths = {name: Path(folder, name) for name in names}
    return [name for name, path in paths.items() if not (path.is_file() or path.is_dir())]


def _toml(keys: dict[str, str | int | bool]) -> str:
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n"
                   for key, value in keys.items())


class Device:
    """`settings` are thin-edge's keys in dotted form; change them before start()."""

    def __init__(self, root: Path, cloud: Cloud, broker: tuple[str, int], *, login: Login = "basic",
                 form: Form = "smartrest", profile: str = "", prefix: str = "c8y",
                 external_id: str = "device-1") -> None:
        self.root = root
        self.cloud = cloud
        self.profile = profile
        # A socket's path has 107 bytes at most; pytest's folders alone come close to that.
        self._short = Path(tempfile.mkdtemp(prefix="ra-", dir="/tmp"))
        self.run_path = self._short / "run"
        self.config_dir = root / "etc"
        self.tmp_path = root / "tmp"
        self.operations = self.config_dir / "operations" / "c8y"
        self.owner_file = self.config_dir / "plugins" / "c8y-remote-access-connect.toml"
        for folder in (self.run_path, self.tmp_path, self.operations, self.owner_file.parent,
                       root / "log", root / "data"):
            folder.mkdir(parents=True)
        (root / "run").symlink_to(self.run_path)
        self.program = executable.private_copy(root / "bin")
        self.socket_path = self.run_path / "c8y-remote-access-connect.sock"
        self.settings = self._settings(broker, login, prefix)
        self.journal = Journal(self._short / "log.sock")
        self.session_killed = False  # set by a test that did: the next session removes its seat
        self.install_operation(form)
        self.mapper = Mapper(operations=self.operations, folder=self.tmp_path,
                             environment=self._environment(), broker=broker, prefix=prefix,
                             device=external_id)

    def _settings(self, broker: tuple[str, int], login: Login,
                  prefix: str) -> dict[str, str | int | bool]:
        cloud_keys: dict[str, str | int | bool] = {
            "http": self.cloud.http, "root_cert_path": str(self.cloud.ca_file),
            "auth_method": login, "bridge.topic_prefix": prefix}
        cloud_table = f"c8y.profiles.{self.profile}." if self.profile else "c8y."
        if login == "basic":
            self.write_credentials(self.cloud.device_user, self.cloud.device_password)
        return {
            "config.version": "2", "mqtt.client.host": broker[0], "mqtt.client.port": broker[1],
            "run.path": str(self.run_path), "tmp.path": str(self.tmp_path),
            "logs.path": str(self.root / "log"), "data.path": str(self.root / "data"),
            **{cloud_table + key: value for key, value in cloud_keys.items()}}

    def _environment(self) -> dict[str, str]:
        outer = {name: value for name, value in os.environ.items()
                 if not name.startswith(("TEDGE_", "RUST_LOG"))}
        profile = {"TEDGE_CLOUD_PROFILE": self.profile} if self.profile else {}
        return {**outer, **profile, **self.service_environment(),
                "PATH": f"{self.program.parent}:{os.environ['PATH']}"}

    def service_environment(self) -> dict[str, str]:
        """Also for a session that systemd starts. A sanitizer's findings in a process without
        standard error go to files, and stop() looks for them; UBSan has no such files, it kills."""
        files = f"log_path={self.root}/sanitizer"
        report = f"{files}:print_stacktrace=1:halt_on_error=1"
        return {"TEDGE_CONFIG_DIR": str(self.config_dir),
                "ASAN_OPTIONS": report, "UBSAN_OPTIONS": report,
                "TSAN_OPTIONS": f"{files}:suppressions={executable.REPOSITORY}/tests/tsan.txt",
                "C8Y_REMOTE_ACCESS_LOG_SOCKET": str(self.journal.path)}

    def write_credentials(self, user: str, password: str) -> Path:
        """thin-edge reads the table [c8y] of it for every profile."""
        path = self.config_dir / "credentials.toml"
        path.write_text("[c8y]\n" + _toml({"username": user, "password": password}))
        path.chmod(0o600)
        return path

    def install_operation(self, form: Form, *, arguments: str = "") -> None:
        """The project's own operation file; `arguments` go into the command of this copy."""
        source = executable.OPERATIONS / _OPERATION_FILES[form]
        text = source.read_text()
        assert executable.NAME in text
        text = text.replace(executable.NAME, f"{executable.NAME} {arguments}".rstrip(), 1)
        # Installed under its stem: thin-edge ignores a name with a dot.
        (self.operations / source.stem).write_text(text)

    def own(self, text: str) -> None:
        """The device owner's settings file."""
        self.owner_file.write_text(text)

    def write_settings(self) -> None:
        (self.config_dir / "tedge.toml").write_text(_toml(self.settings))

    def write_mapper_toml(self, keys: dict[str, str | int | bool], profile: str = "") -> Path:
        """thin-edge 2's file of one cloud profile; its keys are without `c8y.`."""
        name = f"c8y.{profile}" if profile else "c8y"
        path = self.config_dir / "mappers" / name / "mapper.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_toml({"cloud_type": "c8y", **keys}))
        return path

    def cloud_settings(self) -> dict[str, str | int | bool]:
        """The keys of [c8y] as they are in `settings`, without `c8y.`."""
        return {key.removeprefix("c8y."): value for key, value in self.settings.items()
                if key.startswith("c8y.")}

    def start(self) -> Device:
        self.write_settings()
        self.mapper.start()
        return self

    def run_as_nobody(self) -> None:
        """As thin-edge runs its mapper: without root's rights. Its folders are that user's."""
        self.run_as(pwd.getpwnam("nobody").pw_uid)

    def run_as(self, user: int) -> None:
        for path in (self._short, self.run_path, self.journal.path, self.root / "data",
                     *self.config_dir.rglob("*")):
            os.chown(path, user, pwd.getpwnam("nobody").pw_gid)
        for folder in (self.root, *self.root.parents):
            # pytest's folders are for their owner only.
            if folder.stat().st_mode & 0o011 == 0o011:
                continue
            pytests = folder.is_relative_to(self.root.parents[2]) or "pytest-of" in folder.name
            if not pytests:
                pytest.skip(f"another user does not get through {folder}")
            folder.chmod(folder.stat().st_mode | 0o011)
        self.mapper.user = user

    def processes(self) -> list[Process]:
        return processes.of_program(self.program)

    def process(self, role: Role, timeout: float = 5) -> Process:
        """The only process of this role, once there is one."""
        plugins = {run.pid for run in self.mapper.runs}

        def only_one() -> Process | None:
            # A process that was just forked still has its parent's name.
            found = [process for process in self.processes()
                     if (process.pid in plugins if role == "plugin"
                         else process.name == _PROCESS_NAMES[role])]
            return found[0] if len(found) == 1 else None

        process = wait_until(only_one, timeout, f"one {role} process")
        assert process is not None
        return process

    def leftovers(self) -> list[str]:
        """What a session must not leave behind; a lock file may stay for the next one."""
        allowed = {".lock", ".seat"} if self.session_killed else {".lock"}
        return [str(path.relative_to(self.run_path)) for path in sorted(self.run_path.rglob("*"))
                if not path.is_dir() and path.suffix not in allowed and path != self.socket_path]

    def stop(self, timeout: float = 10) -> None:
        """Ends the device and says what is left of its sessions."""
        self.mapper.stop()
        problems = []
        try:
            processes.wait_gone(self.program, timeout)
        except TimeoutError as error:
            problems.append(str(error))
            for process in self.processes():
                process.kill()
        problems += [f"{name} is left in the run folder" for name in self.leftovers()]
        problems += [path.read_text()[:3000] for path in self.root.glob("sanitizer.*")]
        problems += [f"not a syslog line: {line!r}" for line in self.journal.unreadable]
        self.journal.close()
        (self.root / "session.log").write_text(self.journal.text + "\n")
        (self.root / "run").unlink()
        # Not moved: /tmp may be another file system, and a socket cannot be copied.
        shutil.copytree(self.run_path, self.root / "run", ignore=_special_files)
        shutil.rmtree(self._short)
        assert not problems, problems
