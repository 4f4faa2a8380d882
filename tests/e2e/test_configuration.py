# SPDX-License-Identifier: Apache-2.0
"""Where thin-edge's settings come from: files old and new, profiles, environment, folder.

Which source counted shows in the name that the cloud was asked for: `localhost` in the one that
must win, `127.0.0.1` or nothing at all in the others."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from cloud import Cloud, Operation

from .harness.device import Device
from .harness.expect import SUCCESS, check_carries, check_fails, check_reaches, run_directly
from .harness.targets import Target, echo

NOWHERE = "127.0.0.1:1"


@pytest.fixture
def unstarted(make_device: Callable[..., Device]) -> Device:
    return make_device()


def by_name(cloud: Cloud) -> str:
    return f"localhost:{cloud.port}"


# tedge.toml, mapper.toml, both


def test_mapper_toml_counts_instead_of_tedge_toml_and_a_warning_says_so(
        cloud: Cloud, unstarted: Device) -> None:
    unstarted.write_mapper_toml({**unstarted.cloud_settings(), "http": by_name(cloud)})
    unstarted.settings["c8y.http"] = NOWHERE
    unstarted.start()
    check_reaches(cloud, "localhost")
    stderr = unstarted.mapper.runs[0].finish().stderr.decode()
    assert "warn: " in stderr
    assert re.search(r"tedge\.toml:\d+: \[c8y\] is ignored in favour of .*mapper\.toml", stderr)


def test_mapper_toml_alone_is_enough(cloud: Cloud, unstarted: Device) -> None:
    unstarted.write_mapper_toml({**unstarted.cloud_settings(), "http": by_name(cloud)})
    for key in [key for key in unstarted.settings if key.startswith("c8y.")]:
        del unstarted.settings[key]
    unstarted.start()
    check_reaches(cloud, "localhost")
    assert b"warn:" not in unstarted.mapper.runs[0].finish().stderr


def test_the_default_profile_is_not_read_from_tedge_toml_beside_a_profile_s_mapper_toml(
        cloud: Cloud, unstarted: Device) -> None:
    """thin-edge's decide_config_source(): NotFound. Half a migration; the reason says where."""
    unstarted.write_mapper_toml(unstarted.cloud_settings(), profile="edge")
    unstarted.start()
    check_fails(cloud, unstarted, r"^settings .*/mappers/c8y/mapper\.toml: c8y\.url is not set .*"
                                  r"; \[c8y\] in tedge\.toml does not count beside mapper\.toml")
    assert re.search(r"warn: .*tedge\.toml:\d+: \[c8y\] is ignored",
                     unstarted.mapper.runs[0].stderr.decode())


def test_another_cloud_s_mapper_toml_leaves_c8y_in_tedge_toml(
        cloud: Cloud, unstarted: Device) -> None:
    folder = unstarted.config_dir / "mappers" / "aws"
    folder.mkdir(parents=True)
    (folder / "mapper.toml").write_text('url = "aws.example.com"\n')
    unstarted.start()
    check_reaches(cloud)


# old names of keys

OLD_NAMES = {
    "port": {"mqtt.port": "port"},
    "client_port": {"mqtt.client_port": "port"},
    "client_host and client_port": {"mqtt.client_host": "host", "mqtt.client_port": "port"},
    "version 1 said": {"config.version": "1", "mqtt.client_port": "port"},
}


@pytest.mark.parametrize("names", [
    pytest.param(names, id=name) for name, names in OLD_NAMES.items()])
def test_old_names_of_the_broker_s_address_are_read_and_never_rewritten(
        cloud: Cloud, make_device: Callable[..., Device], names: dict[str, str]) -> None:
    device = make_device(login="certificate")
    known = {"host": device.settings["mqtt.client.host"],
             "port": device.settings["mqtt.client.port"]}
    for key in ("config.version", "mqtt.client.host", "mqtt.client.port"):
        del device.settings[key]
    device.settings |= {old: known.get(name, name) for old, name in names.items()}
    device.start()
    before = (device.config_dir / "tedge.toml").read_bytes()
    check_reaches(cloud)
    assert (device.config_dir / "tedge.toml").read_bytes() == before


def test_an_old_name_beside_version_2_is_not_read_and_a_warning_says_so(
        cloud: Cloud, unstarted: Device) -> None:
    """As thin-edge, which would not say it."""
    unstarted.settings["mqtt.client_port"] = 1
    unstarted.start()
    check_reaches(cloud)
    assert re.search(r"warn: .*tedge\.toml:\d+: key `mqtt\.client_port` is an old name and not read",
                     unstarted.mapper.runs[0].finish().stderr.decode())


# profiles


@pytest.fixture
def edge(cloud: Cloud, make_device: Callable[..., Device]) -> Device:
    """Its default profile leads nowhere, its profile `edge` to the cloud by name."""
    cloud.add_device("c8y-edge", "device-edge")
    device = make_device(prefix="c8y-edge", external_id="device-edge")
    good = {**device.cloud_settings(), "http": by_name(cloud)}
    device.settings |= {"c8y.http": NOWHERE, "c8y.bridge.topic_prefix": "c8y",
                        **{f"c8y.profiles.edge.{key}": value for key, value in good.items()}}
    device.write_credentials(f"{cloud.tenant}/device_device-edge", cloud.device_password)
    device.own('limits.connect = "1s"\n')
    return device


