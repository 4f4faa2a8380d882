# SPDX-License-Identifier: Apache-2.0
"""Where the broker is and how it is reached: mqtt.client.* in all its forms."""

from __future__ import annotations

import getpass
import re
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud, Mosquitto
from cloud.certificates import Certificates

from .harness.device import Device
from .harness.expect import check_carries, check_reaches, established, run_directly
from .harness.namespace import Namespace
from .harness.services import free_port, program
from .harness.targets import Target, echo


@pytest.fixture
def files(tmp_path: Path) -> Certificates:
    """The broker's: good.pem is for localhost, 127.0.0.1 and ::1, wrong_name.pem for another."""
    made = Certificates(tmp_path / "broker")
    subprocess.run([program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=device",
                    "-keyout", str(made.directory / "client.key"),
                    "-out", str(made.directory / "client.pem")], check=True, capture_output=True)
    return made


NO_TLS = "no TLS connection: .*not trusted .*another name.*"  # Paho does not say which

PORTS = ("other", "six", "tls", "tls6", "client", "wrong_name")


@pytest.fixture
def ports() -> dict[str, int]:
    return {name: free_port() for name in PORTS}


@pytest.fixture
def broker_config(files: Certificates, ports: dict[str, int]) -> str:
    def tls(name: str, certificate: str = "good", host: str = "127.0.0.1", more: str = "") -> str:
        pair = files.directory / f"{certificate}.pem"
        return f"listener {ports[name]} {host}\ncertfile {pair}\nkeyfile {pair}\n{more}"

    return (f"user {getpass.getuser()}\n"
            f"listener {ports['other']} 127.0.0.77\nlistener {ports['six']} ::1\n"
            + tls("tls") + tls("tls6", host="::1") + tls("wrong_name", "wrong_name")
            + tls("client", more=f"cafile {files.directory}/client.pem\n"
                                 "require_certificate true\n"))


@pytest.fixture
def device(make_device: Callable[..., Device]) -> Device:
    """With a login that needs the broker."""
    return make_device(login="certificate")


def auth(device: Device, **keys: object) -> None:
    device.settings |= {f"mqtt.client.auth.{key}": str(value) for key, value in keys.items()}


def check_unreachable(cloud: Cloud, device: Device, words: str) -> str:
    """No status can be published; the reason is in the operation log."""
    device.start()
    operation = cloud.create_operation("127.0.0.1", 22, delivery=None)
    run = run_directly(device, operation.smartrest()).finish(20)
    assert run.exit_code == 3
    told = run.stderr.decode()
    assert re.search(rf"MQTT broker \S+:{device.settings['mqtt.client.port']}: {words} "
                     r"\(check mqtt\.client\.\* and the broker\)", told), told
    assert operation.key not in told
    return told


@pytest.mark.parametrize(("host", "port"), [
    ("127.0.0.77", "other"), ("::1", "six"), ("[::1]", "six")])
def test_the_broker_may_be_on_another_address_and_port(
        cloud: Cloud, device: Device, ports: dict[str, int], host: str, port: str) -> None:
    device.settings |= {"mqtt.client.host": host, "mqtt.client.port": ports[port]}
    device.start()
    check_reaches(cloud)


def test_the_broker_s_port_is_that_of_mqtt_bind_where_it_has_no_other(
        cloud: Cloud, device: Device) -> None:
    device.settings["mqtt.bind.port"] = device.settings.pop("mqtt.client.port")
    device.start()
    check_reaches(cloud)


def test_a_device_that_names_no_broker_has_it_on_its_own_port_1883(
        cloud: Cloud, broker: Mosquitto, device: Device, namespace: Namespace) -> None:
    """In a network of its own, where nobody else has that port."""
    device.mapper.namespace = namespace
    namespace.door(broker.port, at=1883)
    device.settings["c8y.http"] = f"127.0.0.1:{namespace.door(cloud.port)}"
    del device.settings["mqtt.client.host"], device.settings["mqtt.client.port"]
    device.start()
    with namespace.target(echo) as target:
        check_carries(established(cloud, target))
    assert len(cloud.jwt_requests) == 1


def test_a_broker_that_is_not_there_is_named(cloud: Cloud, device: Device) -> None:
    device.settings["mqtt.client.port"] = free_port()
    check_unreachable(cloud, device, "not reachable")


# TLS: names of the key as today, as alias, and of version 1

CA_FILE = ["mqtt.client.auth.ca_file", "mqtt.client.auth.cafile", "mqtt.client_ca_file"]
CA_DIR = ["mqtt.client.auth.ca_dir", "mqtt.client.auth.cadir", "mqtt.client_ca_path"]


@pytest.mark.parametrize("key", CA_FILE)
@pytest.mark.parametrize(("host", "port"), [
    ("127.0.0.1", "tls"), ("localhost", "tls"), ("::1", "tls6")])
def test_a_broker_with_tls_is_verified_with_ca_file(
        cloud: Cloud, device: Device, files: Certificates, ports: dict[str, int], key: str,
        host: str, port: str) -> None:
    if "client_ca" in key:
        device.settings["config.version"] = "1"
    device.settings |= {"mqtt.client.host": host, "mqtt.client.port": ports[port],
                        key: str(files.ca_file)}
    device.start()
    check_reaches(cloud)


