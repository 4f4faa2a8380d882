# SPDX-License-Identifier: Apache-2.0
"""The cloud as one value: a thread with the event loop, and what tests call. See README.md."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, Callable, Coroutine, TypeVar

from aiohttp import web

from .behaviour import Behaviour
from .certificates import Certificates
from .devices import Device
from .door import Door, Endpoint
from .endpoints import CLIENT_PATH, DEVICE_PATH, Endpoints
from .hub import Hub, StatusMessage, UpgradeAttempt
from .mqtt import MqttLink
from .operations import Operation
from .rest import Rest
from .session import Session

Result = TypeVar("Result")


class Cloud:
    def __init__(self, directory: Path, mqtt: tuple[str, int] | None = None, *, prefix: str = "c8y",
                 external_id: str = "device-1", host: str = "127.0.0.1", port: int = 0,
                 plain: bool = False, tenant: str = "t12345", user: str = "operator",
                 password: str = "operator-secret", behaviour: Behaviour | None = None) -> None:
        self.directory = Path(directory)
        self.host, self.tenant, self.user, self.password = host, tenant, user, password
        self.device_user = f"{tenant}/device_{external_id}"
        self.device_password = "device-secret"
        self.certificates = Certificates(self.directory)
        self.ca_file, self.ca_folder = self.certificates.ca_file, self.certificates.ca_folder
        self.hub = Hub(tenant, behaviour=behaviour or Behaviour())
        self.hub.gate.accounts[user] = password
        self.hub.gate.accounts[f"device_{external_id}"] = self.device_password
        self._mqtt_address = mqtt
        self._mqtt: MqttLink | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cloud", daemon=True)
        endpoints = Endpoints(self.hub)
        routes: dict[str, Endpoint] = {DEVICE_PATH: endpoints.device, CLIENT_PATH: endpoints.client}
        self._rest = Rest(self.hub)
        self._runner: web.AppRunner | None = None
        self._door = Door(self.hub, self.certificates, self._make_rest_protocol, routes)
        self._door.port = port
        self._plain_door = Door(self.hub, None, self._make_rest_protocol, routes) if plain else None
        self.device = self._register(prefix, external_id)

    # Life -------------------------------------------------------------------------------------

    def start(self) -> "Cloud":
        self._thread.start()
        self.run(self._start_ports())
        self.hub.url = self.url
        if self._mqtt_address:
            self._mqtt = MqttLink(self._mqtt_address, self._loop, self.hub.on_mqtt)
            self.hub.publish = self._mqtt.publish
            for prefix in {device.prefix for device in self.hub.devices}:
                self._mqtt.add_prefix(prefix)
            self._mqtt.start()
        return self

    async def _start_ports(self) -> None:
        self._runner = web.AppRunner(self._rest.app, access_log=None)
        await self._runner.setup()
        self._door.listen()
        if self._plain_door:
            self._plain_door.listen()

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        if self._mqtt:
            self._mqtt.stop()
        self.run(self._stop_ports())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop_ports(self) -> None:
        for door in filter(None, (self._door, self._plain_door)):
            await door.close()
        await self.hub.cancel_tasks()
        if self._runner:
            await self._runner.cleanup()

    def __enter__(self) -> "Cloud":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _make_rest_protocol(self) -> Any:
        assert self._runner is not None and self._runner.server is not None
        return self._runner.server()

    def run(self, work: Coroutine[Any, Any, Result], timeout: float = 15) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)

    def _on_loop(self, action: Callable[[], Result]) -> Result:
        async def work() -> Result:
            return action()
        return self.run(work())

    # Where it is, and who may come in -----------------------------------------------------------

    @property
    def port(self) -> int:
        return self._door.port

    @property
    def plain_port(self) -> int | None:
        return self._plain_door.port if self._plain_door else None

    @property
    def has_ipv6(self) -> bool:
        return self._door.has_ipv6

    @property
    def http(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{self.http}"

    @property
    def certificate(self) -> str:
        return self._door.certificate

    @certificate.setter
    def certificate(self, kind: str) -> None:
        self.certificates.context(kind)  # an unknown kind is told here, not in the door
        self._door.certificate = kind

    @property
    def accounts(self) -> dict[str, str]:
        return self.hub.gate.accounts

    def set_device_password(self, password: str) -> None:
        self.device_password = password
        for device in self.hub.devices:
            self.accounts[f"device_{device.external_id}"] = password

    def revoke_tokens(self) -> None:
        self._on_loop(self.hub.tokens.revoke_all)

    # Knobs and records --------------------------------------------------------------------------

    @property
    def behaviour(self) -> Behaviour:
        return self.hub.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self.hub.behaviour = behaviour

    @property
    def violations(self) -> list[str]:
        return self.hub.violations

    @property
    def operations(self) -> list[Operation]:
        return list(self.hub.operations.all)

    @property
    def status_messages(self) -> list[StatusMessage]:
        return list(self.hub.status_messages)

    @property
    def jwt_requests(self) -> list[float]:
        return list(self.hub.jwt_requests)

    @property
    def upgrades(self) -> list[UpgradeAttempt]:
        return list(self.hub.upgrades)

    @property
    def sessions(self) -> list[Any]:
        return list(self.hub.operators)

    @property
    def connections(self) -> int:
        return self._door.accepted

    def operation(self, operation_id: str) -> Operation:
        found = self.hub.operations.by_id(operation_id)
        if found is None:
            raise KeyError(operation_id)
        return found

    def forget(self) -> None:
        """Drops what is over: for runs of many thousand sessions, whose records would be the load.
        `violations` stay."""
        self._on_loop(self.hub.forget)

    def breathe(self) -> None:
        """Returns when the event loop has come round: its lag, for who takes the time."""
        self._on_loop(lambda: None)

    def stop_listening(self) -> None:
        self.run(self._door.stop_listening())

    def resume_listening(self) -> None:
        self._on_loop(self._door.listen)

    def reset_connections(self) -> None:
        self._on_loop(self._door.reset_all)

    # Devices and operations -----------------------------------------------------------------------

    def _register(self, prefix: str, external_id: str) -> Device:
        number = str(22519994 + len(self.hub.devices))
        device = Device(prefix, external_id, number, name=external_id)
        self.hub.devices.append(device)
        self.hub.changed()
        return device

    def add_device(self, prefix: str, external_id: str) -> Device:
        device = self._on_loop(lambda: self._register(prefix, external_id))
        self.accounts[f"device_{external_id}"] = self.device_password
        if self._mqtt:
            self._mqtt.add_prefix(prefix)
        return device

    def add_configuration(self, name: str, hostname: str, port: int, protocol: str = "PASSTHROUGH",
                          device: Device | None = None, **login: str) -> dict[str, Any]:
        """`login`: credentialsType, username, password, privateKey, hostKey as REST takes them."""
        body = {"name": name, "hostname": hostname, "port": port, "protocol": protocol, **login}
        return self._on_loop(lambda: self.hub.add_configuration(device or self.device, body))

    def open(self, hostname: str, port: int, *, delivery: str | None = "smartrest",
             device: Device | None = None, key: str | None = None,
             description: str | None = None) -> Session:
        def work() -> Session:
            tunnel = self.hub.open_tunnel(
                device or self.device, hostname, port, delivery=delivery, key=key,
                description=description, operator=lambda one: Session(one, self._loop))
            return tunnel.operator  # type: ignore[return-value]
        return self._on_loop(work)

    def create_operation(self, hostname: str, port: int, **options: Any) -> Operation:
        """Options as for open()."""
        return self.open(hostname, port, **options).operation

    def deliver(self, operation: Operation, delivery: str) -> None:
        self._on_loop(lambda: self.hub.deliver(operation, delivery))

    def deliver_all(self, operations: list[Operation], delivery: str) -> None:
        """As fast as the broker takes them."""
        def work() -> None:
            for operation in operations:
                self.hub.deliver(operation, delivery)
        self._on_loop(work)

    def publish(self, topic: str, payload: str | bytes, prefix: str | None = None) -> None:
        if self._mqtt is None:
            raise RuntimeError("this cloud has no broker")
        self._mqtt.publish(f"{prefix or self.device.prefix}/{topic}", payload)
