# SPDX-License-Identifier: Apache-2.0
"""How the cloud is named (c8y.url, c8y.http), and the login (c8y.auth_method, credentials)."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import check_fails, check_reaches

HOSTS = {
    "name": ("localhost", "localhost"),
    "upper case": ("LocalHost", "localhost"),
    "trailing dot": ("localhost.", "localhost"),
    "IPv4": ("127.0.0.1", "127.0.0.1"),
    "IPv6": ("[::1]", "[::1]"),
    "IPv6 in full": ("[0:0:0:0:0:0:0:1]", "[::1]"),
}


@pytest.mark.parametrize(("written", "asked"), [
    pytest.param(*case, id=name) for name, case in HOSTS.items()])
def test_http_names_the_host_and_its_port(
        cloud: Cloud, make_device: Callable[..., Device], written: str, asked: str) -> None:
    device = make_device()
    device.settings |= {"c8y.url": "mqtt.invalid", "c8y.http": f"{written}:{cloud.port}"}
    device.start()
    check_reaches(cloud, asked)


PORT_443 = {
    "url": ({"c8y.url": "127.86.1.1"}, r"127\.86\.1\.1:443"),
    "http without a port": ({"c8y.http": "127.86.1.2"}, r"127\.86\.1\.2:443"),
    "http before url": ({"c8y.url": "127.86.1.3", "c8y.http": "127.86.1.4"}, r"127\.86\.1\.4:443"),
    "url in capitals": ({"c8y.url": "NoSuch.Invalid"}, r"nosuch\.invalid:443"),
    "IPv6 without a port": ({"c8y.url": "[::1]"}, r"\[::1\]:443"),
}


@pytest.mark.parametrize(("keys", "address"), [
    pytest.param(*case, id=name) for name, case in PORT_443.items()])
def test_without_a_port_it_is_443(
        cloud: Cloud, make_device: Callable[..., Device], keys: dict[str, str],
        address: str) -> None:
    device = make_device()
    device.own('limits.connect = "1s"\n')
    del device.settings["c8y.http"]
    device.settings |= keys
    device.start()
    check_fails(cloud, device, f"^cloud {address}: ", within=5)


@pytest.mark.parametrize(("key", "value", "words"), [
    ("url", "https://t.example.com", "without a scheme"),
    ("url", "t.example.com:443", "without a port"),
    ("url", "t.example.com/path", "a host name or an address"),
    ("url", "", "a host name or an address"),
    ("http", "https://t.example.com", "without a scheme"),
    ("http", "::1", "an IPv6 address in brackets"),
    ("http", "[::1", "an IPv6 address in brackets"),
    ("http", "t.example.com:0", "host[:port]"),
    ("http", "t.example.com:65536", "host[:port]"),
    ("http", "t.example.com:", "host[:port]"),
])
def test_an_impossible_host_is_refused_with_its_key_and_form(
        cloud: Cloud, make_device: Callable[..., Device], key: str, value: str,
        words: str) -> None:
    device = make_device()
    device.settings[f"c8y.{key}"] = value
    device.start()
    check_fails(cloud, device, rf"^settings .*/tedge\.toml:\d+: key `c8y\.{key}`: must be .*")
    assert words in cloud.operations[-1].reason


# login


def scheme(cloud: Cloud) -> str:
    return str(cloud.upgrades[-1].headers["authorization"]).split()[0]


@pytest.mark.parametrize(("method", "file", "expected"), [
    ("basic", True, "Basic"), ("certificate", True, "Bearer"), ("certificate", False, "Bearer"),
    ("auto", True, "Basic"), ("auto", False, "Bearer"), (None, True, "Bearer")])
def test_the_login_is_chosen(cloud: Cloud, make_device: Callable[..., Device], method: str | None,
                             file: bool, expected: str) -> None:
    device = make_device()
    if method:
        device.settings["c8y.auth_method"] = method
    else:
        del device.settings["c8y.auth_method"]
    if not file:
        (device.config_dir / "credentials.toml").unlink()
    device.start()
    check_reaches(cloud)
    assert scheme(cloud) == expected
    assert len(cloud.jwt_requests) == (expected == "Bearer")


def test_auto_follows_the_file_that_is_configured(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.settings |= {"c8y.auth_method": "auto",
                        "c8y.credentials_path": str(device.root / "elsewhere.toml")}
    device.start()
    check_reaches(cloud)
    assert scheme(cloud) == "Bearer"


def test_password_is_another_word_for_basic_in_the_environment_only(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    """models/auth_method.rs: FromStr knows it, deserialization does not."""
    device = make_device(login="certificate")
    device.write_credentials(cloud.device_user, cloud.device_password)
    device.mapper.environment["TEDGE_C8Y_AUTH_METHOD"] = "password"
    device.start()
    check_reaches(cloud)
    assert scheme(cloud) == "Basic"
    del device.mapper.environment["TEDGE_C8Y_AUTH_METHOD"]
    device.settings["c8y.auth_method"] = "password"
    device.write_settings()
    operation = cloud.create_operation("127.0.0.1", 22)
    assert operation.wait_final(5) == "FAILED"
    assert "key `c8y.auth_method`: must be certificate, basic or auto" in operation.reason


@pytest.mark.parametrize("password", [
    "colon:colon::", 'double " quote', "single ' quote", "back\\slash \\n", "ünïcødé 密码 🔑",
    "tab\tand\nline break", " spaces around ", "#not a comment", "x" * 3000])
def test_a_password_of_any_characters_is_sent_as_it_is(
        cloud: Cloud, make_device: Callable[..., Device], password: str) -> None:
    cloud.set_device_password(password)
    device = make_device().start()
    check_reaches(cloud)
    assert password not in device.mapper.runs[0].finish().stderr.decode() + device.journal.text


def test_credentials_may_lie_elsewhere_and_each_profile_has_its_own(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device(profile="edge")
    own = device.write_credentials(cloud.device_user, cloud.device_password)
    own = own.rename(device.root / "edge.toml")
    device.write_credentials(cloud.device_user, "wrong")  # of the default profile
    device.settings["c8y.profiles.edge.credentials_path"] = str(own)
    device.start()
    check_reaches(cloud)


UNUSABLE = {
    "missing": (None, "cannot be read: No such file or directory"),
    "a folder": ("/", "is not a regular file"),
    "cannot be opened": ("->", "cannot be read: Too many levels of symbolic links"),
    "junk": ("hush hush", r"line 1 is not valid TOML \(key-value pair\)"),
    "not closed": ('[c8y]\nusername = "u"\npassword = "hush\n', r"line 3 is not valid TOML \(string\)"),
    "empty": ("", r"has no \[c8y\] table"),
    "another table": ('[az]\nusername = "u"\npassword = "hush"\n', r"has no \[c8y\] table"),
    "no password": ('[c8y]\nusername = "u"\n', r"has no password in \[c8y\]"),
    "no username": ('[c8y]\npassword = "hush"\n', r"has no username in \[c8y\]"),
    "a number": ('[c8y]\nusername = "u"\npassword = 4711\n', r"has no password in \[c8y\]"),
}


@pytest.mark.parametrize(("content", "detail"), [
    pytest.param(*case, id=name) for name, case in UNUSABLE.items()])
def test_unusable_credentials_are_named_and_never_quoted(
        cloud: Cloud, make_device: Callable[..., Device], content: str | None,
        detail: str) -> None:
    device = make_device()
    path = device.config_dir / "credentials.toml"
    path.unlink()
    if content == "/":
        path.mkdir()
    elif content == "->":
        path.symlink_to(path.name)
    elif content is not None:
        path.write_text(content)
    device.start()
    check_fails(cloud, device, rf"^credentials file {path}: {detail} "
                               r"\(check c8y\.credentials_path\)$")
    told = device.mapper.runs[0].stderr.decode() + device.journal.text
    told += cloud.operations[-1].reason
    assert "hush" not in told and "4711" not in told


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_credentials_that_thin_edge_s_user_may_not_read_are_named(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    device = make_device()
    path = device.config_dir / "credentials.toml"
    path.chmod(0o000)
    device.run_as_nobody()
    device.start()
    check_fails(cloud, device, rf"^credentials file {path}: cannot be read: Permission denied")


def test_basic_login_needs_no_broker_for_the_token(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    cloud.behaviour.jwt_silent = True
    make_device().start()
    check_reaches(cloud)
    assert cloud.jwt_requests == []
