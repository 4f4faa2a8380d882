# SPDX-License-Identifier: Apache-2.0
"""`policy show` and `policy test` as somebody on the device calls them."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from cloud import Cloud

from .harness import executable
from .harness.device import Device
from .harness.expect import check_failure
from .harness.namespace import Namespace
from .harness.targets import Target, wait_for_end

RULES = """# the owner's
[[allow]]
host = "192.0.2.0/24"
ports = [22, "5900-5910"]

[[allow]]
host = "plc.example"
"""


def policy(device: Device, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([device.program, "policy", *arguments, "--config-dir", device.config_dir],
                          capture_output=True, text=True, timeout=30, check=False)


def as_json(device: Device, *arguments: str) -> Any:
    return json.loads(policy(device, *arguments, "--json").stdout)


def test_the_defaults_are_shown_where_there_is_no_file(device: Device) -> None:
    run = policy(device, "show")
    assert (run.returncode, run.stderr) == (0, "")
    assert f"{device.owner_file} (not there: defaults)" in run.stdout
    assert re.search(r"^  this-device +every port +\(built in\)$", run.stdout, re.M)
    assert re.search(r"^  this-device +127\.0\.0\.0/8, ::1", run.stdout, re.M)
    assert re.search(r"^  169\.254\.169\.254 +a metadata address", run.stdout, re.M)
    shown = as_json(device, "show")
    assert shown["enabled"] and not shown["exists"] and shown["approve"] == ""
    assert [rule["host"] for rule in shown["rules"]] == ["this-device", "local-network"]
    assert all(rule["built_in"] for rule in shown["rules"])


def test_the_owners_rules_are_shown_with_their_lines(device: Device) -> None:
    device.own('approve = "/usr/bin/ask them"\n' + RULES)
    text = policy(device, "show").stdout
    assert re.search(rf"192\.0\.2\.0/24 +ports 22, 5900-5910 +\({device.owner_file}:3\)", text)
    assert re.search(rf"plc\.example +every port +\({device.owner_file}:7\)", text)
    assert "/usr/bin/ask them" in text
    shown = as_json(device, "show")
    assert shown["exists"]
    assert shown["rules"][0] == {"host": "192.0.2.0/24", "ports": [[22, 22], [5900, 5910]],
                                 "built_in": False, "file": str(device.owner_file), "line": 3}


@pytest.mark.parametrize(("host", "port", "status", "says"), [
    ("192.0.2.7", "22", 0, r"192\.0\.2\.7 +allowed by 192\.0\.2\.0/24, .*:2\)"),
    ("192.0.2.7", "5905", 0, "allowed by"),
    ("::ffff:192.0.2.7", "22", 0, r"^192\.0\.2\.7:22\n"),
    ("192.0.2.7", "23", 1, r"is allowed, but not on port 23 \(change ports of the rule in line 2"),
    ("127.0.0.1", "22", 1, "is this device itself"),
    ("[::1]", "22", 1, "is this device itself"),
    ("0.0.0.0", "22", 1, "leads to this device"),
    ("169.254.169.254", "80", 1, "metadata address of cloud machines"),
    ("LOCALHOST.", "22", 1, "is this device itself"),
    ("no-such-name.invalid", "22", 1, "no address: "),
])
def test_a_target_is_judged_and_the_rule_named(
        device: Device, host: str, port: str, status: int, says: str) -> None:
    device.own(RULES)
    run = policy(device, "test", host, port)
    assert (run.returncode, run.stderr) == (status, "")
    assert re.search(says, run.stdout), run.stdout
    assert re.search("^allowed: " if status == 0 else "^refused$", run.stdout, re.M), run.stdout
    assert as_json(device, "test", host, port)["allowed"] == (status == 0)


@pytest.mark.parametrize("arguments", [
    (), ("show", "more"), ("test",), ("test", "a.example"), ("test", "a.example", "0"),
    ("test", "a.example", "70000"), ("test", "a.example", "ssh"), ("test", "", "22"),
    ("test", "127.1", "22"), ("test", "fe80::1%eth0", "22"), ("test", "a b", "22"),
    ("test", "a.example", "22", "23"), ("tell",)])
def test_what_is_no_host_or_port_is_a_usage_error(
        device: Device, arguments: tuple[str, ...]) -> None:
    run = policy(device, *arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("c8y-remote-access-connect: ")


def test_wrong_settings_refuse_everything_and_say_where(device: Device) -> None:
    device.own("[[allow]]\nhost = \"127.1\"\n")
    for arguments in (("show",), ("test", "127.0.0.1", "22")):
        run = policy(device, *arguments)
        assert run.returncode == 1
        assert f"settings {device.owner_file}:2: key `allow.host`" in run.stderr


def test_the_off_switch_comes_first_and_the_command_agrees_with_an_operation(
        cloud: Cloud, device: Device) -> None:
    device.own("enabled = false\n" + RULES)
    run = policy(device, "test", "192.0.2.7", "22")
    assert run.returncode == 1
    assert "allowed by 192.0.2.0/24" in run.stdout
    assert f"switched off (enabled = false in {device.owner_file})" in run.stdout
    operation = cloud.create_operation("192.0.2.7", 22)
    check_failure(operation, device.mapper.wait_runs()[0], "switched off on this device", within=3)


def test_the_approve_command_is_named_and_not_run(device: Device) -> None:
    marker = device.root / "asked"
    device.own(f'approve = "/usr/bin/touch {marker}"\n')
    run = policy(device, "test", "127.0.0.1", "22")
    assert run.returncode == 0
    assert f"the approve command is asked, which this did not: /usr/bin/touch {marker}" in run.stdout
    assert not marker.exists()


def test_a_network_on_the_loopback_interface_is_this_device(
        device: Device, namespace: Namespace) -> None:
    """Linux takes all of it for its own: no rule by name, and no local-network, may open it."""
    namespace.widen_loopback("10.99.7.1", "255.255.255.0")
    with namespace.entered(), Target(wait_for_end, host="0.0.0.0") as target:
        socket.create_connection(("10.99.7.77", target.port), timeout=5).close()
        target.wait_connection()
    device.mapper.namespace = namespace

    def judged(address: str) -> dict[str, Any]:
        words = (executable.NAME, "policy", "test", address, "22", "--json")
        run = device.mapper.execute([word.encode() for word in words]).finish()
        return json.loads(run.stdout)["addresses"][0]

    assert judged("10.99.7.77")["rule"]["host"] == "this-device"
    assert not judged("10.99.8.77")["allowed"]
    device.own('[[allow]]\nhost = "local-network"\n')
    assert "is this device itself" in judged("10.99.7.77")["why"]


def test_nothing_is_connected_or_published(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device().start()
    with Target(wait_for_end) as target:
        assert policy(device, "test", "127.0.0.1", str(target.port)).returncode == 0
        assert target.connections == []
    assert cloud.status_messages == []
    assert device.journal.text == ""
