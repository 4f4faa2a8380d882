# SPDX-License-Identifier: Apache-2.0
"""`sessions` and `sessions end`: what runs on the device now, and its polite end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from cloud import Cloud, Upgrade

from .harness.device import Device
from .harness.expect import check_carries, established
from .harness.targets import Target, echo, wait_for_end
from .harness.waiting import wait_until


def sessions(device: Device, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [device.program, "sessions", *arguments, "--config-dir", device.config_dir],
        capture_output=True, text=True, timeout=30, check=False, **more)


def listed(device: Device) -> list[dict[str, Any]]:
    run = sessions(device, "--json")
    assert (run.returncode, run.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(run.stdout)["sessions"]
    return found


def test_a_device_without_a_session_says_so_and_makes_nothing(device: Device) -> None:
    before = sorted(device.root.rglob("*"))
    run = sessions(device)
    assert (run.returncode, run.stdout, run.stderr) == (0, "No session.\n", "")
    assert listed(device) == []
    assert sorted(device.root.rglob("*")) == before


@pytest.mark.parametrize("delivery", ["smartrest", "json"])
def test_a_session_is_listed_with_its_figures(
        cloud: Cloud, make_device: Callable[..., Device], delivery: str) -> None:
    device = make_device(form=delivery).start()
    with Target(echo) as target:
        session = established(cloud, target, delivery)
        assert listed(device)[0]["seconds_since_payload"] is None
        check_carries(session, b"x" * 2500)
        wait_until(lambda: listed(device)[0]["bytes_to_cloud"] == 2500, 5)
        (one,) = listed(device)
        run = sessions(device)
        assert session.operation.key not in run.stdout + json.dumps(one)
    operation = session.operation.id if delivery == "json" else None
    assert one.pop("seconds_since_payload") < 10
    assert one | {"since": "", "id": ""} == {
        "id": "", "operation": operation, "state": "established", "since": "",
        "target": f"127.0.0.1:{target.port}", "pid": one["pid"],
        "bytes_to_cloud": 2500, "bytes_to_target": 2500,
        "bytes_per_second_to_cloud": 0.0, "bytes_per_second_to_target": 0.0}
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["since"])
    assert f"session {one['id']}: established" in device.journal.text
    assert re.search(rf"^{one['id']}  established  127\.0\.0\.1:{target.port}  .*"
                     rf"  {operation or '-'} .*2\.4 KiB \(0 B/s\)", run.stdout, re.M), run.stdout


def test_rates_are_those_of_now(cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        session = established(cloud, target)

        watching = subprocess.Popen(
            [device.program, "sessions", "--watch", "--json", "--config-dir", device.config_dir],
            stdout=subprocess.PIPE, text=True)
        try:
            assert watching.stdout
            assert json.loads(watching.stdout.readline())["sessions"]
            for _ in range(20):
                check_carries(session, b"x" * 10_000)
            (one,) = json.loads(watching.stdout.readline())["sessions"]
            assert one["bytes_to_cloud"] == 200_000
            assert 50_000 < one["bytes_per_second_to_cloud"] < 250_000
            assert 50_000 < one["bytes_per_second_to_target"] < 250_000
        finally:
            watching.kill()
            watching.wait(5)
            watching.stdout.close()


def test_a_session_on_its_way_is_connecting(cloud: Cloud, device: Device) -> None:
    cloud.behaviour.upgrade = Upgrade(delay=2)
    with Target(wait_for_end) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.operation.wait_status("EXECUTING")
        assert [one["state"] for one in listed(device)] == ["connecting"]
        session.operation.wait_final(10)


def test_an_ended_session_is_told_to_the_cloud_and_in_its_record(
        cloud: Cloud, device: Device) -> None:
    with Target(wait_for_end) as target:
        going, staying = established(cloud, target), established(cloud, target)
        first, second = listed(device)
        run = sessions(device, "end", first["id"])
        assert (run.returncode, run.stderr) == (0, "")
        assert run.stdout == f"Session {first['id']} to 127.0.0.1:{target.port} has ended.\n"
        closed = going.wait_closed(5)
        assert (closed.code, closed.reason) == (1001, "ended by root with `sessions end`")
        assert [one["id"] for one in listed(device)] == [second["id"]]
        assert not staying.closed
    device.journal.wait_for(
        rf"session {first['id']}: ended by this device \(ended by root with `sessions end`\)")


def test_a_session_on_its_way_can_be_ended(cloud: Cloud, device: Device) -> None:
    cloud.behaviour.upgrade = Upgrade(delay=5)
    with Target(wait_for_end) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.operation.wait_status("EXECUTING")
        assert sessions(device, "end", listed(device)[0]["id"]).returncode == 0
        assert session.operation.wait_final(5) == "FAILED"
        assert "the session was stopped on this device" in session.operation.reason


def test_a_session_that_does_not_end_is_named(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.own('limits.drain = "100ms"\n')
    device.start()
    with Target(wait_for_end) as target:
        established(cloud, target)
        process = device.process("session")
        process.signal(signal.SIGSTOP)
        try:
            (one,) = listed(device)
            run = sessions(device, "end", one["id"])
            assert run.returncode == 1
            assert f"process {process.pid}, does not end: is it stopped?" in run.stderr
        finally:
            process.signal(signal.SIGCONT)
        wait_until(lambda: not listed(device), 5)


@pytest.mark.parametrize("name", ["00000000", "no session\x1b[2J", "../x"])
def test_a_session_that_is_not_there_is_named(device: Device, name: str) -> None:
    run = sessions(device, "end", name)
    assert run.returncode == 1
    assert "no session `" in run.stderr and "`: `c8y-remote-access-connect sessions`" in run.stderr
    assert "\x1b" not in run.stderr


@pytest.mark.parametrize("arguments", [["end"], ["end", ""], ["stop", "1"], ["end", "1", "2"]])
def test_what_is_no_command_is_a_usage_error(device: Device, arguments: list[str]) -> None:
    assert sessions(device, *arguments).returncode == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
@pytest.mark.parametrize("arguments", [[], ["--watch"], ["end", "12345678"]])
def test_another_user_neither_sees_nor_ends_sessions(
        cloud: Cloud, device: Device, arguments: list[str]) -> None:
    with Target(wait_for_end) as target:
        established(cloud, target)
        for folder in [device.root, *device.root.parents]:
            folder.chmod(folder.stat().st_mode | 0o011)  # as far as the run folder, not into it
        run = sessions(device, *arguments, user="nobody", group="nogroup", extra_groups=[])
        assert run.returncode == 1
        assert "only thin-edge's user and root" in run.stderr, run.stderr
