# SPDX-License-Identifier: Apache-2.0
"""One operation, end to end: the status steps, the bytes, the end."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import SUCCESS, check_carries, established, opened
from .harness.targets import Target, echo, wait_for_end
from .harness.waiting import wait_until

@pytest.mark.parametrize("login", ["basic", "certificate"])
@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_an_operation_reaches_the_target_and_becomes_successful(
        cloud: Cloud, make_device: Callable[..., Device], form: str, login: str) -> None:
    device = make_device(login=login, form=form).start()
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port, delivery=form)
        session.wait_device(10)
        check_carries(session)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
        session.close()
        target.wait_ended()
    assert session.operation.statuses == SUCCESS
    run = device.mapper.wait_runs(1)[0].finish()
    assert (run.exit_code, run.stdout) == (0, b"")
    assert b"error:" not in run.stderr and b"warn:" not in run.stderr
    assert len(cloud.jwt_requests) == (1 if login == "certificate" else 0)
    scheme = cloud.upgrades[0].headers["authorization"].split()[0]
    assert scheme == ("Bearer" if login == "certificate" else "Basic")


def test_status_is_published_by_name_for_smartrest(cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        cloud.open("127.0.0.1", target.port).operation.wait_final(10)
    assert [message.payload for message in cloud.status_messages] == [
        "501,c8y_RemoteAccessConnect", "503,c8y_RemoteAccessConnect"]


@pytest.mark.device(form="json")
def test_status_is_published_by_id_for_json(cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        operation = cloud.open("127.0.0.1", target.port, delivery="json").operation
        operation.wait_final(10)
    assert [message.payload for message in cloud.status_messages] == [
        f"504,{operation.id}", f"506,{operation.id}"]


def test_the_upgrade_request_is_what_cumulocity_expects(cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        session = opened(cloud, target)
    headers = cloud.upgrades[0].headers
    assert headers["sec-websocket-protocol"] == "binary"
    assert headers["host"] == cloud.http
    assert "sec-websocket-extensions" not in headers
    assert cloud.upgrades[0].key == session.operation.key


def test_the_first_operation_after_another_works_too(cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        for count in (1, 2, 3):
            session = opened(cloud, target)
            check_carries(session)
            session.close()
            target.wait_ended(count)


def test_the_target_leaves_and_the_operator_knows_within_a_second(
        cloud: Cloud, device: Device) -> None:
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        left = time.monotonic()
        target.close()
        closed = session.wait_closed(5)
        assert closed.time - left < 1
        assert (closed.code, closed.by) == (1000, "device")
        wait_until(lambda: not device.processes(), 1.5, "the end of the device's processes")
    assert session.operation.statuses == SUCCESS


@pytest.mark.parametrize("how", ["close", "drop", "abort"])
def test_the_operator_leaves_and_the_target_knows_within_a_second(
        cloud: Cloud, device: Device, how: str) -> None:
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        left = time.monotonic()
        getattr(session, how)()
        target.wait_ended()
        assert time.monotonic() - left < 1
        wait_until(lambda: not device.processes(), 1.5, "the end of the device's processes")
    # How a session ends says nothing about the operation: it was carried out.
    assert session.operation.statuses == SUCCESS


def test_a_profile_has_its_own_cloud_login_and_topics(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    edge = cloud.add_device("c8y-edge", "device-edge")
    device = make_device(profile="edge", prefix="c8y-edge", external_id="device-edge")
    device.write_credentials(f"{cloud.tenant}/device_device-edge", cloud.device_password)
    device.start()
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port, device=edge)
        session.wait_device(10)
        check_carries(session)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
    assert {message.prefix for message in cloud.status_messages} == {"c8y-edge"}


def test_mapper_toml_is_read_instead_of_tedge_toml(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    folder = device.config_dir / "mappers" / "c8y"
    folder.mkdir(parents=True)
    (folder / "mapper.toml").write_text(
        f'cloud_type = "c8y"\nurl = "{cloud.host}"\nhttp = "{cloud.http}"\n'
        f'root_cert_path = "{cloud.ca_folder}"\nauth_method = "basic"\n')
    device.settings["c8y.http"] = "127.0.0.1:1"  # must not count any more
    device.start()
    with Target(echo) as target:
        check_carries(opened(cloud, target))


def test_an_environment_variable_overrides_the_files(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.settings["c8y.http"] = "127.0.0.1:1"
    device.mapper.environment["TEDGE_C8Y_HTTP"] = cloud.http
    device.start()
    with Target(echo) as target:
        check_carries(opened(cloud, target))


@pytest.mark.parametrize("hostname", ["localhost", "::1", "[::1]", "LOCALHOST."])
def test_the_target_may_be_named_in_every_form(
        cloud: Cloud, device: Device, hostname: str) -> None:
    with Target(echo, host="::1" if ":" in hostname else "127.0.0.1") as target:
        session = cloud.open(hostname, target.port)
        session.wait_device(10)
        check_carries(session)


@pytest.mark.parametrize("address", ["localhost", "[::1]"])
def test_the_cloud_may_be_a_name_or_an_ipv6_address(
        cloud: Cloud, make_device: Callable[..., Device], address: str) -> None:
    device = make_device()
    device.settings["c8y.http"] = f"{address}:{cloud.port}"
    device.start()
    with Target(echo) as target:
        check_carries(opened(cloud, target))
    assert cloud.upgrades[0].headers["host"] == f"{address}:{cloud.port}"