def reaches_edge(cloud: Cloud) -> None:
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port, device=cloud.hub.devices[1])
        session.wait_device(10)
        check_carries(session)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
        session.close()
    assert session.operation.statuses == SUCCESS
    assert {message.prefix for message in cloud.status_messages} == {"c8y-edge"}
    assert cloud.upgrades[-1].headers["host"] == by_name(cloud)


PROFILE = {
    "flag": (["--profile", "edge"], ""),
    "environment": ([], "edge"),
    "flag before environment": (["--profile", "edge"], "other"),
    "upper case": (["--profile=EDGE"], ""),
    "upper case in the environment": ([], "Edge"),
}


@pytest.mark.parametrize(("arguments", "variable"), [
    pytest.param(*case, id=name) for name, case in PROFILE.items()])
@pytest.mark.parametrize("files", ["tedge.toml", "mapper.toml"])
def test_a_profile_has_its_own_host_and_topics(
        cloud: Cloud, edge: Device, arguments: list[str], variable: str, files: str) -> None:
    if files == "mapper.toml":
        settings = {key.removeprefix("profiles.edge."): value
                    for key, value in edge.cloud_settings().items() if "profiles" in key}
        edge.write_mapper_toml(settings, profile="edge")
        edge.write_mapper_toml({"url": "nowhere.invalid"})
    edge.install_operation("smartrest", arguments=" ".join(arguments))
    if variable:
        edge.mapper.environment["TEDGE_CLOUD_PROFILE"] = variable
    edge.start()
    reaches_edge(cloud)


@pytest.mark.parametrize("arguments", ["", '--profile ""'])
def test_an_empty_profile_is_the_default_profile(
        cloud: Cloud, edge: Device, arguments: str) -> None:
    edge.install_operation("smartrest", arguments=arguments)
    edge.mapper.environment["TEDGE_CLOUD_PROFILE"] = ""
    edge.write_settings()
    operation = cloud.create_operation("127.0.0.1", 22, delivery=None)
    run = run_directly(edge, operation.smartrest()).finish()
    assert operation.wait_final(5) == "FAILED"  # on the default profile's topics
    assert run.exit_code == 1


def test_an_unknown_profile_is_refused_and_those_that_exist_are_told(
        cloud: Cloud, edge: Device) -> None:
    edge.settings["c8y.profiles.lab.url"] = "lab.example.com"
    edge.mapper.prefix, edge.mapper.device = "c8y", "device-1"
    edge.mapper.environment["TEDGE_CLOUD_PROFILE"] = "egde"
    edge.start()
    check_fails(cloud, edge, r"^settings .*/tedge\.toml: no profile `egde` "
                             r"\(there is: edge, lab\)")


@pytest.mark.parametrize("name", ["a.b", "a b", "-", "edge/../x"])
def test_an_impossible_profile_name_is_refused(cloud: Cloud, edge: Device, name: str) -> None:
    edge.mapper.prefix, edge.mapper.device = "c8y", "device-1"
    edge.mapper.environment["TEDGE_CLOUD_PROFILE"] = name
    edge.start()
    check_fails(cloud, edge, "^settings profile `.*`: a name is of letters, digits")


def run_edge_without(cloud: Cloud, edge: Device, key: str, target: Target,
                     device: int = 1) -> Operation:
    """The default profile has the key, `edge` has not; `device`: whose topics are expected."""
    edge.settings[f"c8y.{key}"] = edge.settings.pop(f"c8y.profiles.edge.{key}")
    edge.mapper.environment["TEDGE_CLOUD_PROFILE"] = "edge"
    edge.write_settings()
    operation = cloud.create_operation("127.0.0.1", target.port, delivery=None,
                                       device=cloud.hub.devices[device])
    run_directly(edge, operation.smartrest())
    operation.wait_final(10)
    return operation


@pytest.mark.parametrize(("key", "reason"), [
    ("http", r"^settings .*tedge\.toml: c8y\.url is not set .*--profile edge"),
    ("auth_method", "^no JWT from the cloud"),  # certificate, as if nothing were set
])
def test_a_profile_inherits_nothing(cloud: Cloud, edge: Device, key: str, reason: str) -> None:
    cloud.behaviour.jwt_silent = True
    with Target(echo) as target:
        assert re.search(reason, run_edge_without(cloud, edge, key, target).reason)


def test_a_profile_without_a_topic_prefix_has_the_built_in_one(cloud: Cloud, edge: Device) -> None:
    edge.settings["c8y.bridge.topic_prefix"] = "c8y-other"
    with Target(echo) as target:
        del edge.settings["c8y.profiles.edge.bridge.topic_prefix"]
        edge.settings["c8y.profiles.edge.credentials_path"] = str(
            edge.write_credentials(cloud.device_user, cloud.device_password))
        operation = run_edge_without(cloud, edge, "credentials_path", target, device=0)
        assert operation.status == "SUCCESSFUL"
    assert {message.prefix for message in cloud.status_messages} == {"c8y"}


def test_trust_alone_is_that_of_all_profiles(cloud: Cloud, edge: Device) -> None:
    """thin-edge's cloud_client_tls_config() unites it."""
    with Target(echo) as target:
        operation = run_edge_without(cloud, edge, "root_cert_path", target)
        assert operation.status == "SUCCESSFUL"
