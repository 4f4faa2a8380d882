# SPDX-License-Identifier: Apache-2.0
"""Real programs at both ends: ssh, scp, c8ylp, VNC, Telnet."""

from __future__ import annotations

import getpass
import os
import re
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud import Cloud, Session
from cloud.c8ylp_command import c8ylp

from .harness.device import Device
from .harness.operator_port import OperatorPort
from .harness.services import SshServer, free_port, ssh_server, telnet_server, vnc_server
from .harness.waiting import wait_until

MIB = 1 << 20


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[SshServer]:
    with ssh_server(tmp_path / "sshd") as server:
        yield server


def run(argv: list[str], timeout: float = 40, **options: object) -> bytes:
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, **options)  # type: ignore
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-2000:]
    return done.stdout


@pytest.mark.parametrize("login", ["basic", "certificate"])
def test_ssh_runs_a_command(
        cloud: Cloud, make_device: Callable[..., Device], sshd: SshServer, login: str) -> None:
    make_device(login=login).start()
    with OperatorPort(cloud, "127.0.0.1", sshd.port) as operator:
        command = "echo from the device; exit 0"
        said = run([*sshd.client("ssh", operator.port), f"{getpass.getuser()}@127.0.0.1", command])
        assert said == b"from the device\n"
        assert operator.sessions[0].operation.wait_final(5) == "SUCCESSFUL"


def test_an_exit_status_comes_back_through_ssh(
        cloud: Cloud, device: Device, sshd: SshServer) -> None:
    with OperatorPort(cloud, "127.0.0.1", sshd.port) as operator:
        argv = [*sshd.client("ssh", operator.port), f"{getpass.getuser()}@127.0.0.1", "exit 42"]
        assert subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=40).returncode == 42


@pytest.mark.timeout(120)
def test_scp_copies_20_mib_each_way(
        tmp_path: Path, cloud: Cloud, device: Device, sshd: SshServer) -> None:
    original, there, back = tmp_path / "original", tmp_path / "there", tmp_path / "back"
    original.write_bytes(os.urandom(20 * MIB))
    host = f"{getpass.getuser()}@127.0.0.1"
    with OperatorPort(cloud, "127.0.0.1", sshd.port) as operator:
        copy = sshd.client("scp", operator.port)
        run([*copy, str(original), f"{host}:{there}"], timeout=50)
        run([*copy, f"{host}:{there}", str(back)], timeout=50)
    assert there.read_bytes() == original.read_bytes()
    assert back.read_bytes() == original.read_bytes()


@pytest.mark.timeout(90)
def test_c8ylp_runs_ssh_through_the_cloud(
        tmp_path: Path, cloud: Cloud, device: Device, sshd: SshServer) -> None:
    """The user's own client, unmodified: REST, WebSocket and all."""
    cloud.add_configuration("Passthrough", "127.0.0.1", sshd.port)
    argv, environment = c8ylp(cloud, tmp_path / "home", [
        "connect", "ssh", "device-1", "--port", str(free_port()), "--ssh-user", getpass.getuser(),
        "--", "-F", "/dev/null", "-i", str(sshd.key), "-o", "BatchMode=yes", "-o",
        "IdentitiesOnly=yes", "echo from the device"])
    assert b"from the device\n" in run(argv, env=environment, timeout=60)
    assert [operation.status for operation in cloud.operations] == ["SUCCESSFUL"]


def read_rfb_name(session: Session) -> str:
    """RFC 6143: versions, security None, result, initialisation; ends with the desktop's name."""
    version = session.recv_exact(12, timeout=10)
    assert version == b"RFB 003.008\n"
    session.send(version)
    count = session.recv_exact(1, timeout=10)[0]
    assert 1 in session.recv_exact(count, timeout=10)
    session.send(b"\x01")
    assert session.recv_exact(4, timeout=10) == bytes(4)
    session.send(b"\x01")
    initial = session.recv_exact(24, timeout=10)
    (length,) = struct.unpack(">I", initial[20:])
    return session.recv_exact(length, timeout=10).decode()


def test_a_vnc_handshake_ends_with_the_desktops_name(
        tmp_path: Path, cloud: Cloud, device: Device) -> None:
    with vnc_server(tmp_path / "vnc", "the machine's panel") as port:
        session = cloud.open("127.0.0.1", port)
        session.wait_device(10)
        assert "the machine's panel" in read_rfb_name(session)
        session.close()


_TELNET = re.compile(rb"\xff([\xfb\xfd])(.)|\xff[\xfc\xfe].|\xff\xfa.*?\xff\xf0", re.S)
_REFUSAL = {b"\xfb": b"\xff\xfe", b"\xfd": b"\xff\xfc"}  # WILL: DONT; DO: WONT (RFC 854)


def telnet_text(session: Session, until: bytes) -> bytes:
    """What a Telnet client that refuses every option reads, up to `until`."""
    seen, answered = b"", 0
    while until not in (text := _TELNET.sub(b"", seen)):
        seen += session.recv_some(timeout=20)
        requests = [match for match in _TELNET.finditer(seen) if match[1]]
        for match in requests[answered:]:
            session.send(_REFUSAL[match[1]] + match[2])
        answered = len(requests)
    return text


def test_a_real_telnetd_shows_its_login_prompt(cloud: Cloud, device: Device) -> None:
    with telnet_server() as target:
        session = cloud.open("127.0.0.1", target.port)
        session.wait_device(10)
        assert b"login:" in telnet_text(session, b"login:")
        session.close()
        wait_until(lambda: target.ended, 10)
