# SPDX-License-Identifier: Apache-2.0
"""What the tests say most often about an operation."""

from __future__ import annotations

import re
from typing import Protocol

from cloud import Cloud, Operation, Session

from . import executable
from .device import Device
from .mapper import Run
from .targets import Target, echo, wait_for_end

SUCCESS = ["PENDING", "EXECUTING", "SUCCESSFUL"]
FAILURE = ["PENDING", "EXECUTING", "FAILED"]
QUICK = 'limits.connect = "2s"\n'  # owner's setting: patience where nothing will come


class Port(Protocol):
    """A target, or the wire to one."""

    port: int


def opened(cloud: Cloud, target: Port, delivery: str = "smartrest") -> Session:
    """A session whose device has joined."""
    session = cloud.open("127.0.0.1", target.port, delivery=delivery)
    session.wait_device(10)
    return session


def established(cloud: Cloud, target: Port, delivery: str = "smartrest") -> Session:
    """A session whose operation is SUCCESSFUL."""
    session = opened(cloud, target, delivery)
    assert session.operation.wait_final(10) == "SUCCESSFUL"
    return session


def check_carries(session: Session, text: bytes = b"there and back") -> None:
    """Through an echo and back."""
    session.send(text)
    assert session.recv_exact(len(text), timeout=5) == text


def check_failure(operation: Operation, run: Run, reason: str, within: float) -> None:
    """FAILED, once, with a reason that fits, and the command's exit status says so too."""
    within *= executable.slowness()
    assert operation.wait_final(within + 10) == "FAILED"
    run.finish()
    assert re.search(reason, operation.reason), operation.reason
    assert operation.reason.isascii() and operation.reason.isprintable(), operation.reason
    assert 20 < len(operation.reason) < 500
    assert operation.key not in operation.reason
    assert operation.statuses == FAILURE
    assert run.exit_code == 1
    assert run.end_of_file is not None and run.end_of_file < within


def check_reaches(cloud: Cloud, host: str = "") -> None:
    """A session carries bytes, and the cloud was asked for under this name."""
    with Target(echo) as target:
        session = established(cloud, target)
        check_carries(session)
        if host:
            assert cloud.upgrades[-1].headers["host"] == f"{host}:{cloud.port}"
        session.close()
        target.wait_ended()


def check_fails(cloud: Cloud, device: Device, reason: str, within: float = 4) -> None:
    """An operation for a good target FAILED with this reason."""
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        check_failure(operation, device.mapper.wait_runs()[0], reason, within)


def run_directly(device: Device, payload: str | bytes) -> Run:
    """As a mapper that has the message already while the broker is away."""
    words = payload if isinstance(payload, bytes) else payload.encode()
    return device.mapper.execute([executable.NAME.encode(), words])
