# SPDX-License-Identifier: Apache-2.0
"""A broker that wants a password, or TLS and a certificate (thin-edge's mqtt.client.auth.*)."""

from __future__ import annotations

import getpass
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import established, run_directly
from .harness.services import free_port, program
from .harness.targets import Target, echo


@pytest.fixture
def tls_port() -> int:
    return free_port()


@pytest.fixture
def broker_config(tmp_path: Path, tls_port: int) -> str:
    """Whoever gives no name may be the cloud and the mapper, but may not publish a status."""
    files = tmp_path / "broker"
    files.mkdir()
    subprocess.run([program("mosquitto_passwd"), "-b", "-c", str(files / "passwords"), "local",
                    "secret"], check=True, capture_output=True)
    (files / "acl").write_text(
        "topic read #\n" + "".join(f"topic write c8y/{topic}\n" for topic in (
            "s/ds", "s/dat", "devicecontrol/notifications"))
        + "user local\ntopic readwrite #\nuser by-certificate\ntopic readwrite #\n")
    for name in ("server", "client"):
        common = "localhost" if name == "server" else "by-certificate"
        subprocess.run([program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        f"/CN={common}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                        "-keyout", str(files / f"{name}.key"), "-out", str(files / f"{name}.pem")],
                       check=True, capture_output=True)
    # As the one who runs the tests: mosquitto's own user may not read pytest's folders.
    return (f"user {getpass.getuser()}\npassword_file {files}/passwords\nacl_file {files}/acl\n"
            f"listener {tls_port} 127.0.0.1\nallow_anonymous true\n"
            f"cafile {files}/client.pem\ncertfile {files}/server.pem\nkeyfile {files}/server.key\n"
            "require_certificate true\nuse_identity_as_username true\n")


@pytest.mark.parametrize("login", ["basic", "certificate"])
def test_a_broker_with_password_is_served(
        tmp_path: Path, cloud: Cloud, make_device: Callable[..., Device], login: str) -> None:
    # Only the first line counts, as thin-edge reads it.
    (tmp_path / "password").write_text("secret\nnot this\n")
    device = make_device(login=login)
    device.settings |= {"mqtt.client.auth.username": "local",
                        "mqtt.client.auth.password_file": str(tmp_path / "password")}
    device.start()
    with Target(echo) as target:
        established(cloud, target)


def test_a_wrong_password_at_the_broker_is_a_clear_line(
        tmp_path: Path, cloud: Cloud, make_device: Callable[..., Device]) -> None:
    (tmp_path / "password").write_text("wrong\n")
    device = make_device(login="certificate")
    device.settings |= {"mqtt.client.auth.username": "local",
                        "mqtt.client.auth.password_file": str(tmp_path / "password")}
    device.start()
    operation = cloud.create_operation("127.0.0.1", 22, delivery=None)
    run = run_directly(device, operation.smartrest()).finish(20)
    assert run.exit_code == 3
    assert re.search(r"MQTT broker 127\.0\.0\.1:\d+: .*[Nn]ot authori[sz]ed",
                     run.stderr.decode()), run.stderr


def test_a_broker_with_tls_and_client_certificate_is_served(
        tmp_path: Path, tls_port: int, cloud: Cloud, make_device: Callable[..., Device]) -> None:
    files = tmp_path / "broker"
    device = make_device(login="certificate")
    device.settings |= {"mqtt.client.port": tls_port,
                        "mqtt.client.auth.ca_file": str(files / "server.pem"),
                        "mqtt.client.auth.cert_file": str(files / "client.pem"),
                        "mqtt.client.auth.key_file": str(files / "client.key")}
    device.start()
    with Target(echo) as target:
        established(cloud, target)


def test_a_broker_with_an_untrusted_certificate_is_refused(
        tmp_path: Path, tls_port: int, cloud: Cloud, make_device: Callable[..., Device]) -> None:
    files = tmp_path / "broker"
    device = make_device(login="certificate")
    device.settings |= {"mqtt.client.port": tls_port,
                        "mqtt.client.auth.ca_file": str(files / "client.pem"),
                        "mqtt.client.auth.cert_file": str(files / "client.pem"),
                        "mqtt.client.auth.key_file": str(files / "client.key")}
    device.start()
    operation = cloud.create_operation("127.0.0.1", 22, delivery=None)
    run = run_directly(device, operation.smartrest()).finish(20)
    assert run.exit_code == 3
    assert b"MQTT broker" in run.stderr