@pytest.mark.parametrize("key", CA_DIR)
@pytest.mark.parametrize("name", ["ca.pem", "ca.crt", "ca.cer"])
def test_a_broker_with_tls_is_verified_with_ca_dir(
        cloud: Cloud, device: Device, files: Certificates, ports: dict[str, int], key: str,
        name: str, tmp_path: Path) -> None:
    """Any folder of files: hash links are nothing that thin-edge asks for."""
    folder = tmp_path / "authorities"
    folder.mkdir()
    shutil.copy(files.ca_file, folder / name)
    shutil.copy(files.directory / "unknown_ca.pem", folder / "another.pem")
    (folder / "README.pem").write_text("no certificate\n")
    if "client_ca" in key:
        device.settings["config.version"] = "1"
    device.settings |= {"mqtt.client.port": ports["tls"], key: str(folder)}
    device.start()
    check_reaches(cloud)


def test_ca_file_and_ca_dir_count_together(
        cloud: Cloud, device: Device, files: Certificates, ports: dict[str, int]) -> None:
    device.settings["mqtt.client.port"] = ports["tls"]
    auth(device, ca_file=files.directory / "self_signed.pem", ca_dir=files.ca_folder)
    device.start()
    check_reaches(cloud)


@pytest.mark.parametrize("names", [
    ("mqtt.client.auth.cert_file", "mqtt.client.auth.key_file"),
    ("mqtt.client.auth.certfile", "mqtt.client.auth.keyfile"),
    ("mqtt.client_auth.cert_file", "mqtt.client_auth.key_file")])
def test_a_broker_that_wants_a_certificate_gets_it(
        cloud: Cloud, device: Device, files: Certificates, ports: dict[str, int],
        names: tuple[str, str]) -> None:
    if "client_auth" in names[0]:
        device.settings["config.version"] = "1"
    device.settings |= {"mqtt.client.port": ports["client"],
                        names[0]: str(files.directory / "client.pem"),
                        names[1]: str(files.directory / "client.key")}
    auth(device, ca_file=files.ca_file)
    device.start()
    check_reaches(cloud)


def test_a_broker_that_wants_a_certificate_and_gets_none_is_named(
        cloud: Cloud, device: Device, files: Certificates, ports: dict[str, int]) -> None:
    device.settings["mqtt.client.port"] = ports["client"]
    auth(device, ca_file=files.ca_file, cert_file=files.directory / "client.pem")
    told = check_unreachable(cloud, device, NO_TLS)
    assert "warn: mqtt.client.auth.cert_file and key_file count only together" in told


@pytest.mark.parametrize(("ca", "port", "words"), [
    ("self_signed.pem", "tls", NO_TLS),
    ("ca/ca.pem", "wrong_name", NO_TLS),
    ("missing.pem", "tls", r"mqtt\.client\.auth\.ca_file \S+/missing\.pem: cannot be read: .*")])
def test_a_broker_that_cannot_be_trusted_is_named_with_the_reason(
        cloud: Cloud, device: Device, files: Certificates, ports: dict[str, int], ca: str,
        port: str, words: str) -> None:
    device.settings["mqtt.client.port"] = ports[port]
    auth(device, ca_file=files.directory / ca)
    check_unreachable(cloud, device, words)


@pytest.mark.parametrize("name", ["ca.txt", "ca", "ca.pem.bak", None])
def test_other_files_in_ca_dir_do_not_count_and_without_any_there_is_no_tls(
        cloud: Cloud, device: Device, files: Certificates, tmp_path: Path,
        name: str | None) -> None:
    """As thin-edge does (mqtt_channel, is_using_tls), but not silently."""
    folder = tmp_path / "authorities"
    folder.mkdir()
    if name:
        shutil.copy(files.ca_file, folder / name)
    auth(device, ca_dir=folder)
    device.start()
    check_reaches(cloud)
    assert b"hold no certificate: the broker is reached without TLS" in (
        device.mapper.runs[0].finish().stderr)


def test_a_missing_ca_dir_is_named(cloud: Cloud, device: Device, tmp_path: Path) -> None:
    auth(device, ca_dir=tmp_path / "missing")
    check_unreachable(cloud, device, r"mqtt\.client\.auth\.ca_dir \S+/missing: cannot be read: .*")


def test_a_client_certificate_without_an_authority_stays_plain_tcp(
        cloud: Cloud, device: Device, files: Certificates) -> None:
    auth(device, cert_file=files.directory / "client.pem", key_file=files.directory / "client.key")
    device.start()
    check_reaches(cloud)


# user name and password in MQTT's CONNECT packet

PASSWORDS = {
    "first line only": (b"secret\nnot this\n", b"secret"),
    "line of Windows": (b"secret\r\n", b"secret"),
    "no line end": (b"secret", b"secret"),
    "blanks and UTF-8": ("  sécret: ".encode(), "  sécret: ".encode()),
    "long": (b"s" * 200 + b"\n" + b"x" * 10_000, b"s" * 200),
    "empty": (b"", b""),
    "missing": (None, b""),
}


@pytest.mark.parametrize(("content", "password"), [
    pytest.param(*case, id=name) for name, case in PASSWORDS.items()])
def test_the_password_is_the_first_line_of_its_file(
        cloud: Cloud, device: Device, tmp_path: Path, content: bytes | None,
        password: bytes) -> None:
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    packets: list[bytes] = []

    def listen(connection: socket.socket) -> None:
        packets.append(connection.recv(65536))

    with Target(listen) as broker:
        device.settings["mqtt.client.port"] = broker.port
        auth(device, username="local", password_file=path)
        device.write_settings()
        operation = cloud.create_operation("127.0.0.1", 22, delivery=None)
        run = run_directly(device, operation.smartrest()).finish(20)
    # As thin-edge's client, which sends no password where there is none.
    field = len(password).to_bytes(2, "big") + password if password else b""
    assert packets[0].endswith(b"\x00\x05local" + field)
    said = run.stderr.decode()
    assert "secret" not in said
    warning = f"warn: mqtt.client.auth.password_file {path}: cannot be read: "
    assert said.count(warning) == (content is None)
