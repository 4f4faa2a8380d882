# SPDX-License-Identifier: Apache-2.0
"""`check` on a device of these tests, and a device on which it finds nothing."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import paho.mqtt.publish
import pytest

from cloud import Cloud, Mosquitto

from .device import Device
from .socket_unit import listening

HEALTH = "te/device/main/service/tedge-mapper-c8y/status/health"
STEPS = ["user", "settings", "operation-file", "thin-edge", "broker", "mapper", "login", "dns",
         "proxy", "tcp", "tls", "upgrade", "run-folder", "socket", "sandbox", "policy",
         "policy-file"]


@dataclass
class Checked:
    """What it said, and how it ended."""

    status: int
    stdout: str
    stderr: str
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)

    def of(self, status: str) -> list[str]:
        return [name for name, step in self.steps.items() if step["status"] == status]


def run_check(device: Device, *arguments: str, timeout: float = 40, **more: Any) -> Checked:
    """As somebody on the device runs it. The device's settings are written before."""
    device.write_settings()
    with contextlib.ExitStack() as stack:
        if device.mapper.namespace is not None:
            stack.enter_context(device.mapper.namespace.entered())
        run = subprocess.run([device.program, "check", *arguments], capture_output=True, text=True,
                             env=device.mapper.environment, timeout=timeout, check=False, **more)
    return Checked(run.returncode, run.stdout, run.stderr)


def check(device: Device, *arguments: str, **more: Any) -> Checked:
    found = run_check(device, "--json", *arguments, **more)
    report = json.loads(found.stdout)
    found.steps = {step["name"]: step for step in report["steps"]}
    assert report["ok"] is (found.status == 0)
    assert len(found.steps) == len(report["steps"])
    return found


def install_thin_edge(device: Device, version: str = "1.5.1") -> None:
    """`tedge --version`, and whom thin-edge's services run as here."""
    program = device.program.parent / "tedge"
    program.write_text(f"#!/bin/sh\necho tedge {version}\n")
    program.chmod(0o755)
    (device.config_dir / "system.toml").write_text(
        f'user = "{getpass.getuser()}"\ngroup = "{getpass.getuser()}"\n')


def say_health(broker: Mosquitto, payload: str, topic: str = HEALTH) -> None:
    host, port = broker.address
    paho.mqtt.publish.single(topic, payload, qos=1, retain=True, hostname=host, port=port)


@pytest.fixture
def make_good(make_device: Callable[..., Device],
              broker: Mosquitto) -> Iterator[Callable[..., Device]]:
    """A device that lacks nothing. Its mapper is not started: it says that it is up, no more."""
    with contextlib.ExitStack() as stack:

        def make(socket: bool = True, **arguments: Any) -> Device:
            device = make_device(**arguments)
            install_thin_edge(device)
            say_health(broker, json.dumps({"status": "up", "pid": os.getpid()}))
            if socket:
                device.write_settings()
                stack.enter_context(listening(device))
            return device

        yield make
