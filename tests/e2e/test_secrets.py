# SPDX-License-Identifier: Apache-2.0
"""Connection key, JWT, password and the proxy's password: in memory only as long as they are needed,
and in nothing that is written or shown."""

from __future__ import annotations

import base64
import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud import Cloud, Session, Upgrade

from .harness.behind_proxy import LOGIN
from .harness.device import Device, Role
from .harness.expect import established
from .harness.processes import Process
from .harness.proxies import TinyProxy
from .harness.targets import Target, echo
from .harness.waiting import wait_until


def memory(process: Process) -> bytes:
    """Everything the process can write to: heap, stacks, libraries' data."""
    found = []
    with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as file:
        for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines():
            span, rights = line.split()[:2]
            if "w" not in rights or line.endswith("[vvar]"):
                continue
            begin, end = (int(number, 16) for number in span.split("-"))
            file.seek(begin)
            found.append(file.read(end - begin))
    return b"".join(found)


@pytest.mark.release_only  # AddressSanitizer keeps what is freed
@pytest.mark.parametrize("login", ["basic", "certificate"])
@pytest.mark.parametrize("role", ["session", "forwarder"])
def test_a_session_that_stands_has_forgotten_key_and_login(
        cloud: Cloud, make_device: Callable[..., Device], login: str, role: str) -> None:
    device = make_device(login=login).start()
    with Target(echo) as target:
        session = established(cloud, target)
        device.mapper.wait_runs()[0].finish()
        session.send(b"marker-of-the-operator")  # the search finds what is there
        session.recv_exact(22, timeout=5)
        held = memory(device.process(role))
        assert cloud.http.encode() in held, "the search sees the heap"
        secrets = {"key": session.operation.key.encode(),
                   "login": cloud.upgrades[-1].authorization.split()[-1].encode(),
                   "password": cloud.device_password.encode()}
        places = {name: [held[max(0, at - 80):at + 80]] for name, secret in secrets.items()
                  if (at := held.find(secret)) >= 0}
        assert not places, places


PAYLOAD = b"payload-of-the-operator"
HOMES = {"credentials.toml", "tedge.toml"}  # where password and proxy's password come from


def forms(secret: str) -> Iterator[bytes]:
    """What nobody may find, in every form in which it could be written."""
    yield secret.encode()
    yield base64.b64encode(secret.encode())


def secrets_of(cloud: Cloud) -> Iterator[bytes]:
    yield PAYLOAD
    for secret in (cloud.device_password, f"{cloud.device_user}:{cloud.device_password}", LOGIN[1],
                   ":".join(LOGIN)):
        yield from forms(secret)
    for session in cloud.sessions:
        yield from forms(session.operation.key)
    for attempt in cloud.upgrades:  # the JWT, or the Basic login once more
        yield attempt.authorization.split()[-1].encode()


class Search:
    """Everything that anybody beside the device's processes gets to see of them."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.seen: dict[str, bytes] = {}

    def _add(self, where: str, text: bytes) -> None:
        self.seen[where] = self.seen.get(where, b"") + text

    def look(self) -> None:
        for process in self.device.processes():
            self._add("/proc", process.cmdline + process.environ)
        for folder in (self.device.root, self.device.run_path):
            for path in folder.rglob("*"):
                if path.is_file() and path.name not in HOMES and path != self.device.program:
                    with contextlib.suppress(FileNotFoundError):  # a seat that was just left
                        self._add(str(path), path.read_bytes())

    def finish(self) -> dict[str, bytes]:
        self.look()
        for run in self.device.mapper.runs:
            run.finish()
            self._add("stdout", run.stdout)
            self._add("stderr", run.stderr)
        self._add("journal", self.device.journal.text.encode())
        return self.seen


def cores(folder: Path) -> set[Path]:
    """Core files of a process that runs in `folder`. Where the machine gives them to a program,
    none: the kernel starts it for processes that may be dumped only."""
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|"):
        return set()
    return {path for path in Path(folder, pattern).parent.glob("*core*") if path.is_file()}


def check_cores_are_found(folder: Path) -> None:
    """Or the search for them would show nothing."""
    subprocess.run(["prlimit", "--core=unlimited", "sh", "-c", "kill -ABRT $$"], cwd=folder,
                   timeout=10, check=False)
    made = cores(folder)
    assert made or Path("/proc/sys/kernel/core_pattern").read_text().startswith("|")
    for path in made:
        path.unlink()


def abort(device: Device, session: Session, role: Role) -> None:
    """While it connects: then it holds them all."""
    session.operation.wait_status("EXECUTING")
    time.sleep(0.5)  # and the session knows it: else it publishes that again, to be sure
    process = device.process(role)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert [line.split()[4:6] for line in limits.splitlines()
            if line.startswith("Max core")] == [["0", "0"]]
    folder = Path(process.folder)
    before = cores(folder)
    process.signal(signal.SIGABRT)
    if session.operation.wait_final(30) == "SUCCESSFUL":  # without its plugin
        session.close()
    wait_until(lambda: not device.processes(), 10, "the end of all processes")
    assert cores(folder) == before


@pytest.mark.proxy_login
@pytest.mark.parametrize("login", ["basic", "certificate"])
def test_no_secret_is_in_any_output_file_process_or_core_at_any_level(
        cloud: Cloud, make_device: Callable[..., Device], proxy: TinyProxy, login: str) -> None:
    device = make_device(login=login)
    device.settings |= {"proxy.address": f"http://127.0.0.1:{proxy.port}",
                        "proxy.username": LOGIN[0], "proxy.password": LOGIN[1]}
    device.install_operation("smartrest", arguments="--log-level trace")
    device.mapper.wrapper = [b"prlimit", b"--core=unlimited"]
    device.session_killed = True
    check_cores_are_found(device.tmp_path)
    device.start()
    search = Search(device)
    cloud.behaviour.upgrades = [Upgrade(delay=0.5), Upgrade(status=403, body="denied", delay=0.5)]
    cloud.behaviour.upgrade = Upgrade(delay=3)
    with Target(echo) as target:
        for outcome in ("SUCCESSFUL", "FAILED"):
            session = cloud.open("127.0.0.1", target.port)
            wait_until(lambda: len(device.processes()) == 3, 10, "all three processes")
            search.look()
            assert session.operation.wait_final(10) == outcome
            search.look()
            if outcome == "SUCCESSFUL":
                session.send(PAYLOAD)
                assert session.recv_exact(len(PAYLOAD), timeout=5) == PAYLOAD
                search.look()
                session.close()
            wait_until(lambda: not device.processes(), 10, "the end of all processes")
        for role in ("plugin", "forwarder", "session"):
            abort(device, cloud.open("127.0.0.1", target.port), role)
    seen = search.finish()
    reasons = "".join(session.operation.reason for session in cloud.sessions)
    seen["reasons"] = reasons.encode()
    assert proxy.connects() and len(cloud.upgrades) == 5  # all of them were in use
    assert b"TLS" in seen["journal"], "at trace there is more to read"
    assert all(seen[where] for where in ("/proc", "stderr", "journal", "reasons"))
    assert {Path(where).name for where in seen} >= {"c8y_RemoteAccessConnect", "status.lock"}
    for secret in secrets_of(cloud):
        for where, text in seen.items():
            assert secret not in text, (where, text[max(0, text.index(secret) - 200):][:400])
