# SPDX-License-Identifier: Apache-2.0
"""The two WebSocket endpoints: /service/remoteaccess/device/… and …/client/…"""

from __future__ import annotations

import asyncio
import time

from . import frames
from .behaviour import Behaviour, Upgrade
from .http_head import (SECURITY_HEADERS, Request, accept_value, format_head, status_line,
                        upgrade_faults)
from .hub import Hub, UpgradeAttempt
from .sender import set_reset
from .tunnel import Tunnel
from .ws import Closed, WebSocket

DEVICE_PATH = "/service/remoteaccess/device/"
CLIENT_PATH = "/service/remoteaccess/client/"
SWITCHING = "HTTP/1.1 101 Switching Protocols"
MESSAGES = {400: "general/badRequest", 401: "security/Unauthorized", 403: "security/Forbidden",
            404: "remoteaccess/notFound"}


class Endpoints:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    # The device -------------------------------------------------------------------------------

    async def device(self, request: Request, reader: asyncio.StreamReader,
                     writer: asyncio.StreamWriter) -> None:
        knobs = self._hub.behaviour.next_upgrade()
        key = request.path.removeprefix(DEVICE_PATH)
        attempt = UpgradeAttempt(time.monotonic(), key, dict(request.headers))
        self._hub.upgrades.append(attempt)
        await asyncio.sleep(knobs.delay)
        if knobs.kind != "answer":
            return await _misbehave(knobs, reader, writer)
        status, text = self._judge_device(request, key, attempt, knobs)
        attempt.status = status
        if status != 101:
            return await _refuse(writer, knobs, status, text)
        tunnel = self._hub.tunnels[key]
        socket = WebSocket(reader, writer, "device", self._hub.knobs, self._hub.violations)
        await self._accept_device(request, knobs, writer, tunnel, socket)
        await tunnel.run_device(socket)

    def _judge_device(self, request: Request, key: str, attempt: UpgradeAttempt,
                      knobs: Upgrade) -> tuple[int, str]:
        behaviour = self._hub.behaviour
        if knobs.status != 101:
            return knobs.status, knobs.body
        faults = upgrade_faults(request)
        if faults:
            self._hub.violations.append(f"device: upgrade request: {', '.join(faults)}")
            return 400, ", ".join(faults)
        if self._hub.gate.header_user(attempt.authorization) is None:
            return 401, "Full authentication is required to access this resource"
        if behaviour.reject_tokens > 0:
            behaviour.reject_tokens -= 1
            return 401, "JWT verification failed"
        tunnel = self._hub.tunnels.get(key)
        if tunnel is None or not tunnel.claim():
            return behaviour.bad_key_status, "No remote access session for this connection key"
        return 101, ""

    async def _accept_device(self, request: Request, knobs: Upgrade, writer: asyncio.StreamWriter,
                             tunnel: Tunnel, socket: WebSocket) -> None:
        headers = _switch_headers(request, knobs)
        head = format_head(knobs.status_line or SWITCHING, headers)
        after = frames.frame(frames.BINARY, knobs.glued) if knobs.glued else b""
        if knobs.glue_early and tunnel.early:
            after += frames.frame(frames.BINARY, bytes(tunnel.early))
            socket.out.bytes += len(tunnel.early)
            tunnel.early.clear()
        if knobs.then == "close":
            payload = frames.close_payload(knobs.close_code, knobs.close_reason)
            after += frames.frame(frames.CLOSE, payload)
            socket.out.sent_close = (knobs.close_code, knobs.close_reason)
        if knobs.byte_interval is not None:
            for index in range(len(head) - 1):
                writer.write(head[index:index + 1])
                await writer.drain()
                await asyncio.sleep(knobs.byte_interval)
            head = head[-1:]
        writer.write(head + after)
        await writer.drain()
        if knobs.then in ("reset", "drop"):
            await asyncio.sleep(0.02)  # the 101 shall arrive before a RST sweeps it away
            socket.abort() if knobs.then == "reset" else socket.drop()

    # The user ---------------------------------------------------------------------------------

    async def client(self, request: Request, reader: asyncio.StreamReader,
                     writer: asyncio.StreamWriter) -> None:
        knobs = Upgrade()
        user = self._hub.gate.user(request.headers.get("authorization", ""), request.cookies,
                                   request.headers.get("x-xsrf-token", ""), request.query)
        parts = request.path.removeprefix(CLIENT_PATH).split("/")
        device = self._hub.device_by_id(parts[0])
        config = device.configuration(parts[2]) if device and len(parts) == 3 else None
        faults = upgrade_faults(request)
        if faults:
            return await _refuse(writer, knobs, 400, ", ".join(faults))
        if user is None:
            return await _refuse(writer, knobs, 401, "Invalid credentials")
        if device is None or config is None or parts[1] != "configurations":
            return await _refuse(writer, knobs, 404, "No such device or configuration")
        # The user's end is never disturbed: the knobs are about the device.
        socket = WebSocket(reader, writer, "client", Behaviour, self._hub.violations)
        writer.write(format_head(SWITCHING, _switch_headers(request, knobs)))
        tunnel = self._hub.open_tunnel(
            device, config["hostname"], config["port"], delivery=self._hub.behaviour.delivery,
            operator=lambda _: Client(socket),
            description=f"Opening remote access tunnel to '{config['name']}'")
        closed = await socket.run(_until_broken(tunnel))
        code = closed.code if closed.by == "client" else 1000
        await tunnel.operator_left(1000 if code == frames.NO_STATUS else code, closed.reason)


