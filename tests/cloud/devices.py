# SPDX-License-Identifier: Apache-2.0
"""Devices and their remote access configurations (managed objects, in the platform's words)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SECRETS = ("username", "password", "publicKey", "privateKey", "hostKey", "certificate")


@dataclass
class Device:
    prefix: str  # of its MQTT topics on the local broker
    external_id: str
    id: str
    name: str
    configurations: list[dict[str, Any]] = field(default_factory=list)
    _last_configuration: int = 0

    def add_configuration(self, body: dict[str, Any]) -> dict[str, Any]:
        """From the flat form that clients post to the nested one that is stored and given back."""
        self._last_configuration += 1
        stored = _nested(str(self._last_configuration), body)
        self.configurations.append(stored)
        return stored

    def replace_configuration(self, config_id: str, body: dict[str, Any]) -> dict[str, Any] | None:
        for index, old in enumerate(self.configurations):
            if old["id"] == config_id:
                self.configurations[index] = _nested(config_id, body)
                return self.configurations[index]
        return None

    def configuration(self, config_id: str) -> dict[str, Any] | None:
        return next((one for one in self.configurations if one["id"] == config_id), None)

    def managed_object(self, url: str) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self.id, "name": self.name, "type": "thin-edge.io", "c8y_IsDevice": {},
            "self": f"{url}/inventory/managedObjects/{self.id}",
            "c8y_SupportedOperations": ["c8y_RemoteAccessConnect"],
        }
        if self.configurations:  # the platform makes the fragment with the first configuration
            body["c8y_RemoteAccessList"] = list(self.configurations)
        return body


def _nested(config_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Raises KeyError, TypeError or ValueError for a body that the platform would refuse."""
    given = body.get("credentials") or {}
    credentials = {"type": given.get("type") or body.get("credentialsType") or "NONE"}
    for name in SECRETS:
        credentials[name] = given.get(name) or body.get(name)
    return {"id": config_id, "name": str(body["name"]), "hostname": str(body["hostname"]),
            "port": int(body["port"]), "protocol": str(body.get("protocol", "PASSTHROUGH")),
            "credentials": credentials}
