# SPDX-License-Identifier: Apache-2.0
"""The owner's approve command: what it is told, what its answer does, and how it can go wrong."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import FAILURE, SUCCESS, check_carries, check_failure
from .harness.targets import Target, echo, wait_for_end
from .harness.waiting import wait_until


@pytest.fixture
def approving(make_device: Callable[..., Device]) -> Callable[..., Device]:
    """A started device whose approve command is this shell script; $HERE is its folder."""
    def make(script: str, own: str = "", **arguments: str) -> Device:
        device = make_device(**arguments)
        command = device.root / "approve"
        command.write_text(f"#!/bin/sh\nHERE={device.root}\n{script}\n")
        command.chmod(0o755)
        device.own(f'approve = "{command} first  second"\n{own}')
        return device.start()

    return make


def pid_in(path: Path) -> int:
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"), 10, f"{path.name}")
    return int(path.read_text())


def is_gone(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_it_is_told_host_port_and_operation_and_nothing_else(
        cloud: Cloud, approving: Callable[..., Device], form: str) -> None:
    device = approving('env | sort > $HERE/environment; for word in "$@"; do echo "<$word>"; done '
                       '> $HERE/words; ls -l /proc/$$/fd > $HERE/descriptors', form=form)
    with Target(echo) as target:
        session = cloud.open("LOCALHOST", target.port, delivery=form)
        session.wait_device(10)
        check_carries(session)
        operation = session.operation
        known = dict(line.split("=", 1) for line in
                     (device.root / "environment").read_text().splitlines())
        assert {name: value for name, value in known.items()
                if name not in ("PWD", "SHLVL", "_", "OLDPWD")} == {
            "C8Y_REMOTE_ACCESS_HOST": "localhost", "C8Y_REMOTE_ACCESS_PORT": str(target.port),
            "C8Y_REMOTE_ACCESS_OPERATION": operation.id if form == "json" else "",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        assert (device.root / "words").read_text() == "<first>\n<second>\n"
        assert "socket:" not in (device.root / "descriptors").read_text()


@pytest.mark.parametrize("host", [
    "$(touch {0})", "`touch {0}`", "a;touch {0}", "a|touch {0}", "a&touch {0}", "'; touch {0}; '",
    '"; touch {0}; "', "a\ntouch {0}", "-h", "localhost touch", "$HOME", "a\x00b", "../{0}"])
def test_a_host_that_a_shell_could_read_never_reaches_it(
        cloud: Cloud, approving: Callable[..., Device], host: str) -> None:
    device = approving("touch $HERE/asked", form="json")
    marker = device.root / "made"
    operation = cloud.create_operation(host.format(marker), 22, delivery="json")
    check_failure(operation, device.mapper.wait_runs()[0], "^operation not understood: .*host",
                  within=3)
    assert not (device.root / "asked").exists()
    assert not marker.exists()


def test_its_time_comes_on_top_of_the_time_to_connect(
        cloud: Cloud, approving: Callable[..., Device]) -> None:
    approving("sleep 3", 'limits.connect = "1s"\n')
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        assert session.operation.wait_final(15) == "SUCCESSFUL"
        check_carries(session)
        assert session.operation.statuses == SUCCESS


def test_its_refusal_becomes_the_reason_in_one_printable_line(
        cloud: Cloud, approving: Callable[..., Device]) -> None:
    device = approving(r'''printf 'not\tnow,\n\033[31m"nobody" is h\303\274ngry\r\n\001'; exit 1''')
    operation = cloud.create_operation("127.0.0.1", 22)
    check_failure(operation, device.mapper.wait_runs()[0],
                  r"^target 127\.0\.0\.1:22 was not approved on this device: not now, "
                  r"\[31m'nobody' is h\?ngry$", within=3)


def test_an_endless_refusal_is_cut(cloud: Cloud, approving: Callable[..., Device]) -> None:
    device = approving("head -c 3000000 /dev/zero | tr '\\0' x; exit 1")
    operation = cloud.create_operation("127.0.0.1", 22)
    check_failure(operation, device.mapper.wait_runs()[0], r"not approved .*: x+\.\.\.$", within=5)


@pytest.mark.parametrize(("command", "says"), [
    ("/no/such/command", "/no/such/command: No such file or directory"),
    ("/etc/passwd", "/etc/passwd: Permission denied"),
    ("/bin/false", "exit status 1")])
def test_a_command_that_cannot_say_yes_is_named(
        cloud: Cloud, make_device: Callable[..., Device], command: str, says: str) -> None:
    device = make_device()
    device.own(f'approve = "{command}"\n')
    device.start()
    operation = cloud.create_operation("127.0.0.1", 22)
    check_failure(operation, device.mapper.wait_runs()[0], f"was not approved .*: {says}", within=3)


@pytest.mark.parametrize("leave", ["sleep 20 &", "setsid sleep 20 &"])
def test_a_process_it_leaves_behind_holding_its_output_keeps_nobody_waiting(
        cloud: Cloud, approving: Callable[..., Device], leave: str) -> None:
    device = approving(f"{leave}\necho $! > $HERE/pid; exit 0")
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
        check_carries(session)
        assert not is_gone(pid_in(device.root / "pid"))  # the owner's, not ours to end
        os.kill(pid_in(device.root / "pid"), signal.SIGKILL)


@pytest.mark.timeout(90)
@pytest.mark.parametrize("script", [
    "exec >&- 2>&-; while :; do sleep 1; done",
    "trap '' TERM INT HUP; while :; do echo still thinking; sleep 1; done"],
    ids=["closes its output and stays", "ignores signals"])
def test_one_that_never_answers_refuses_after_its_thirty_seconds_and_is_gone(
        cloud: Cloud, approving: Callable[..., Device], script: str) -> None:
    device = approving(f"echo $$ > $HERE/pid\n{script}", 'limits.connect = "1s"\n')
    with Target(wait_for_end) as target:
        since = time.monotonic()
        operation = cloud.create_operation("127.0.0.1", target.port)
        assert operation.wait_final(40) == "FAILED"
        assert 29 < time.monotonic() - since < 33  # before the plugin loses its patience
        assert "was not approved on this device: no answer within 30s" in operation.reason
        assert target.connections == []
    wait_until(lambda: is_gone(pid_in(device.root / "pid")), 3, "the command's end")
    assert operation.statuses == FAILURE


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_session_that_is_stopped_while_it_asks_fails_the_operation_and_takes_the_command_along(
        cloud: Cloud, approving: Callable[..., Device], number: signal.Signals) -> None:
    device = approving("echo $$ > $HERE/pid\nexec sleep 20")
    operation = cloud.create_operation("127.0.0.1", 22)
    asked = pid_in(device.root / "pid")
    device.process("session").signal(number)
    check_failure(operation, device.mapper.wait_runs()[0], "was stopped on this device", within=5)
    wait_until(lambda: is_gone(asked), 3, "the command's end")


def test_a_session_that_is_killed_while_it_asks_takes_the_command_along(
        cloud: Cloud, approving: Callable[..., Device]) -> None:
    device = approving("echo $$ > $HERE/pid\nexec sleep 20")
    operation = cloud.create_operation("127.0.0.1", 22)
    asked = pid_in(device.root / "pid")
    device.session_killed = True
    device.process("session").kill()
    check_failure(operation, device.mapper.wait_runs()[0], "process ended unexpectedly", within=5)
    wait_until(lambda: is_gone(asked), 3, "the command's end")


def test_a_plugin_that_dies_while_it_asks_leaves_the_session_to_finish(
        cloud: Cloud, approving: Callable[..., Device]) -> None:
    device = approving("touch $HERE/asked; sleep 2; echo no; exit 1", form="json")
    operation = cloud.create_operation("127.0.0.1", 22, delivery="json")
    wait_until(lambda: (device.root / "asked").exists(), 10, "the question")
    device.process("plugin").kill()
    assert operation.wait_final(10) == "FAILED"
    assert operation.statuses == FAILURE
