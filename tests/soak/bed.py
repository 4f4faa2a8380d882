# SPDX-License-Identifier: Apache-2.0
"""What a load stands on: the harness of tests/e2e with broker, cloud, device and one service."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt

from cloud import Cloud, Mosquitto, Operation, Session
from e2e.harness.device import Device, Form
from e2e.harness.mapper import Run
from e2e.harness.processes import of_program
from e2e.harness.waiting import wait_until

from . import look
from .look import Facts
from .service import HOST, Service


class Bed:
    def __init__(self, broker: Mosquitto, cloud: Cloud, device: Device, service: Service,
                 form: Form) -> None:
        self.broker = broker
        self.cloud = cloud
        self.device = device
        self.service = service
        self.form = form
        self.program = device.program

    def open(self, port: int | None = None, host: str = HOST) -> Session:
        """An operator asks for the service, or for another port."""
        return self.cloud.open(host, port or self.service.port, delivery=self.form)

    def open_at_once(self, ports: list[int | None]) -> list[Session]:
        """All keys are made before the first operation is sent."""
        sessions = [self.cloud.open(HOST, port or self.service.port, delivery=None)
                    for port in ports]
        for session in sessions:
            session.operation.delivery = self.form
        self.cloud.deliver_all([session.operation for session in sessions], self.form)
        return sessions

    def look(self) -> dict[int, Facts]:
        return look.look(self.program)

    @contextlib.contextmanager
    def starting_at_once(self) -> Iterator[None]:
        """The plugins that the mapper starts meanwhile wait for the end of this, and go together:
        the stand-in mapper needs seconds to start as many as thin-edge's starts in no time."""
        gate = self.device.root / "gate"
        os.mkfifo(gate)
        folder = self.device.root / "held"
        folder.mkdir()
        held = folder / self.program.name
        held.write_text(f"#!/bin/sh\nread -r _ <{gate}\nexec {self.program} \"$@\"\n")
        held.chmod(0o755)
        environment = self.device.mapper.environment
        path = environment["PATH"]
        environment["PATH"] = f"{folder}:{path}"
        yield
        environment["PATH"] = path
        # Whoever reads a FIFO comes on when it is opened for writing, and all find its end; who is
        # not that far yet finds a file.
        free = gate.with_name("free")
        free.write_text("\n")
        writer = os.open(gate, os.O_WRONLY)
        free.rename(gate)
        os.close(writer)

    def run_of(self, operation: Operation) -> Run:
        """The mapper's run of the plugin for this operation."""
        key = operation.key.encode()
        return self.device.mapper.last(lambda run: key in run.argv[-1])

    def kill(self, pid: int) -> None:
        next(one for one in of_program(self.program) if one.pid == pid).kill()

    def lag(self) -> float:
        """Seconds for a word with the cloud's event loop and back."""
        began = time.monotonic()
        self.cloud.breathe()
        return time.monotonic() - began

    def broker_facts(self) -> Facts:
        assert self.broker.pid is not None
        found = look.facts(self.broker.pid, "broker")
        assert found is not None, "mosquitto has died"
        return found

    def files(self) -> int:
        """What lies in the device's run, data and temporary folders, locks included."""
        return sum(1 for folder in (self.device.run_path, self.device.root / "data",
                                    self.device.tmp_path) for _ in folder.rglob("*"))

    def wait_quiet(self, timeout: float = 30) -> None:
        """Until no process of ours is left."""
        wait_until(lambda: not self.look(), timeout, "the end of all sessions")

    def forget(self) -> None:
        """The records of what is over; without this the harness grows, and is taken for us."""
        self.cloud.forget()
        runs = self.device.mapper.runs
        runs[:] = [run for run in runs if run.end_of_file is None]
        del self.device.journal.lines[:]

    def drop_all(self) -> None:
        """The operators go: what stands then has nobody to stand for."""
        for session in self.cloud.sessions:
            if isinstance(session, Session) and session.closed is None:
                with contextlib.suppress(RuntimeError):  # the device never came
                    session.drop()

    def close(self) -> None:
        self.drop_all()
        self.device.stop(30)


@contextlib.contextmanager
def arrivals(bed: Bed) -> Iterator[list[float]]:
    """When the broker handed each operation on, to a listener beside the device."""
    seen: list[float] = []
    ready = threading.Event()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda *_: seen.append(time.monotonic())
    client.on_subscribe = lambda *_: ready.set()
    client.connect(*bed.broker.address)
    client.subscribe("c8y/s/ds" if bed.form == "smartrest" else "c8y/devicecontrol/notifications")
    client.loop_start()
    try:
        assert ready.wait(10)
        yield seen
    finally:
        client.disconnect()
        client.loop_stop()


def allow_descriptors(count: int) -> None:
    """For the stand-ins, which hold both ends of every tunnel in one process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


@contextlib.contextmanager
def bed(folder: Path, *, form: Form = "json", owner: str = "") -> Iterator[Bed]:
    """`owner` is the device owner's file. The login is a JWT, as with a certificate."""
    allow_descriptors(4096)
    with contextlib.ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder / "mqtt"))
        cloud = stack.enter_context(Cloud(folder / "cloud", broker.address))
        service = stack.enter_context(Service())
        device = Device(folder / "device", cloud, broker.address, login="certificate", form=form)
        made = Bed(broker, cloud, device, service, form)
        stack.callback(made.close)
        device.own(owner)
        device.start()
        yield made
        assert service.errors == []
