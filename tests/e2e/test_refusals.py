# SPDX-License-Identifier: Apache-2.0
"""What the device itself refuses: its owner's rules, unusable settings, unusable payloads."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from cloud import Cloud

from .harness import executable
from .harness.device import Device
from .harness.expect import check_carries, check_failure, established, opened, run_directly
from .harness.targets import Target, echo, wait_for_end
from .harness.waiting import wait_until

NAME = executable.NAME

OWNER_CASES = {
    "host beyond the rules": (
        '[[allow]]\nhost = "198.51.100.1"\n', "127.0.0.1",
        r"^target 127\.0\.0\.1:\d+ is not allowed on this device: .*allow"),
    "port beyond the rules": (
        '[[allow]]\nhost = "this-device"\nports = [1]\n', "127.0.0.1",
        r"^target 127\.0\.0\.1:\d+ is not allowed on this device: .*allow"),
    "a name whose address is beyond the rules": (
        '[[allow]]\nhost = "198.51.100.0/24"\n', "localhost",
        r"^target localhost:\d+ is not allowed on this device: .*(127\.0\.0\.1|::1)"),
    "no rule for the metadata service": (
        "", "169.254.169.254", r"^target 169\.254\.169\.254:\d+ is not allowed on this device"),
    "beyond a router": (
        "", "198.51.100.1", r"^target 198\.51\.100\.1:\d+ is not allowed on this device"),
    "switched off": (
        "enabled = false\n", "127.0.0.1",
        rf"switched off on this device \(enabled = false in .*{NAME}\.toml\)"),
    "unknown key": (
        "[limits]\nsession = 1\n", "127.0.0.1", rf"^settings .*{NAME}\.toml:2: .*limits\.session"),
    "value out of range": (
        "\n\n[limits]\nsessions = -1\n", "127.0.0.1",
        rf"^settings .*{NAME}\.toml:4: .*limits\.sessions"),
    "not TOML": ("[limits\n", "127.0.0.1", rf"^settings .*{NAME}\.toml:1"),
}


@pytest.mark.parametrize(("own", "hostname", "reason"), [
    pytest.param(*case, id=name) for name, case in OWNER_CASES.items()])
def test_what_the_device_owner_does_not_allow_is_refused(
        cloud: Cloud, make_device: Callable[..., Device], own: str, hostname: str,
        reason: str) -> None:
    device = make_device()
    device.own(own)
    device.start()
    with Target(wait_for_end) as target:
        operation = cloud.create_operation(hostname, target.port)
        check_failure(operation, device.mapper.wait_runs()[0], reason, within=3)
        assert target.connections == []
    assert cloud.upgrades == []


def test_the_session_limit_refuses_the_next_and_leaves_the_first_alone(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.own("limits.sessions = 1\n")
    device.start()
    with Target(echo) as target:
        first = established(cloud, target)
        second = cloud.create_operation("127.0.0.1", target.port)
        check_failure(second, device.mapper.wait_runs(2)[1],
                      rf"^all 1 session\(s\) .*limits\.sessions in .*{NAME}\.toml", within=3)
        check_carries(first)
        first.close()
        target.wait_ended()
        wait_until(lambda: not list(device.run_path.rglob("*.seat")), 10, "the seat is free")
        opened(cloud, target)


def test_the_approve_command_is_asked_before_anything_is_connected(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    approve = device.root / "approve"
    approve.write_text('#!/bin/sh\ntest "$C8Y_REMOTE_ACCESS_HOST" = localhost && exit 0\n'
                       'echo "not while the machine runs"\nexit 1\n')
    approve.chmod(0o755)
    device.own(f'approve = "{approve}"\n')
    device.start()
    with Target(echo) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        check_failure(operation, device.mapper.wait_runs()[0],
                      r"not approved on this device: .*not while the machine runs", within=3)
        assert target.connections == []
        assert cloud.connections == 0
        session = cloud.open("localhost", target.port)
        session.wait_device(10)
        check_carries(session)


# Payloads that no operation should have, handed to the command directly.

PAYLOADS = {
    "port too large": b"530,device-1,127.0.0.1,65536,a-key",
    "port zero": b"530,device-1,127.0.0.1,0,a-key",
    "port not a number": b"530,device-1,127.0.0.1,ssh,a-key",
    "key missing": b"530,device-1,127.0.0.1,22",
    "key with a slash": b"530,device-1,127.0.0.1,22,../a-key",
    "key with a line break": b'530,device-1,127.0.0.1,22,"a\r\nkey"',
    "host empty": b"530,device-1,,22,a-key",
    "empty": b"",
    "another operation": b"510,device-1",
    "over 16 KiB": b"530,device-1," + b"h" * 17_000 + b",22,a-key",
    "not UTF-8": b"530,device-1,h\xff\xfe,22,a-key",
    "broken JSON": b'{"id":"1"',
    "a word": b"garbage",
}


@pytest.mark.parametrize("payload", [
    pytest.param(payload, id=name) for name, payload in PAYLOADS.items()])
def test_an_unusable_payload_fails_the_operation(
        cloud: Cloud, device: Device, payload: bytes) -> None:
    operation = cloud.create_operation("127.0.0.1", 22, delivery=None)
    run = run_directly(device, payload)
    check_failure(operation, run, "^operation not understood: ", within=2)


@pytest.mark.parametrize(("word", "meant"), [("sesions", "sessions"), ("chek", "check"),
                                             ("set-up", "setup")])
def test_a_mistyped_command_is_a_usage_error_and_fails_nobodys_operation(
        cloud: Cloud, device: Device, word: str, meant: str) -> None:
    operation = cloud.create_operation("127.0.0.1", 22, delivery=None)
    run = subprocess.run([device.program, word, "--config-dir", device.config_dir],
                         capture_output=True, text=True, timeout=10, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == (f"c8y-remote-access-connect: there is no such command; '{meant}' is one\n"
                          "Try 'c8y-remote-access-connect --help'.\n")
    assert operation.statuses == ["PENDING"]


@pytest.mark.device(form="json")
def test_an_unusable_json_operation_fails_by_its_id(cloud: Cloud, device: Device) -> None:
    other = cloud.create_operation("127.0.0.1", 22, delivery=None)
    operation = cloud.create_operation("127.0.0.1", 70_000, delivery="json")
    check_failure(operation, device.mapper.wait_runs()[0],
                  "^operation not understood: .*port", within=2)
    assert other.statuses == ["PENDING"]


def test_missing_cloud_settings_are_named(cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    del device.settings["c8y.http"]
    device.start()
    operation = cloud.create_operation("127.0.0.1", 22)
    check_failure(operation, device.mapper.wait_runs()[0], r"settings .*c8y\.(url|http)", within=2)


def test_a_bad_value_in_thin_edge_settings_is_named(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.settings["c8y.auth_method"] = "maybe"
    device.start()
    operation = cloud.create_operation("127.0.0.1", 22)
    check_failure(operation, device.mapper.wait_runs()[0],
                  r"^settings .*tedge\.toml:\d+: .*c8y\.auth_method", within=2)


def test_missing_credentials_are_named(cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.start()
    (device.config_dir / "credentials.toml").unlink()
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        check_failure(operation, device.mapper.wait_runs()[0],
                      r"credentials\.toml.*c8y\.credentials_path", within=3)


@pytest.mark.parametrize("arguments", [
    [], ["--no-such-option"], ["a", "b"], ["--log-level", "loud", "530,device-1,h,1,k"]])
def test_a_usage_error_publishes_nothing(
        cloud: Cloud, device: Device, arguments: list[str]) -> None:
    run = device.mapper.execute([word.encode() for word in [executable.NAME, *arguments]]).finish()
    assert run.exit_code == 2
    assert run.stderr
    assert cloud.status_messages == []
