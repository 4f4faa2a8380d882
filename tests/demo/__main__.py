# SPDX-License-Identifier: Apache-2.0
"""The whole journey on loopback: broker, cloud, device with mapper, sshd, and an operator.

Run by tests/demo.sh. Everything lives in one temporary folder and ends with this process.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from cloud import Cloud, Mosquitto
from cloud.c8ylp_command import c8ylp
from cloud.page import Page
from e2e.harness import executable
from e2e.harness.device import Device
from e2e.harness.doctor import HEALTH
from e2e.harness.services import SshServer, free_port, ssh_server, telnet_server, vnc_server

COMMAND = 'echo "hello from $(uname -n), $(uptime -p)"'


def operator_session(cloud: Cloud, sshd: SshServer, home: Path) -> str:
    """What an operator types: c8ylp, Cumulocity's own local proxy, running ssh through it."""
    argv, environment = c8ylp(cloud, home, [
        "connect", "ssh", "device-1", "--port", str(free_port()), "--ssh-user", getpass.getuser(),
        "--", "-F", "/dev/null", "-i", str(sshd.key), "-o", "BatchMode=yes", "-o",
        "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", COMMAND])
    print(f"operator$ c8ylp connect ssh device-1 -- '{COMMAND}'", flush=True)
    done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise SystemExit(f"c8ylp ended with {done.returncode}:\n{done.stderr.decode()}")
    return next(line for line in done.stdout.decode().splitlines() if line.startswith("hello"))


def show(cloud: Cloud, device: Device) -> None:
    for operation in cloud.operations:
        begin = operation.history[0][0]
        steps = ", ".join(f"{status} (+{1000 * (when - begin):.0f} ms)"
                          for when, status, _reason in operation.history)
        print(f"operation {operation.id}: {steps}")
    device.journal.wait_for("ended by")
    for line in device.journal.text.splitlines():
        print(f"device's log: {line}")


def add_endpoints(cloud: Cloud, sshd: SshServer, telnet: int, vnc: int) -> None:
    """What the page offers: a shell, a login prompt, a picture, and a port for c8ylp."""
    cloud.add_configuration("Shell", "127.0.0.1", sshd.port, "SSH", credentialsType="KEY_PAIR",
                            username=getpass.getuser(), privateKey=sshd.key.read_text(),
                            hostKey=sshd.host_key)
    cloud.add_configuration("Login", "127.0.0.1", telnet, "TELNET")
    cloud.add_configuration("Panel", "127.0.0.1", vnc, "VNC")
    cloud.add_configuration("Passthrough", "127.0.0.1", sshd.port)


def look_healthy(device: Device, broker: Mosquitto) -> None:
    """To `check`: whom thin-edge's services run as, and that the mapper is up."""
    user = getpass.getuser()
    (device.config_dir / "system.toml").write_text(f'user = "{user}"\ngroup = "{user}"\n')
    host, port = broker.address
    subprocess.run(["mosquitto_pub", "-h", host, "-p", str(port), "-q", "1", "-r", "-t", HEALTH,
                    "-m", '{"status": "up"}'], timeout=30, check=True)


def stay(cloud: Cloud, page: Page, sshd: SshServer, device: Device, home: Path) -> None:
    argv, environment = c8ylp(cloud, home, [
        "server", "device-1", "--port", "2222"])
    variables = " ".join(f"{name}={environment[name]}" for name in sorted(environment)
                         if name.startswith("C8Y"))
    print(f"\nAll is up until Ctrl-C. For a shell in the browser, open\n  {page.url}\n"
          f"log in as {cloud.user} with the password {cloud.password} and open Shell.\n"
          f"In another terminal, find out whether the device lacks anything:\n"
          f"  {executable.built()} check --config-dir {device.config_dir} "
          f"--target 127.0.0.1:{sshd.port}\n"
          f"Or open a local port to the device:\n"
          f"  {variables} {' '.join(argv)}\n"
          f"and in a third one use it:\n"
          f"  ssh -i {sshd.key} -p 2222 {getpass.getuser()}@127.0.0.1\n", flush=True)
    done = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: done.set())
    done.wait()


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests/demo.sh")
    parser.add_argument("--stay", action="store_true", help="keep it up, and say how to connect")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ra-demo-")))
        broker = stack.enter_context(Mosquitto(folder / "mqtt"))
        # A password of its own: this login leads to a shell.
        cloud = stack.enter_context(Cloud(folder / "cloud", broker.address,
                                          password=secrets.token_urlsafe(12)))
        sshd = stack.enter_context(ssh_server(folder / "sshd"))
        telnet = stack.enter_context(telnet_server())
        vnc = stack.enter_context(vnc_server(folder / "vnc", "demo", "640x400"))
        device = Device(folder / "device", cloud, broker.address, login="certificate")
        stack.callback(device.stop)
        device.start()
        look_healthy(device, broker)
        stack.callback(cloud.reset_connections)  # no session outlives Ctrl-C
        page = stack.enter_context(Page(cloud))
        add_endpoints(cloud, sshd, telnet.port, vnc)
        print(f"up: broker :{broker.port}, cloud {cloud.url}, device with mapper, "
              f"sshd :{sshd.port}", flush=True)
        print(operator_session(cloud, sshd, folder / "home"))
        show(cloud, device)
        successful = all(operation.status == "SUCCESSFUL" for operation in cloud.operations)
        if arguments.stay:
            stay(cloud, page, sshd, device, folder / "home")
    return 0 if successful else 1


if __name__ == "__main__":
    sys.exit(main())
