# SPDX-License-Identifier: Apache-2.0
"""Connection key, JWT and password in memory: only as long as they are needed, and in no core file."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud, Upgrade

from .harness.device import Device
from .harness.expect import established
from .harness.processes import Process
from .harness.targets import Target, echo, wait_for_end


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


@pytest.mark.parametrize("role", ["plugin", "session", "forwarder"])
def test_no_process_leaves_a_core_file(
        cloud: Cloud, make_device: Callable[..., Device], role: str) -> None:
    device = make_device()
    device.session_killed = role == "session"
    device.start()
    cloud.behaviour.upgrade = Upgrade(delay=2)
    with Target(wait_for_end) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.operation.wait_status("EXECUTING")
        time.sleep(0.5)  # and the session knows it: else it publishes that again, to be sure
        process = device.process(role)
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert [line.split()[4:6] for line in limits.splitlines()
                if line.startswith("Max core")] == [["0", "0"]]
        process.signal(signal.SIGABRT)
        session.operation.wait_final(30)
    written = [path for path in device.root.rglob("*") if "core" in path.name.split(".")]
    assert written == []
