# SPDX-License-Identifier: Apache-2.0
"""The operator's end of a tunnel as an ordinary connected socket, for whoever speaks SSH, Telnet or
RFB on it. The kernel's buffers are all that waits: a slow reader stops the device."""

from __future__ import annotations

import asyncio
import socket

from ..devices import Device
from ..hub import Hub
from ..tunnel import Tunnel
from ..ws import Closed

BLOCK = 64 * 1024


class NoDevice(Exception):
    """The device did not come; the text says why."""


class Line:
    """Made by open(). take() gives the socket; when that is closed, or close() called, the session
    ends."""

    def __init__(self, tunnel: Tunnel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                 far: socket.socket) -> None:
        self.tunnel = tunnel
        self._far: socket.socket | None = far
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, hub: Hub, device: Device, hostname: str, port: int, name: str) -> Line:
        near, far = socket.socketpair()
        far.setblocking(False)
        reader, writer = await asyncio.open_connection(sock=near)
        tunnel = hub.open_tunnel(
            device, hostname, port, delivery=hub.behaviour.delivery,
            operator=lambda tunnel: cls(tunnel, reader, writer, far),
            description=f"Opening remote access tunnel to '{name}'")
        line = tunnel.operator
        assert isinstance(line, Line)
        hub.spawn(line._carry())
        return line

    async def wait_device(self) -> None:
        await self.tunnel.joined_or_over()
        if not self.tunnel.joined.is_set():
            closed, operation = self.tunnel.closed, self.tunnel.operation
            raise NoDevice(operation.reason or (closed.reason if closed else "no device"))

    def take(self) -> socket.socket:
        """From now on the caller's to close."""
        assert self._far is not None, "taken twice"
        far, self._far = self._far, None
        return far

    def close(self) -> None:
        self._writer.close()
        if self._far is not None:
            self._far.close()

    async def _carry(self) -> None:
        """What is written to the socket goes to the device."""
        try:
            while data := await self._reader.read(BLOCK):
                await self.tunnel.to_device(data)
        except OSError:
            pass  # the device went first
        finally:
            self._writer.close()
        await self.tunnel.operator_left(1000, "closed by the operator")

    # The tunnel's side ------------------------------------------------------------------------

    async def deliver(self, data: bytes) -> None:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError:
            pass  # the socket is closed: _carry() ends the session

    async def device_gone(self, closed: Closed) -> None:
        self._writer.close()  # after what is written still
