# SPDX-License-Identifier: Apache-2.0
"""Real services: sshd, Xvnc, telnetd. Private keys, private ports, nothing of the machine's."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .drawing import draw_stripes
from .targets import Target
from .waiting import wait_until

VNC_PASSWORD = "password"
_OBFUSCATED = "dbd83cfd727a1458"  # the same, as VNC servers store it: DES with a key all know
_PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    assert found, f"{name} is not installed; tests/run.sh installs what these tests need"
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(argv: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def wait_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    def listening() -> bool:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        return False

    wait_until(listening, 10, f"a listener on {port}")


class SshServer:
    """The login is whoever runs the tests: only root could let another user in."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.key = folder / "login"
        self.host_key = (folder / "host.pub").read_text()

    def client(self, name: str, port: int) -> list[str]:
        """ssh or scp through a local port, with nothing of this account's own configuration."""
        options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
                   "IdentitiesOnly=yes", "LogLevel=ERROR", "ConnectTimeout=20", f"Port={port}"]
        return [program(name), "-F", "/dev/null", "-i", str(self.key),
                *(word for option in options for word in ("-o", option))]


@contextlib.contextmanager
def ssh_server(folder: Path) -> Iterator[SshServer]:
    folder.mkdir()
    for name in ("host", "login"):
        subprocess.run([program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f",
                        str(folder / name)], check=True)
    server = SshServer(folder, free_port())
    shutil.copy(folder / "login.pub", folder / "authorized_keys")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # its privilege separation folder
    config = folder / "sshd_config"
    config.write_text(f"""\
Port {server.port}
ListenAddress 127.0.0.1
HostKey {folder / "host"}
AuthorizedKeysFile {folder / "authorized_keys"}
PidFile none
PrintLastLog no
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
Subsystem sftp internal-sftp
""")
    log = folder / "sshd.log"
    with running([program("sshd"), "-D", "-e", "-f", str(config)], log) as process:
        wait_listening(process, server.port, log)
        yield server


@contextlib.contextmanager
def vnc_server(folder: Path, desktop: str, geometry: str = "64x64", *,
               login: bool = False) -> Iterator[int]:
    """Xvnc of TigerVNC with coloured stripes; the result is its port. With `login` it wants
    VNC_PASSWORD."""
    folder.mkdir()
    port = free_port()
    log = folder / "xvnc.log"
    display, reported = os.pipe()  # Xvnc finds a free display itself and writes its number here
    security = ["VncAuth", "-Password", _OBFUSCATED] if login else ["None"]
    argv = [program("Xvnc"), "-displayfd", str(reported), "-rfbport", str(port), "-localhost",
            "-SecurityTypes", *security, "-geometry", geometry, "-depth", "24", "-nolisten", "tcp",
            "-desktop", desktop]
    with contextlib.ExitStack() as stack:
        number = stack.enter_context(os.fdopen(display, "rb"))
        output = stack.enter_context(log.open("wb"))
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   pass_fds=(reported,))
        os.close(reported)
        try:
            wait_listening(process, port, log)
            with socket.socket(socket.AF_UNIX) as server:
                server.connect(f"/tmp/.X11-unix/X{int(number.readline())}")
                draw_stripes(server)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def telnetd(connection: socket.socket, *options: str) -> None:
    """Handler of a Target: the real telnetd, as inetd would start it."""
    connection.setblocking(True)
    process = subprocess.Popen([program("telnetd"), "-h", *options], stdin=connection.fileno(),
                               stdout=connection.fileno(), stderr=subprocess.DEVNULL)
    connection.close()  # telnetd has it now
    process.wait()


def telnet_server(shell: str = "") -> Target:
    """With `shell` that program runs instead of login, which wants a password of this machine."""
    options = ["-E", shell] if shell else []
    return Target(lambda connection: telnetd(connection, *options))
