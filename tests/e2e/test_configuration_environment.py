# SPDX-License-Identifier: Apache-2.0
"""TEDGE_* variables over the files; which folder the files are in."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import check_fails, check_reaches

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def unstarted(make_device: Callable[..., Device]) -> Device:
    return make_device()


def test_url_is_set_with_the_default_port_and_http_unset(
        cloud: Cloud, unstarted: Device) -> None:
    unstarted.own('limits.connect = "1s"\n')
    unstarted.settings["c8y.url"] = "nowhere.invalid"
    unstarted.mapper.environment |= {"TEDGE_C8Y_URL": "127.86.1.2", "TEDGE_C8Y_HTTP": ""}
    unstarted.start()
    check_fails(cloud, unstarted, r"^cloud 127\.86\.1\.2:443: connection refused")


@pytest.mark.parametrize("exists", [True, False], ids=["in the file too", "only there"])
def test_a_profile_s_host_is_set(cloud: Cloud, unstarted: Device, exists: bool) -> None:
    for key in ("root_cert_path", "auth_method", "http"):
        value = str(unstarted.settings.pop(f"c8y.{key}"))
        unstarted.mapper.environment[f"TEDGE_C8Y_PROFILES_LAB_1_{key.upper()}"] = value
    unstarted.mapper.environment |= {
        "TEDGE_C8Y_PROFILES_LAB_1_HTTP": f"localhost:{cloud.port}",
        "TEDGE_C8Y_HTTP": NOWHERE, "TEDGE_CLOUD_PROFILE": "lab_1"}
    if exists:
        unstarted.settings["c8y.profiles.lab_1.http"] = NOWHERE
    unstarted.start()
    check_reaches(cloud, "localhost")


def test_the_broker_s_port_is_set(cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device(login="certificate")
    device.mapper.environment["TEDGE_MQTT_CLIENT_PORT"] = str(device.settings["mqtt.client.port"])
    device.settings["mqtt.client.port"] = 1
    device.start()
    check_reaches(cloud)


def test_variables_count_over_mapper_toml(cloud: Cloud, unstarted: Device) -> None:
    unstarted.write_mapper_toml({**unstarted.cloud_settings(), "http": NOWHERE})
    unstarted.mapper.environment["TEDGE_C8Y_HTTP"] = f"localhost:{cloud.port}"
    unstarted.start()
    check_reaches(cloud, "localhost")


def test_a_value_in_quotes_is_toml(cloud: Cloud, unstarted: Device) -> None:
    unstarted.mapper.environment["TEDGE_C8Y_HTTP"] = f'"\\u006cocalhost:{cloud.port}"'
    unstarted.start()
    check_reaches(cloud, "localhost")


def test_a_value_in_brackets_that_is_no_toml_is_taken_as_it_is(
        cloud: Cloud, unstarted: Device) -> None:
    unstarted.mapper.environment["TEDGE_C8Y_HTTP"] = f"[::1]:{cloud.port}"
    unstarted.start()
    check_reaches(cloud, "[::1]")


def test_an_unknown_name_is_a_warning_and_one_that_thin_edge_knows_is_none(
        cloud: Cloud, unstarted: Device) -> None:
    unstarted.mapper.environment |= {"TEDGE_C8Y_ULR": "x", "TEDGE_DEVICE_TYPE": "x"}
    unstarted.start()
    check_reaches(cloud)
    stderr = unstarted.mapper.runs[0].finish().stderr.decode()
    assert "warn: unknown setting in the environment: TEDGE_C8Y_ULR" in stderr
    assert "TEDGE_DEVICE_TYPE" not in stderr


@pytest.mark.parametrize(("name", "value"), [
    ("TEDGE_C8Y_HTTP", "https://hush"), ("TEDGE_C8Y_URL", "hush:443"),
    ("TEDGE_MQTT_CLIENT_PORT", "hush"), ("TEDGE_C8Y_AUTH_METHOD", "hush"),
    ("TEDGE_C8Y_PROFILES_OTHER_URL", "hush:1"), ("TEDGE_C8Y_SMARTREST_USE_OPERATION_ID", "hush"),
])
def test_a_bad_value_is_an_error_that_names_the_variable_and_not_the_value(
        cloud: Cloud, unstarted: Device, name: str, value: str) -> None:
    unstarted.mapper.environment[name] = value
    unstarted.start()
    check_fails(cloud, unstarted, f"^settings {name}: must be ")
    assert b"hush" not in unstarted.mapper.runs[0].stderr


# the folder

FOLDERS = {
    "by flag": (["--config-dir", "{here}"], "/nowhere"),
    "by environment": ([], "{here}"),
    "by flag, relative": (["--config-dir", "{relative}"], ""),
    "by environment, relative": ([], "{relative}"),
    "with dots and slashes": (["--config-dir", "{here}/./../etc//"], ""),
}


@pytest.mark.parametrize(("arguments", "variable"), [
    pytest.param(*case, id=name) for name, case in FOLDERS.items()])
def test_the_folder_of_the_settings_is_chosen(
        cloud: Cloud, unstarted: Device, arguments: list[str], variable: str) -> None:
    """Also with our own file and credentials.toml, which lie in the same folder."""
    places = {"here": unstarted.config_dir,
              "relative": os.path.relpath(unstarted.config_dir, unstarted.tmp_path)}
    unstarted.install_operation(
        "smartrest", arguments=" ".join(arguments).format(**places))
    unstarted.mapper.environment["TEDGE_CONFIG_DIR"] = variable.format(**places)
    unstarted.start()
    check_reaches(cloud)
    unstarted.own("enabled = false\n")
    operation = cloud.create_operation("127.0.0.1", 22)
    assert operation.wait_final(5) == "FAILED"
    assert f"enabled = false in {unstarted.owner_file}" in operation.reason


def test_an_empty_variable_is_the_default_folder(cloud: Cloud, unstarted: Device) -> None:
    """/etc/tedge is not read for anything but the error here: that there is no url, or whatever
    it says on a machine with thin-edge, is told with its name."""
    unstarted.mapper.environment |= {
        "TEDGE_CONFIG_DIR": "", "TEDGE_CLOUD_PROFILE": "no-such-profile",
        "TEDGE_MQTT_CLIENT_PORT": str(unstarted.settings["mqtt.client.port"])}
    unstarted.start()
    check_fails(cloud, unstarted, "^settings /etc/tedge/.*no profile `no-such-profile`")
