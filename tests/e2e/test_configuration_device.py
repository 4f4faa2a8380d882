# SPDX-License-Identifier: Apache-2.0
"""The device's own side: paths, statuses by id or by name, how much is logged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import SUCCESS, check_reaches, established
from .harness.targets import Target, echo
from .harness.waiting import wait_until


@pytest.fixture
def device(make_device: Callable[..., Device]) -> Device:
    return make_device()


# topics


@pytest.mark.parametrize("login", ["basic", "certificate"])
@pytest.mark.parametrize("prefix", ["c8y-custom", "a/b", "c8y2"])
def test_the_topic_prefix_is_used_for_status_and_token(
        tmp_path: Path, cloud: Cloud, make_device: Callable[..., Device], login: str,
        prefix: str) -> None:
    other = cloud.add_device(prefix, "device-2")
    device = make_device(login=login, prefix=prefix, external_id="device-2")
    device.start()
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port, device=other)
        assert session.operation.wait_final(10) == "SUCCESSFUL"
    assert {message.prefix for message in cloud.status_messages} == {prefix}


@pytest.mark.parametrize("where", ["file", "environment"])
def test_statuses_go_by_name_where_thin_edge_is_told_that_the_cloud_knows_no_other(
        cloud: Cloud, make_device: Callable[..., Device], where: str) -> None:
    device = make_device(form="json")
    if where == "file":
        device.settings["c8y.smartrest.use_operation_id"] = False
    else:
        device.mapper.environment["TEDGE_C8Y_SMARTREST_USE_OPERATION_ID"] = "false"
    device.start()
    with Target(echo) as target:
        session = established(cloud, target, "json")
    assert session.operation.statuses == SUCCESS
    assert [message.payload for message in cloud.status_messages] == [
        "501,c8y_RemoteAccessConnect", "503,c8y_RemoteAccessConnect"]


# paths


def seats(folder: Path) -> list[Path]:
    return list(folder.glob("c8y-remote-access-connect/*.seat"))


def test_seats_are_in_run_path(cloud: Cloud, device: Device) -> None:
    device.start()
    with Target(echo) as target:
        session = established(cloud, target)
        assert len(seats(device.run_path)) == 1
        session.close()
        wait_until(lambda: not seats(device.run_path), 5, "the seat given up")


@pytest.mark.parametrize("run", ["missing", "a file"])
def test_seats_are_in_data_path_where_run_path_cannot_be_used(
        cloud: Cloud, device: Device, run: str) -> None:
    # A short path: one that is too long for a socket is not even tried.
    path = device.run_path.parent / run
    device.settings["run.path"] = str(path)
    if run == "a file":
        path.touch()
    device.start()
    with Target(echo) as target:
        session = established(cloud, target)
        assert len(seats(device.root / "data")) == 1
        session.close()
        wait_until(lambda: not seats(device.root / "data"), 5, "the seat given up")


def test_without_run_path_and_data_path_the_session_is_served_and_the_log_says_so(
        cloud: Cloud, device: Device) -> None:
    device.settings |= {"run.path": "/nowhere/run", "data.path": "/nowhere/data"}
    device.start()
    check_reaches(cloud)
    assert device.journal.wait_for(r"serving without a seat .*/nowhere/run.*/nowhere/data")


# log level: flags > RUST_LOG > system.toml > info

LEVELS = {
    "nothing": ([], "", "", "info"),
    "system.toml": ([], "", "c8y_remote_access_connect", "debug"),
    "system.toml, the stock plugin's name": ([], "", "c8y_remote_access_plugin", "debug"),
    "system.toml, another service": ([], "", "tedge_mapper", "info"),
    "RUST_LOG": ([], "debug", "", "debug"),
    "RUST_LOG with our name": ([], "warn,c8y_remote_access_connect=debug", "", "debug"),
    "RUST_LOG before system.toml": ([], "warn", "c8y_remote_access_connect", "warn"),
    "RUST_LOG not understood": ([], "loud", "c8y_remote_access_connect", "debug"),
    "a flag before RUST_LOG": (["--log-level", "debug"], "warn", "", "debug"),
    "--debug before RUST_LOG": (["--debug"], "warn", "", "debug"),
    "a flag before system.toml": (["--log-level", "warn"], "", "c8y_remote_access_connect",
                                  "warn"),
}


@pytest.mark.parametrize(("arguments", "rust_log", "key", "level"), [
    pytest.param(*case, id=name) for name, case in LEVELS.items()])
def test_the_log_level_is_chosen_for_plugin_and_session(
        cloud: Cloud, device: Device, arguments: list[str], rust_log: str, key: str,
        level: str) -> None:
    if key:
        (device.config_dir / "system.toml").write_text(f'[log]\n{key} = "debug"\n')
    if rust_log:
        device.mapper.environment["RUST_LOG"] = rust_log
    device.install_operation("smartrest", arguments=" ".join(arguments))
    device.start()
    check_reaches(cloud)
    said = device.mapper.runs[0].finish().stderr.decode()
    assert ("info: no session socket" in said) == (level != "warn")
    wait_until(lambda: not device.processes(), 5, "the end of the session")
    assert ("ended:" in device.journal.text or "ended " in device.journal.text) == (level != "warn")
    assert any(line.severity == 7 for line in device.journal.lines) == (level == "debug")


def test_an_impossible_level_in_system_toml_is_a_warning_and_no_lockout(
        cloud: Cloud, device: Device) -> None:
    path = device.config_dir / "system.toml"
    path.write_text('\n[log]\nc8y_remote_access_connect = "loud"\n')
    device.start()
    check_reaches(cloud)
    assert f"warn: {path}:3: key `log.c8y_remote_access_connect`: must be error, warn" in (
        device.mapper.runs[0].finish().stderr.decode())


def test_the_level_holds_while_an_unusable_setting_is_reported(
        cloud: Cloud, device: Device) -> None:
    (device.config_dir / "system.toml").write_text('log.c8y_remote_access_connect = "error"\n')
    device.settings["c8y.http"] = "https://wrong"
    device.mapper.environment["TEDGE_UNKNOWN"] = "x"
    device.start()
    cloud.create_operation("127.0.0.1", 22).wait_final(5)
    said = device.mapper.wait_runs()[0].finish().stderr.decode()
    assert "error: settings" in said and "TEDGE_UNKNOWN" not in said
