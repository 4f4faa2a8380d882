# SPDX-License-Identifier: Apache-2.0
"""The cloud on its own, for the demo and for trying things by hand."""

from __future__ import annotations

import argparse
import json
import os
import signal
import threading
import time
from pathlib import Path

from .cloud import Cloud
from .operations import Operation


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m cloud", description=__doc__)
    add = parser.add_argument
    add("--directory", type=Path, required=True, help="certificates and state.json go here")
    add("--port", type=int, default=0, help="TLS port (default: a free one)")
    add("--host", default="127.0.0.1", help="the name under which clients are told to come")
    add("--plain", action="store_true", help="one more port, without TLS")
    add("--mqtt", default="127.0.0.1:1883", metavar="HOST:PORT",
        help="the broker (default: %(default)s)")
    add("--prefix", default="c8y", help="of the MQTT topics (default: %(default)s)")
    add("--external-id", default="device-1", help="the device (default: %(default)s)")
    add("--tenant", default="t12345")
    add("--user", default="operator", help="the operator's login (default: %(default)s)")
    add("--password", default="operator-secret")
    add("--device-password", default="device-secret", help="for the device's Basic login")
    add("--config", action="append", default=[], metavar="NAME=HOST:PORT",
        help="a PASSTHROUGH endpoint; may be given several times")
    add("--delivery", choices=("smartrest", "json", "both"), default="smartrest")
    return parser.parse_args()


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _write_state(cloud: Cloud, path: Path) -> None:
    """At once under its name, so that whoever waits for the file never reads half of it."""
    state = {
        "pid": os.getpid(), "url": cloud.url, "http": cloud.http, "port": cloud.port,
        "plain_port": cloud.plain_port, "ca_file": str(cloud.ca_file), "tenant": cloud.tenant,
        "user": cloud.user, "password": cloud.password, "device_user": cloud.device_user,
        "device_password": cloud.device_password,
        "device": {"external_id": cloud.device.external_id, "id": cloud.device.id,
                   "prefix": cloud.device.prefix, "configurations": cloud.device.configurations},
    }
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(state, indent=2) + "\n")
    draft.chmod(0o600)  # passwords
    draft.rename(path)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def _follow(cloud: Cloud, stop: threading.Event) -> None:
    """One line for each step of each operation."""
    told: dict[str, int] = {}
    while not stop.wait(0.1):
        for operation in cloud.operations:
            for _, status, reason in operation.history[told.get(operation.id, 0):]:
                _say(_step(operation, status, reason))
            told[operation.id] = len(operation.history)


def _step(operation: Operation, status: str, reason: str) -> str:
    text = f"operation {operation.id} to {operation.hostname}:{operation.port} {status}"
    return f"{text}: {reason}" if reason else text


def main() -> None:
    options = _arguments()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    cloud = Cloud(options.directory, _split(options.mqtt), prefix=options.prefix, host=options.host,
                  external_id=options.external_id, port=options.port, plain=options.plain,
                  tenant=options.tenant, user=options.user, password=options.password)
    cloud.set_device_password(options.device_password)
    cloud.behaviour.delivery = options.delivery
    with cloud:
        for config in options.config:
            name, _, address = config.partition("=")
            cloud.add_configuration(name, *_split(address))
        _write_state(cloud, options.directory / "state.json")
        _say(f"cloud at {cloud.url}, device {cloud.device.external_id}")
        _follow(cloud, stop)


if __name__ == "__main__":
    main()
