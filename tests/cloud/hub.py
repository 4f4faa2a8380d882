# SPDX-License-Identifier: Apache-2.0
"""What the cloud knows; the endpoints, REST and MQTT share it. Lives on the event loop."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any, Callable

from .behaviour import Behaviour
from .devices import Device
from .operations import FINAL, Operation, Operations
from .tokens import Gate, Tokens
from .tunnel import Operator, Tunnel


@dataclass(frozen=True)
class StatusMessage:
    time: float
    prefix: str
    topic: str
    payload: str


@dataclass
class UpgradeAttempt:
    time: float
    key: str
    headers: dict[str, str]
    status: int | None = None  # as answered; None: no HTTP status went out

    @property
    def authorization(self) -> str:
        return self.headers.get("authorization", "")


@dataclass
class Hub:
    tenant: str
    violations: list[str] = field(default_factory=list)
    behaviour: Behaviour = field(default_factory=Behaviour)
    devices: list[Device] = field(default_factory=list)
    status_messages: list[StatusMessage] = field(default_factory=list)
    jwt_requests: list[float] = field(default_factory=list)
    upgrades: list[UpgradeAttempt] = field(default_factory=list)
    tunnels: dict[str, Tunnel] = field(default_factory=dict)  # by key
    operators: list[Operator] = field(default_factory=list)
    url: str = ""
    publish: Callable[[str, str], None] = lambda topic, payload: None  # set by the MQTT side
    watchers: list[Callable[[], None]] = field(default_factory=list)  # see changed()
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.tenant)
        self.gate = Gate(self.tenant, self.tokens)
        self.operations = Operations(self.violations)

    def knobs(self) -> Behaviour:
        return self.behaviour

    def changed(self) -> None:
        """Tells whoever shows devices, endpoints, operations or sessions. From any thread."""
        for watcher in list(self.watchers):
            watcher()

    def spawn(self, work: Any) -> None:
        """Runs `work` beside everything else; a failure becomes a violation, never silence."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            if not isinstance(error, OSError):  # connections may break, that is no news
                self.violations.append(f"the cloud itself failed: {error!r}")

    async def cancel_tasks(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def forget(self) -> None:
        over = [one for one in self.operations.all
                if one.status in FINAL and self.tunnels[one.key].over.is_set()]
        gone = {one.key for one in over}
        self.operations.all = [one for one in self.operations.all if one.key not in gone]
        operators = {id(self.tunnels.pop(key).operator) for key in gone}
        self.operators = [one for one in self.operators if id(one) not in operators]
        for records in (self.status_messages, self.jwt_requests, self.upgrades):
            records.clear()

    # Devices and operations -------------------------------------------------------------------

    def device_by_id(self, managed_object_id: str) -> Device | None:
        return next((one for one in self.devices if one.id == managed_object_id), None)

    def device_by_external_id(self, external_id: str) -> Device | None:
        return next((one for one in self.devices if one.external_id == external_id), None)

    def add_configuration(self, device: Device, body: dict[str, Any]) -> dict[str, Any]:
        stored = device.add_configuration(body)
        self.changed()
        return stored

    def open_tunnel(self, device: Device, hostname: str, port: int, *, delivery: str | None,
                    operator: Callable[[Tunnel], Operator], key: str | None = None,
                    description: str | None = None) -> Tunnel:
        """The operation is made, the key is valid, then it is published."""
        operation = self.operations.create(device, hostname, port, key=key, delivery=delivery,
                                           description=description)
        tunnel = Tunnel(operation, self.knobs, self.changed)
        tunnel.operator = operator(tunnel)
        self.tunnels[operation.key] = tunnel
        self.operators.append(tunnel.operator)
        operation.on_status.append(lambda one: self.spawn(tunnel.operation_failed())
                                   if one.status == "FAILED" else None)
        operation.on_status.append(lambda _: self.changed())
        self.changed()
        self.spawn(tunnel.watch_join())
        self.deliver(operation, delivery)
        return tunnel

    def deliver(self, operation: Operation, delivery: str | None) -> None:
        if delivery not in ("smartrest", "json", "both", None):
            raise ValueError(f"no delivery {delivery!r}")
        prefix = operation.device.prefix
        if delivery in ("json", "both"):
            self.publish(f"{prefix}/devicecontrol/notifications", operation.json())
        if delivery in ("smartrest", "both"):
            self.publish(f"{prefix}/s/ds", operation.smartrest())

    # From the device, over MQTT -----------------------------------------------------------------

    def on_mqtt(self, topic: str, payload: bytes) -> None:
        for device in self.devices:
            below = topic.removeprefix(f"{device.prefix}/")
            if below == "s/uat":
                self.jwt_requests.append(time.monotonic())
                self.spawn(self._answer_jwt(device))
                return
            if below == "s/us" or below == f"s/us/{device.external_id}":
                self._on_status(device, topic, payload)
                return

    def _on_status(self, device: Device, topic: str, payload: bytes) -> None:
        text = payload.decode("utf-8", "replace")
        if text.encode() != payload or len(payload) > 16184:
            self.violations.append(f"status message not UTF-8, or too long: {payload[:80]!r}")
        self.status_messages.append(StatusMessage(time.monotonic(), device.prefix, topic, text))
        if self.operations.handle(device, text):
            for operation in self.operations.pending(device):
                self.deliver(operation, operation.delivery)

    async def _answer_jwt(self, device: Device) -> None:
        knobs = self.behaviour
        if knobs.jwt_silent:
            return
        await asyncio.sleep(knobs.jwt_delay)
        for garbage in knobs.jwt_garbage:
            self.publish(f"{device.prefix}/s/dat", garbage)
        user = f"device_{device.external_id}"
        if knobs.jwt_wrong > 0:
            knobs.jwt_wrong -= 1
            token = self.tokens.make(user, knobs.jwt_lifetime)
        else:
            token = self.tokens.issue(user, knobs.jwt_lifetime, fresh=knobs.jwt_fresh)
        self.publish(f"{device.prefix}/s/dat", f"71,{token}")
