# SPDX-License-Identifier: Apache-2.0
"""Settings that cannot be read or understood: FAILED, with file, line and key in the reason."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import check_fails

OWN = "plugins/c8y-remote-access-connect.toml"
FILES = ["tedge.toml", "mappers/c8y/mapper.toml", "mappers/c8y.other/mapper.toml", OWN,
         "system.toml"]


@pytest.fixture
def device(make_device: Callable[..., Device]) -> Device:
    return make_device()


def start_with(device: Device, cloud: Cloud, file: str) -> Path:
    """Ready but for `file`; the broker is told by variables, as no file may say it any more."""
    host, port = device.settings["mqtt.client.host"], device.settings["mqtt.client.port"]
    device.mapper.environment |= {"TEDGE_MQTT_CLIENT_HOST": str(host),
                                  "TEDGE_MQTT_CLIENT_PORT": str(port),
                                  "TEDGE_C8Y_HTTP": cloud.http}
    device.start()
    path = device.config_dir / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(("content", "line"), [
    ("\n\nurl = hush\n", 3), ("[c8y\nurl = 'hush'\n", 1), ("a = 1\na = 'hush'\n", 2),
    ("x = 'hush\n", 1), ("\0hush", 1), ("caf\xe9 = 'hush'", 1)])
def test_a_file_that_is_no_toml_is_named_with_the_line_and_never_quoted(
        cloud: Cloud, device: Device, file: str, content: str, line: int) -> None:
    path = start_with(device, cloud, file)
    path.write_bytes(content.encode("latin-1"))
    check_fails(cloud, device, f"^settings {path}:{line}: is not valid TOML")
    assert "hush" not in cloud.operations[-1].reason
    assert b"hush" not in device.mapper.runs[0].stderr


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(("kind", "words"), [
    ("folder", "is not a regular file"), ("fifo", "is not a regular file"),
    ("loop", "cannot be read: Too many levels of symbolic links"),
    ("huge", "is larger than expected")])
def test_a_file_that_cannot_be_read_is_named(
        cloud: Cloud, device: Device, file: str, kind: str, words: str) -> None:
    """thin-edge takes an unreadable tedge.toml for an empty one, and then says that c8y.url is not
    set: true, and no help."""
    path = start_with(device, cloud, file)
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path.name)
    else:
        with path.open("wb") as big:
            big.truncate(1 << 30)
    check_fails(cloud, device, f"^settings {path}: {words}$")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
@pytest.mark.parametrize("file", FILES)
def test_a_file_that_thin_edge_s_user_may_not_read_is_named(
        cloud: Cloud, device: Device, file: str) -> None:
    path = start_with(device, cloud, file)
    path.write_text("")
    path.chmod(0)
    device.run_as_nobody()
    check_fails(cloud, device, f"^settings {path}: cannot be read: Permission denied$")


def test_a_folder_of_mappers_that_cannot_be_read_is_named(cloud: Cloud, device: Device) -> None:
    path = start_with(device, cloud, "mappers")
    path.write_text("")
    check_fails(cloud, device, f"^settings {path}: cannot be read: Not a directory$")


THIN_EDGE = {
    "a word for a port": ("mqtt.client.port = '1883'", "mqtt.client.port", "must be a number"),
    "port 0": ("mqtt.client.port = 0", "mqtt.client.port", "must be a port from 1 to 65535"),
    "port 65536": ("mqtt.client.port = 65536", "mqtt.client.port", "must be a port from 1 to"),
    "a number for a path": ("run.path = 1", "run.path", "must be a string"),
    "an empty path": ("run.path = ''", "run.path", "must not be empty"),
    "an empty prefix": ("c8y.bridge.topic_prefix = ''", "c8y.bridge.topic_prefix",
                        "must be a topic"),
    "a wildcard prefix": ("c8y.bridge.topic_prefix = '#'", "c8y.bridge.topic_prefix",
                          "must be a topic"),
    "a flag for a login": ("c8y.auth_method = true", "c8y.auth_method", "must be a string"),
    "an unknown login": ("c8y.auth_method = 'hush'", "c8y.auth_method", "must be certificate,"),
    "a word for a flag": ("c8y.smartrest.use_operation_id = 'no'",
                          "c8y.smartrest.use_operation_id", "must be true or false"),
    "a table for a host": ("[c8y.url]\nx = 1", "c8y.url", "must be a string"),
    "a host for a table": ("c8y = 'hush'", "c8y", "must be a table"),
    "a list for a folder": ("c8y.root_cert_path = ['hush']", "c8y.root_cert_path",
                            "must be a string"),
    "a login in a proxy's address": ("proxy.address = 'http://me:hush@proxy:3128'",
                                     "proxy.address", "must not contain a login .proxy.username"),
    "another kind of proxy": ("proxy.address = 'socks5://hush'", "proxy.address",
                              r"must be \[http\[s\]://\]host\[:port\]"),
    "half a proxy's login": ("proxy.address = 'proxy'\nproxy.password = 'hush'", "proxy.password",
                             "proxy.username and proxy.password are needed together"),
    "a colon in a proxy's user": (
        "proxy.address = 'proxy'\nproxy.username = 'm:hush'\nproxy.password = 'x'",
        "proxy.username", "must not contain a colon"),
    "an unknown version": ("config.version = '3'", "config.version", "must be '1' or '2'"),
    "old name beside the new": ("[mqtt]\nbind.port = 1883\nport = 1884", "mqtt.port",
                                "is given twice: here and as `mqtt.bind.port`"),
}


@pytest.mark.parametrize(("content", "key", "words"), [
    pytest.param(*case, id=name) for name, case in THIN_EDGE.items()])
def test_a_wrong_value_of_thin_edge_is_named(
        cloud: Cloud, device: Device, content: str, key: str, words: str) -> None:
    path = start_with(device, cloud, "tedge.toml")
    path.write_text(content + "\n")
    check_fails(cloud, device, rf"^settings {path}:\d+: key `{key}`: {words}")
    assert "hush" not in cloud.operations[-1].reason


def test_a_wrong_value_in_mapper_toml_is_named_as_it_is_written_there(
        cloud: Cloud, device: Device) -> None:
    path = start_with(device, cloud, "mappers/c8y/mapper.toml")
    path.write_text("[bridge]\ntopic_prefix = 3\n")
    check_fails(cloud, device, f"^settings {path}:2: key `bridge.topic_prefix`: must be a string")


OWN_KEYS = {
    "enabled": ["0", "'true'", "[]"],
    "approve": ["1", "true", "' '", "[]"],
    "allow": ["'*'", "[]", "{host='*'}", "[1]"],
    "limits": ["1", "[]"],
    "limits.sessions": ["0", "1001", "-1", "1.5", "'16'", "99999999999999999999"],
    "limits.connect": ["'0s'", "'999ms'", "'5m1s'", "20", "'20'", "''", "'-1s'", "'1 s'"],
    "limits.idle": ["'999ms'", "'366d'", "0"],
    "limits.duration": ["'999ms'", "'366d'", "false"],
    "limits.drain": ["'61s'", "'-1s'", "'1h'"],
    "keepalive.ping": ["'99ms'", "'10m1s'", "'0s'"],
    "keepalive.timeout": ["'25s'", "'61m'", "'1s'"],
    "audit.events": ["0", "'yes'"],
}


@pytest.mark.parametrize(("key", "value"), [
    (key, value) for key, values in OWN_KEYS.items() for value in values])
def test_a_wrong_value_of_our_own_is_named(
        cloud: Cloud, device: Device, key: str, value: str) -> None:
    device.own(f"\n{key} = {value}\n")
    device.start()
    # A number that no TOML has room for is a matter of the syntax.
    words = f"key `{key}`: must be " if len(value) < 20 else "is not valid TOML"
    check_fails(cloud, device, f"^settings {device.owner_file}:2: {words}")


ALLOW = {
    "no host": ("ports = [22]", 1, "host`: is missing"),
    "an empty host": ("host = ''", 2, "host`: must be a name, an address"),
    "half an address": ("host = '10.0.0.300'", 2, "host`: must be a name, an address"),
    "bits beyond the mask": ("host = '10.0.0.1/8'", 2, "host`: must be a name, an address"),
    "a port in the host": ("host = 'plc:22'", 2, "host`: must be a name, an address"),
    "a port alone": ("host = '*'\nports = 22", 3, "ports`: must be a list"),
    "no ports": ("host = '*'\nports = []", 3, "ports`: must be a list"),
    "port 0": ("host = '*'\nports = [0]", 3, "ports`: each must be a port"),
    "port 65536": ("host = '*'\nports = [22, 65536]", 3, "ports`: each must be a port"),
    "a range from the top": ("host = '*'\nports = ['9-8']", 3, "ports`: each must be a port"),
    "an unknown key": ("host = '*'\nport = [22]", 3, "port`: is unknown"),
}


@pytest.mark.parametrize(("content", "line", "words"), [
    pytest.param(*case, id=name) for name, case in ALLOW.items()])
def test_a_wrong_rule_is_named(
        cloud: Cloud, device: Device, content: str, line: int, words: str) -> None:
    device.own(f"[[allow]]\n{content}\n")
    device.start()
    check_fails(cloud, device, rf"^settings {device.owner_file}:{line}: key `allow\.{words}")


@pytest.mark.parametrize("key", ["enabeld", "limits.session", "keepalive.pong", "audit.file",
                                 "log", "limits.connect.seconds"])
def test_an_unknown_key_of_our_own_is_named(cloud: Cloud, device: Device, key: str) -> None:
    device.own(f"{key} = true\n")
    device.start()
    check_fails(cloud, device, rf"^settings {device.owner_file}:1: key `{key}`: is unknown"
                if key != "limits.connect.seconds" else "key `limits.connect`: must be a duration")
