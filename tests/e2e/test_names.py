# SPDX-License-Identifier: Apache-2.0
"""The policy on names: a real DNS server says what they are, and changes its mind."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from cloud import Cloud

from .harness import executable, name_server
from .harness.device import Device
from .harness.expect import FAILURE, check_carries, check_failure
from .harness.name_server import AAAA, NameServer
from .harness.targets import Target, echo

NAME = "plc.example"
BY_NAME = f'[[allow]]\nhost = "{NAME}"\n'
ANY = '[[allow]]\nhost = "*"\n'
THIS_DEVICE = '[[allow]]\nhost = "this-device"\n'
LOCAL_NETWORK = '[[allow]]\nhost = "local-network"\n'
IN_BLOCK = '[[allow]]\nhost = "127.77.0.0/16"\n'


@pytest.fixture
def names() -> Iterator[NameServer]:
    reason = name_server.why_not()
    if reason:
        pytest.skip(reason)
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def resolving(make_device: Callable[..., Device],
              names: NameServer) -> Callable[[str], Device]:
    """A started device with these rules of its owner, whose processes ask the name server."""
    def make(own: str) -> Device:
        device = make_device()
        device.own(own)
        folder = names.asking(device.program, device.root / "resolver")
        environment = device.mapper.environment
        environment["PATH"] = f"{folder}:{environment['PATH']}"
        return device.start()

    return make


def explained(device: Device, host: str, port: int) -> tuple[int, dict]:
    """`policy test` on the device: exit status and what it says."""
    run = device.mapper.execute([word.encode() for word in (
        executable.NAME, "policy", "test", host, str(port), "--json")]).finish(30)
    device.mapper.runs.remove(run)
    return run.exit_code, json.loads(run.stdout)


def own_addresses(device: Device) -> list[str]:
    shown = subprocess.run([device.program, "--config-dir", device.config_dir, "policy", "show",
                            "--json"], capture_output=True, timeout=10, check=True)
    return json.loads(shown.stdout)["this_device"]


REFUSED = {
    "loopback by a rule for the name": (BY_NAME, "127.0.0.1"),
    "loopback beyond .1 by a rule for the name": (BY_NAME, "127.77.0.9"),
    "loopback, IPv6": (BY_NAME, "::1"),
    "loopback as mapped IPv6": (BY_NAME, "::ffff:127.0.0.1"),
    "loopback for the neighbours' rule": (LOCAL_NETWORK, "127.0.0.1"),
    "loopback beyond the block": (IN_BLOCK, "127.0.0.1"),
    "mapped loopback beyond the block": (IN_BLOCK, "::ffff:127.0.0.1"),
    "loopback behind NAT64": (ANY, "64:ff9b::7f00:1"),
    "loopback behind 6to4": (ANY, "2002:7f00:1::1"),
    "unspecified": (ANY, "0.0.0.0"),
    "unspecified, IPv6": (ANY, "::"),
    "metadata": (ANY, "169.254.169.254"),
    "metadata by a rule for the name": (BY_NAME, "169.254.169.254"),
    "metadata as mapped IPv6": (ANY, "::ffff:169.254.169.254"),
    "metadata, IPv6": (ANY, "fd00:ec2::254"),
    "metadata elsewhere": (ANY, "100.100.100.200"),
    "link-local": (ANY, "169.254.7.7"),
    "link-local, IPv6": (ANY, "fe80::7"),
    "multicast": (ANY, "224.0.0.1"),
    "beyond a router": ("", "198.51.100.1"),
}


@pytest.mark.parametrize(("own", "address"), [
    pytest.param(*case, id=name) for name, case in REFUSED.items()])
def test_a_name_does_not_open_what_its_address_may_not(
        cloud: Cloud, names: NameServer, resolving: Callable[[str], Device], own: str,
        address: str) -> None:
    device = resolving(own)
    names.names[NAME] = [[address]]
    with Target(echo, host="::") as target:  # it would be reached under each of these
        operation = cloud.create_operation(NAME, target.port)
        shown = re.escape(address.removeprefix("::ffff:"))
        check_failure(operation, device.mapper.wait_runs()[0],
                      rf"^target {NAME}:\d+ is not allowed on this device: .*{shown}", within=3)
        assert target.connections == []
        status, explanation = explained(device, NAME, target.port)
        assert status == 1
        assert [one["allowed"] for one in explanation["addresses"]] == [False]
        # Both say the same; a reason has no double quotes and is cut where the test's path is long.
        why = explanation["addresses"][0]["why"].replace('"', "'")
        assert why.split(" (")[0] in operation.reason.replace('"', "'")
        assert target.connections == []
    assert cloud.upgrades == []


ALLOWED = {
    "loopback by the default": ("", "127.0.0.1", "this-device"),
    "all of loopback": (THIS_DEVICE, "127.77.3.4", "this-device"),
    "mapped IPv6 as IPv4": (THIS_DEVICE, "::ffff:127.0.0.1", "this-device"),
    "an address in a network": (IN_BLOCK, "127.77.3.4", "127.77.0.0/16"),
    "the name and this device": (BY_NAME + THIS_DEVICE, "127.0.0.1", "this-device"),
}


@pytest.mark.parametrize(("own", "address", "rule"), [
    pytest.param(*case, id=name) for name, case in ALLOWED.items()])
def test_a_name_is_reached_where_its_address_is_allowed(
        cloud: Cloud, names: NameServer, resolving: Callable[[str], Device], own: str, address: str,
        rule: str) -> None:
    device = resolving(own)
    names.names[NAME] = [[address]]
    with Target(echo, host="::") as target:
        session = cloud.open(NAME, target.port)
        session.wait_device(10)
        check_carries(session)
        assert names.asked(NAME) == names.asked(NAME, AAAA) == 1
        status, explanation = explained(device, NAME, target.port)
        assert status == 0
        assert explanation["addresses"][0]["rule"]["host"] == rule


def test_a_name_of_this_device_needs_the_rule_for_this_device(
        cloud: Cloud, names: NameServer, resolving: Callable[[str], Device]) -> None:
    device = resolving(BY_NAME)
    own = [address for address in own_addresses(device) if "/" not in address and address != "::1"]
    if not own:
        pytest.skip("this machine has no address but loopback")
    names.names[NAME] = [[own[0]]]
    with Target(echo, host="::") as target:
        operation = cloud.create_operation(NAME, target.port)
        check_failure(operation, device.mapper.wait_runs()[0], "is this device itself", within=3)
        device.own(LOCAL_NETWORK)
        operation = cloud.create_operation(NAME, target.port)
        check_failure(operation, device.mapper.wait_runs(2)[1], "is this device itself", within=3)
        assert target.connections == []
        device.own(BY_NAME + THIS_DEVICE)
        session = cloud.open(NAME, target.port)
        session.wait_device(10)
        check_carries(session)


def test_of_many_addresses_only_the_allowed_are_tried(
        cloud: Cloud, names: NameServer, resolving: Callable[[str], Device]) -> None:
    device = resolving(IN_BLOCK)
    names.names[NAME] = [["127.0.0.1", "169.254.169.254", "127.77.1.1", "127.78.1.1", "::1",
                          "::ffff:127.0.0.2"]]
    with Target(echo, host="::") as target:
        for _ in range(3):
            session = cloud.open(NAME, target.port)
            session.wait_device(10)
            check_carries(session)
        assert {connection.getsockname()[0] for connection in target.connections} == {
            "::ffff:127.77.1.1"}
        status, explanation = explained(device, NAME, target.port)
        assert status == 0
        assert [one["address"] for one in explanation["addresses"] if one["allowed"]] == [
            "127.77.1.1"]


def test_a_name_that_changes_with_each_query_is_connected_where_it_was_decided(
        cloud: Cloud, names: NameServer, resolving: Callable[[str], Device]) -> None:
    """Rebinding: what is asked for the decision must be what is connected."""
    device = resolving(IN_BLOCK)
    good, bad = ["127.77.1.1"], ["127.0.0.1"]
    names.names[NAME] = [good, bad, good, bad, bad, good]
    outcomes = []
    with Target(echo, host="::") as target:
        for _ in names.names[NAME]:
            operation = cloud.create_operation(NAME, target.port)
            outcomes.append(operation.wait_final(10))
        assert outcomes == ["SUCCESSFUL", "FAILED", "SUCCESSFUL", "FAILED", "FAILED", "SUCCESSFUL"]
        assert names.asked(NAME) == len(outcomes)  # one lookup a session
        assert {connection.getsockname()[0] for connection in target.connections} == {
            "::ffff:127.77.1.1"}
        assert len(target.connections) == 3
    assert device.mapper.wait_runs(6)


def test_a_resolver_that_does_not_answer_costs_no_more_than_the_limit(
        cloud: Cloud, names: NameServer, resolving: Callable[[str], Device]) -> None:
    device = resolving('limits.connect = "1s"\n')
    names.names[NAME] = [None]
    operation = cloud.create_operation(NAME, 22)
    check_failure(operation, device.mapper.wait_runs()[0], rf"^target {NAME}:22: no answer within 1s",
                  within=4)
    since = time.monotonic()
    status, explanation = explained(device, NAME, 22)
    assert status == 1
    assert "no answer from the resolver within 1s" in explanation["unresolved"]
    assert time.monotonic() - since < 4
    assert operation.statuses == FAILURE


def test_a_name_that_no_rule_covers_is_not_even_looked_up(
        cloud: Cloud, names: NameServer, resolving: Callable[[str], Device]) -> None:
    device = resolving(BY_NAME)
    operation = cloud.create_operation("other.example", 22)
    check_failure(operation, device.mapper.wait_runs()[0], "no .* rule covers this name", within=3)
    assert names.asked("other.example") == 0
