# SPDX-License-Identifier: Apache-2.0
"""SIGKILL, SIGTERM and SIGSTOP to each process while it connects and while it closes; the phases
"before EXECUTING", "upgrade" and "established" are in test_deaths, test_stop and test_hangs. And a
mapper that is gone: its pipes have no reader any more."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM, Signals

import pytest

from cloud import Cloud, Connection, Operation

from .harness.device import Device, Role
from .harness.expect import FAILURE, SUCCESS, check_carries, established
from .harness.targets import Target, deaf_port, echo, refusing_port, wait_for_end
from .harness.waiting import wait_until

ROLES: list[Role] = ["plugin", "session", "forwarder"]
CONNECT, DRAIN, MARGIN, SLACK = 2, 1, 3, 4  # seconds; the margin is the plugin's
STOPPED = "the session was stopped on this device"
DIED = "process ended unexpectedly"


@pytest.fixture
def quick(make_device: Callable[..., Device]) -> Device:
    device = make_device()
    device.own(f'limits.connect = "{CONNECT}s"\nlimits.drain = "{DRAIN}s"\n')
    return device.start()


@contextlib.contextmanager
def tcp(_: Cloud) -> Iterator[int]:
    with deaf_port() as port:
        yield port


@contextlib.contextmanager
def tls(cloud: Cloud) -> Iterator[int]:
    cloud.behaviour.connection = Connection(kind="silent")
    with Target(wait_for_end) as target:
        yield target.port


PHASES = {"TCP": tcp, "TLS": tls}
SILENT = {"TCP": r"^target .*: no answer within 2s", "TLS": r"^cloud .*: no answer within 2s"}


def expected(phase: str, role: Role, number: Signals) -> str:
    """The reason's pattern."""
    if role == "plugin" or (role, number) == ("forwarder", SIGSTOP):
        return SILENT[phase]  # who is left finds out as always
    if number == SIGSTOP:
        return r"^not connected within 5s"
    return STOPPED if number == SIGTERM else DIED


@pytest.mark.parametrize("number", [SIGKILL, SIGTERM, SIGSTOP], ids=lambda one: one.name)
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("phase", PHASES)
def test_a_signal_while_connecting_leaves_one_final_status_with_its_reason(
        cloud: Cloud, quick: Device, phase: str, role: Role, number: Signals) -> None:
    with PHASES[phase](cloud) as port:
        operation = cloud.create_operation("127.0.0.1", port)
        operation.wait_status("EXECUTING")
        time.sleep(0.3)  # the broker's acknowledgement is with the plugin, and with the session
        process = quick.process(role)
        quick.session_killed = (role, number) == ("session", SIGKILL)
        since = time.monotonic()
        process.signal(number)
        if (role, number) == ("plugin", SIGSTOP):
            wake(quick, operation, process.signal, SIGCONT if phase == "TCP" else SIGKILL)
        assert operation.wait_final(CONNECT + MARGIN + SLACK) == "FAILED"
        assert time.monotonic() - since < CONNECT + MARGIN + SLACK
        process.signal(SIGCONT)
        wait_until(lambda: not quick.processes(), DRAIN + 1 + SLACK, "the end of all processes")
    assert re.search(expected(phase, role, number), operation.reason), operation.reason
    assert operation.statuses == FAILURE and len(cloud.status_messages) == 2
    if role != "plugin":
        assert quick.mapper.wait_runs()[0].finish().exit_code == 1


def wake(device: Device, operation: Operation, signal: Callable[[int], None], how: Signals) -> None:
    """Nobody else may report while the plugin is alive; it goes on, or dies, after the failure."""
    device.journal.wait_for("failed:", timeout=CONNECT + SLACK)
    assert operation.status == "EXECUTING"
    signal(how)


@pytest.mark.parametrize("number", [SIGKILL, SIGTERM, SIGSTOP], ids=lambda one: one.name)
@pytest.mark.parametrize("role", ["session", "forwarder"])
def test_a_signal_while_the_session_closes_leaves_nothing(
        cloud: Cloud, quick: Device, role: Role, number: Signals) -> None:
    """The target has ended, and the cloud does not answer the close frame."""
    cloud.behaviour.answer_close = False
    cloud.behaviour.close_timeout = 20
    with Target(lambda connection: connection.recv(1) and None) as target:
        session = established(cloud, target)
        quick.mapper.wait_runs()[0].finish()
        process = quick.process(role)
        session.send(b"!")
        target.wait_ended()
        quick.session_killed = (role, number) == ("session", SIGKILL)
        process.signal(number)
        if (role, number) == ("forwarder", SIGSTOP):  # without a limit it may: so a stop ends it
            quick.process("session").signal(SIGTERM)
        if (role, number) == ("session", SIGSTOP):
            wait_until(lambda: len(quick.processes()) == 1, DRAIN + SLACK, "the forwarder's end")
            process.signal(SIGCONT)
        wait_until(lambda: not quick.processes(), DRAIN + 1 + SLACK, "the end of both processes")
    assert session.operation.statuses == SUCCESS and len(cloud.status_messages) == 2


@pytest.mark.parametrize("when", ["before the first line", "while connecting"])
@pytest.mark.parametrize("ends", ["well", "badly"])
def test_a_mapper_that_is_gone_takes_no_status_along(
        cloud: Cloud, make_device: Callable[..., Device], ends: str, when: str) -> None:
    """Killed alone, without its control group: both pipes of the plugin have no reader."""
    device = make_device(form="json", login="certificate").start()
    cloud.behaviour.jwt_delay = 0.5
    with Target(echo) as target, refusing_port() as refusing:
        session = cloud.open("127.0.0.1", target.port if ends == "well" else refusing,
                             delivery=None)
        reading, writing = os.pipe()
        if when == "before the first line":
            os.close(reading)
        plugin = subprocess.Popen([device.program, session.operation.json()],
                                  stdin=subprocess.DEVNULL, stdout=writing, stderr=writing,
                                  cwd=device.tmp_path, env=device.mapper.environment)
        os.close(writing)
        if when == "while connecting":
            wait_until(device.processes, 5, "a process")
            os.close(reading)
        final = session.operation.wait_final(10)
        assert plugin.wait(5) == (0 if ends == "well" else 1)
        if ends == "well":
            check_carries(session.wait_device(10))
    assert final == ("SUCCESSFUL" if ends == "well" else "FAILED")
    assert session.operation.statuses == (SUCCESS if ends == "well" else FAILURE)
