# SPDX-License-Identifier: Apache-2.0
"""One operation's tunnel: the device's WebSocket at one end, an operator at the other."""

from __future__ import annotations

import asyncio
import time
from typing import Callable, Protocol

from .behaviour import Behaviour
from .operations import Operation
from .ws import Closed, WebSocket

EARLY_LIMIT = 64 * 1024


class Operator(Protocol):
    """Whoever sits at the other end: a user client's WebSocket, or a test's Session."""

    async def deliver(self, data: bytes) -> None: ...

    async def device_gone(self, closed: Closed) -> None: ...


class Tunnel:
    """The operator's first bytes wait here until the device has joined; then nothing is kept."""

    def __init__(self, operation: Operation, behaviour: Callable[[], Behaviour],
                 changed: Callable[[], None] = lambda: None) -> None:
        self.operation = operation
        self.operator: Operator | None = None
        self.device: WebSocket | None = None
        self.joined = asyncio.Event()
        self.over = asyncio.Event()
        self.closed: Closed | None = None
        self.early = bytearray()
        self._changed = changed
        self._behaviour = behaviour
        self._claimed = False
        self._created = time.monotonic()

    def claim(self) -> bool:
        """Uses up the key, if it is good for anything still."""
        knobs = self._behaviour()
        lifetime = knobs.key_lifetime
        expired = lifetime is not None and time.monotonic() - self._created > lifetime
        if self.over.is_set() or expired or (self._claimed and knobs.single_use_key):
            return False
        self._claimed = True
        return True

    async def run_device(self, device: WebSocket) -> None:
        """From the answered upgrade to the end of the device's connection."""
        assert self.operator is not None
        reading = asyncio.create_task(device.run(self.operator.deliver))
        try:
            while self.early:
                data = bytes(self.early)
                self.early.clear()
                await device.out.data(data)
        except OSError:
            pass  # reading ends as well, and knows why
        self.device = device
        self.joined.set()
        self._changed()
        closed = await reading
        if self.device is device:
            await self.end(closed)

    async def to_device(self, data: bytes) -> None:
        """Returns when the bytes are written, or kept among the early ones."""
        if self.device is None and len(self.early) + len(data) <= EARLY_LIMIT:
            self.early += data
            return
        await self.joined_or_over()
        if self.device is None or self.over.is_set():
            raise ConnectionResetError("there is no device")
        await self.device.out.data(data)

    async def joined_or_over(self) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (self.joined, self.over)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def operator_left(self, code: int, reason: str) -> None:
        """The operator ends the session: the device is told, or its key is worth nothing now."""
        if self.device is None:
            await self.end(Closed(code, reason, "cloud"))
        else:
            await self.device.close(code, reason)

    async def end(self, closed: Closed) -> None:
        if not self.over.is_set():
            self.closed = closed
            self.over.set()
            self._changed()
            if self.operator is not None:
                await self.operator.device_gone(closed)

    async def watch_join(self) -> None:
        """Ends the tunnel when the device does not come in time."""
        try:
            async with asyncio.timeout(self._behaviour().join_timeout):
                await self.joined_or_over()
        except TimeoutError:
            await self.end(Closed(1011, "the device did not connect in time", "cloud"))

    async def operation_failed(self) -> None:
        if not self._claimed:
            await self.end(Closed(1011, f"operation failed: {self.operation.reason}", "cloud"))
