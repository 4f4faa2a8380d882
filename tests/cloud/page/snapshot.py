# SPDX-License-Identifier: Apache-2.0
"""What the page shows, as one JSON value. Never a password, a private or a connection key."""

from __future__ import annotations

from typing import Any

from ..hub import Hub
from ..operations import Operation
from ..tunnel import Tunnel

OPERATIONS = 50  # the newest
LOGINS = {"USER_PASS": "password", "KEY_PAIR": "private key", "PASS_ONLY": "password"}


def snapshot(hub: Hub, user: str) -> dict[str, Any]:
    newest = list(hub.operations.all)[:-OPERATIONS - 1:-1]
    return {
        "host": hub.url, "tenant": hub.tenant, "user": user,
        "devices": [{"id": device.id, "name": device.name, "externalId": device.external_id,
                     "endpoints": [_endpoint(one) for one in device.configurations]}
                    for device in hub.devices],
        "operations": [_operation(one, hub.tunnels.get(one.key)) for one in newest],
    }


def _endpoint(configuration: dict[str, Any]) -> dict[str, Any]:
    shown = {name: configuration[name] for name in ("id", "name", "protocol", "hostname", "port")}
    credentials = configuration["credentials"]
    login = [credentials["username"], LOGINS.get(credentials["type"])]
    return {**shown, "login": " with ".join(filter(None, login))}


def _operation(operation: Operation, tunnel: Tunnel | None) -> dict[str, Any]:
    history = list(operation.history)
    return {
        "id": operation.id, "device": operation.device.name, "created": operation.created,
        "target": f"{operation.hostname}:{operation.port}", "description": operation.description,
        "status": history[-1][1],
        "steps": [{"status": status, "after": round(1000 * (when - history[0][0])),
                   "reason": reason} for when, status, reason in history],
        "session": _session(tunnel) if tunnel else "",
    }


def _session(tunnel: Tunnel) -> str:
    if tunnel.closed is None:
        return "open" if tunnel.joined.is_set() else "waiting for the device"
    if not tunnel.joined.is_set():
        return "never stood"
    closed = tunnel.closed
    return f"ended by {closed.by}, {closed.code} {closed.reason}".rstrip()