class Client:
    """A user client's WebSocket as the operator's end of a tunnel."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.closed: Closed | None = None

    async def deliver(self, data: bytes) -> None:
        try:
            await self.socket.out.message(data)
        except OSError:
            pass  # the client has gone; its own reader ends the tunnel

    async def device_gone(self, closed: Closed) -> None:
        self.closed = closed
        code = closed.code if closed.code in (1000, 1001) else 1011
        await self.socket.close(code, closed.reason)


def _until_broken(tunnel: Tunnel):  # type: ignore[no-untyped-def]
    async def forward(data: bytes) -> None:
        try:
            await tunnel.to_device(data)
        except OSError:
            pass  # the device has gone; the tunnel closes this client
    return forward


def _switch_headers(request: Request, knobs: Upgrade) -> dict[str, str]:
    accept = accept_value(request.headers["sec-websocket-key"])
    headers = {"connection": "upgrade", "upgrade": "websocket",
               "sec-websocket-accept": accept_value("wrong") if knobs.wrong_accept else accept}
    if knobs.subprotocol is not None:
        headers["sec-websocket-protocol"] = knobs.subprotocol
    headers.update(SECURITY_HEADERS)
    headers.update(knobs.headers)
    left, number = knobs.head_padding, 0
    while left > 0:  # as several headers: one of 12 KiB is longer than most clients take
        headers[f"x-padding-{number}"] = "p" * min(left, 1000)
        left, number = left - 1000, number + 1
    return headers


async def _refuse(writer: asyncio.StreamWriter, knobs: Upgrade, status: int, text: str) -> None:
    body = knobs.body
    if not body:
        error = MESSAGES.get(status, "general/error")
        body = f'{{"error":"{error}","message":"{text}","info":"https://cumulocity.com/guides"}}'
    headers = {"content-type": "application/json", "content-length": str(len(body.encode())),
               "connection": "close", **SECURITY_HEADERS}
    if status == 401:
        headers["www-authenticate"] = 'Basic realm="Cumulocity"'
    headers.update(knobs.headers)
    writer.write(format_head(knobs.status_line or status_line(status), headers) + body.encode())
    await writer.drain()


async def _misbehave(knobs: Upgrade, reader: asyncio.StreamReader,
                     writer: asyncio.StreamWriter) -> None:
    if knobs.kind == "junk":
        writer.write(b"\x15\x03\x01 this is not HTTP\r\nnor is this\r\n\r\n")
        await writer.drain()
    elif knobs.kind == "endless_head":
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\n")
        while not writer.transport.is_closing():
            writer.write(b"x-endless: " + b"e" * 1000 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
    elif knobs.kind == "silent":
        while await reader.read(4096):
            pass
    elif knobs.kind == "reset":
        set_reset(writer.get_extra_info("socket"))
        writer.transport.abort()
