# SPDX-License-Identifier: Apache-2.0
"""Operations and the state machine behind the SmartREST status messages. Knows no network."""

from __future__ import annotations

import datetime
import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Callable

from . import smartrest
from .devices import Device

FRAGMENT = "c8y_RemoteAccessConnect"
FINAL = ("SUCCESSFUL", "FAILED")


class DeviceFailed(Exception):
    """The operation became FAILED while somebody waited for the device."""


@dataclass
class Operation:
    id: str
    key: str
    device: Device
    hostname: str
    port: int
    description: str
    status: str = "PENDING"
    reason: str = ""
    history: list[tuple[float, str, str]] = field(default_factory=list)
    created: str = field(default_factory=lambda: datetime.datetime.now(
        datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"))
    delivery: str | None = None
    on_status: list[Callable[["Operation"], None]] = field(default_factory=list, repr=False)
    _changed: threading.Condition = field(default_factory=threading.Condition, repr=False)

    def __post_init__(self) -> None:
        self.history.append((time.monotonic(), self.status, ""))

    @property
    def statuses(self) -> list[str]:
        return [status for _, status, _ in self.history]

    def move(self, status: str, reason: str = "") -> None:
        with self._changed:
            self.status, self.reason = status, reason
            self.history.append((time.monotonic(), status, reason))
            self._changed.notify_all()
        for callback in list(self.on_status):
            callback(self)

    def wait_status(self, status: str, timeout: float = 10) -> None:
        """Until it has been in `status`."""
        self._wait(lambda: status in self.statuses, status, timeout)

    def wait_final(self, timeout: float = 10) -> str:
        self._wait(lambda: self.status in FINAL, "a final status", timeout)
        return self.status

    def _wait(self, condition: Callable[[], bool], what: str, timeout: float) -> None:
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"operation {self.id}: no {what} within {timeout} s, "
                                   f"so far {self.statuses}")

    def smartrest(self) -> str:
        return smartrest.format_record(
            ["530", self.device.external_id, self.hostname, str(self.port), self.key])

    def as_dict(self) -> dict[str, object]:
        body: dict[str, object] = {
            "delivery": {"log": [], "time": self.created, "status": "PENDING"},
            "agentId": self.device.id, "creationTime": self.created, "deviceId": self.device.id,
            "id": self.id, "status": self.status, "description": self.description,
            FRAGMENT: {"hostname": self.hostname, "port": self.port, "connectionKey": self.key},
            "externalSource": {"externalId": self.device.external_id, "type": "c8y_Serial"},
        }
        if self.reason:
            body["failureReason"] = self.reason
        return body

    def json(self) -> str:
        return json.dumps(self.as_dict(), separators=(",", ":"))


class Operations:
    """All operations, oldest first. Changed by one thread only: the cloud's."""

    def __init__(self, violations: list[str]) -> None:
        self.all: list[Operation] = []
        self.violations = violations
        self._next_id = 522560

    def create(self, device: Device, hostname: str, port: int, *, key: str | None = None,
               description: str | None = None, delivery: str | None = None) -> Operation:
        operation = Operation(
            id=str(self._next_id), key=key or str(uuid.uuid4()), device=device, hostname=hostname,
            port=port, delivery=delivery,
            description=description or f"Opening remote access tunnel to '{hostname}:{port}'")
        self._next_id += 1
        self.all.append(operation)
        return operation

    def by_id(self, operation_id: str) -> Operation | None:
        return next((one for one in self.all if one.id == operation_id), None)

    def by_key(self, key: str) -> Operation | None:
        return next((one for one in self.all if one.key == key), None)

    def pending(self, device: Device) -> list[Operation]:
        return [one for one in self.all if one.device is device and one.status == "PENDING"]

    def handle(self, device: Device, payload: str) -> bool:
        """Applies one `s/us` message. True: the device asks for what is pending (500)."""
        try:
            records = smartrest.parse(payload)
        except ValueError as error:
            self.violations.append(f"unreadable status {payload!r}: {error}")
            return False
        for record in records:
            self._apply(device, record)
        return any(record[0] == "500" for record in records)

    def _apply(self, device: Device, record: list[str]) -> None:
        template = record[0]
        subject = record[1] if len(record) > 1 else ""
        text = record[2] if len(record) > 2 else ""
        if template == "501":
            self._by_name(device, subject, "PENDING", "EXECUTING", "")
        elif template == "502":
            self._by_name(device, subject, "EXECUTING", "FAILED", text)
        elif template == "503":
            self._by_name(device, subject, "EXECUTING", "SUCCESSFUL", text)
        elif template in ("504", "505", "506"):
            status = {"504": "EXECUTING", "505": "FAILED", "506": "SUCCESSFUL"}[template]
            self._by_id(device, subject, status, text)
        elif template == "507" and subject in ("", FRAGMENT):
            for operation in self._in(device, "EXECUTING"):
                operation.move("FAILED", text)

    def _in(self, device: Device, status: str) -> list[Operation]:
        return [one for one in self.all if one.device is device and one.status == status]

    def _by_name(self, device: Device, fragment: str, before: str, after: str, text: str) -> None:
        found = self._in(device, before) if fragment == FRAGMENT else []
        if found:
            found[0].move(after, text)
        else:
            self.violations.append(f"{after} for {fragment!r}, but none is {before}")

    def _by_id(self, device: Device, operation_id: str, after: str, text: str) -> None:
        operation = self.by_id(operation_id)
        if operation is None or operation.device is not device:
            self.violations.append(f"{after} for the unknown operation {operation_id!r}")
        elif operation.status in FINAL or operation.status == after:
            self.violations.append(
                f"{after} for operation {operation_id}, which is {operation.status}")
        else:
            if after in FINAL and operation.status == "PENDING":
                self.violations.append(f"{after} for operation {operation_id} without EXECUTING")
            operation.move(after, text)
