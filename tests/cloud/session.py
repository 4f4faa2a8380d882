# SPDX-License-Identifier: Apache-2.0
"""The operator's end for tests: blocking calls from any thread onto the cloud's event loop."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import os
from typing import Any, AsyncIterator, Callable, Coroutine, TypeVar

from .operations import DeviceFailed, Operation
from .tunnel import Tunnel
from .ws import Closed, WebSocket

INBOX_LIMIT = 256 * 1024
BLOCK = 64 * 1024
Result = TypeVar("Result")


class Session:
    """Everything with an underscore runs on the loop; the rest is called by tests."""

    def __init__(self, tunnel: Tunnel, loop: asyncio.AbstractEventLoop) -> None:
        self._tunnel, self._loop = tunnel, loop
        self._inbox = bytearray()
        self._changed = asyncio.Condition()
        self._discard = False  # nobody will read any more: do not hold the device up
        self.closed: Closed | None = None

    # The tunnel's side ----------------------------------------------------------------------

    async def deliver(self, data: bytes) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._inbox) < INBOX_LIMIT or self._discard)
            self._inbox += data
            self._changed.notify_all()

    async def device_gone(self, closed: Closed) -> None:
        async with self._changed:
            self.closed = closed
            self._changed.notify_all()

    # Waiting --------------------------------------------------------------------------------

    def _call(self, work: Coroutine[Any, Any, Result], timeout: float, what: str, *,
              sends: bool = False) -> Result:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout)
        except concurrent.futures.TimeoutError:
            if not sends:  # half a frame on the wire would spoil the rest: a send goes on
                future.cancel()
            raise TimeoutError(f"{what}: not within {timeout} s; {self._state()}") from None

    def _state(self) -> str:
        where = "device there" if self._tunnel.joined.is_set() else "no device yet"
        return (f"{where}, {self.bytes_in} bytes in, {self.bytes_out} out, {len(self._inbox)} "
                f"unread, closed: {self.closed}, operation: {self.operation.statuses}")

    @property
    def operation(self) -> Operation:
        return self._tunnel.operation

    def wait_device(self, timeout: float = 10) -> "Session":
        async def work() -> None:
            await self._tunnel.joined_or_over()
        self._call(work(), timeout, "device's WebSocket")
        if not self._tunnel.joined.is_set():
            raise DeviceFailed(f"the device did not join: {self.closed}, {self.operation.history}")
        return self

    def wait_closed(self, timeout: float = 10) -> Closed:
        async def work() -> Closed:
            async with self._changed:
                await self._changed.wait_for(lambda: self.closed is not None)
            assert self.closed is not None
            return self.closed
        return self._call(work(), timeout, "end of session")

    @property
    def _device(self) -> WebSocket:
        if self._tunnel.device is None:
            raise RuntimeError("the device has not joined yet: wait_device() first")
        return self._tunnel.device

    # Bytes from the device --------------------------------------------------------------------

    async def _take(self, most: int) -> bytes:
        """At least one byte, or b"" at the end of the session."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._inbox or self.closed)
            data = bytes(self._inbox[:most])
            del self._inbox[:most]
            self._changed.notify_all()
            return data

    async def _take_or_put_back(self, count: int) -> bytes:
        data = bytearray()
        try:
            await self._take_exactly(count, data.extend)
        except (asyncio.CancelledError, EOFError):
            self._inbox[:0] = data
            raise
        return bytes(data)

    async def _take_exactly(self, count: int, use: Callable[[bytes], object]) -> None:
        while count:
            data = await self._take(count)
            if not data:
                raise EOFError(f"{count} bytes missing; {self._state()}")
            use(data)
            count -= len(data)

    def recv_some(self, timeout: float = 10) -> bytes:
        return self._call(self._take(INBOX_LIMIT * 2), timeout, "bytes from the device")

    def recv_exact(self, count: int, timeout: float = 10) -> bytes:
        return self._call(self._take_or_put_back(count), timeout, f"{count} bytes from the device")

    def recv_digest(self, count: int, timeout: float = 60) -> str:
        """sha256 of the next `count` bytes, without keeping them."""
        digest = hashlib.sha256()
        self._call(self._take_exactly(count, digest.update), timeout, f"{count} bytes to digest")
        return digest.hexdigest()

    def recv_until_close(self, timeout: float = 10) -> bytes:
        async def work() -> bytes:
            everything = bytearray()
            while data := await self._take(INBOX_LIMIT):
                everything += data
            return bytes(everything)
        return self._call(work(), timeout, "end of session")

    # Bytes to the device ----------------------------------------------------------------------

    def send(self, data: bytes, timeout: float = 30) -> None:
        self._call(self._tunnel.to_device(data), timeout, f"send of {len(data)} bytes", sends=True)

    def send_random(self, total: int, timeout: float = 60, *, block: int = 16 * 1024) -> str:
        """`total` bytes in messages of `block`; gives their sha256, keeps nothing."""
        async def work() -> str:
            digest = hashlib.sha256()
            async for chunk in _random(total, block, digest):
                await self._tunnel.to_device(chunk)
            return digest.hexdigest()
        return self._call(work(), timeout, f"send of {total} random bytes", sends=True)

    def send_message(self, total: int, timeout: float = 60) -> str:
        """One message, one frame of `total` random bytes, streamed; gives their sha256."""
        async def work() -> str:
            digest = hashlib.sha256()
            await self._device.out.stream(total, _random(total, BLOCK, digest))
            return digest.hexdigest()
        return self._call(work(), timeout, f"send of a message of {total} bytes", sends=True)

    def send_text(self, text: str, timeout: float = 10) -> None:
        self._call(self._device.out.message(text.encode(), text=True), timeout, "send of text",
                   sends=True)

    def send_fragmented(self, data: bytes, size: int, timeout: float = 30, *,
                        ping_between: bool = True) -> None:
        self._call(self._device.out.message(data, fragment=size, ping_between=ping_between),
                   timeout, "send of fragments", sends=True)

    def send_raw(self, data: bytes, timeout: float = 10) -> None:
        self._call(self._device.out.raw(data), timeout, "send of raw bytes", sends=True)

    def ping(self, payload: bytes = b"", timeout: float = 10) -> bytes:
        return self._call(self._device.ping(payload), timeout, "pong")

    # The end, and worse -----------------------------------------------------------------------

    def close(self, code: int = 1000, reason: str = "", timeout: float = 10) -> Closed:
        """Close handshake from the cloud's side. What the device still sends stays readable."""
        self._call(self._tunnel.operator_left(code, reason), timeout, "close")
        return self.wait_closed(timeout)

    def abort(self) -> None:
        """RST."""
        self._on_loop(lambda: self._leave(lambda: self._device.abort()))

    def drop(self) -> None:
        """End of the TCP connection without a close frame."""
        self._on_loop(lambda: self._leave(lambda: self._device.drop()))

    def _leave(self, how: Callable[[], None]) -> None:
        self._discard = True
        how()
        self._loop.create_task(self._wake())

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def stop_reading(self) -> None:
        self._on_loop(lambda: self._device.set_reading(False))

    def resume_reading(self) -> None:
        self._on_loop(lambda: self._device.set_reading(True))

    def freeze(self) -> None:
        """TCP stays up, but nothing is read, written or answered."""
        self._on_loop(lambda: self._device.set_frozen(True))

    def thaw(self) -> None:
        self._on_loop(lambda: self._device.set_frozen(False))

    def unplug(self) -> None:
        """What the device sends is lost on the way, and not even acknowledged."""
        self._on_loop(lambda: self._device.set_plugged(False))

    def plug_in(self) -> None:
        self._on_loop(lambda: self._device.set_plugged(True))

    def _on_loop(self, action: Callable[[], object]) -> None:
        async def work() -> None:
            action()
        self._call(work(), 10, "a word with the event loop")

    # Counters ---------------------------------------------------------------------------------

    def _count(self, name: str) -> int:
        return getattr(self._tunnel.device, name) if self._tunnel.device else 0

    bytes_in = property(lambda self: self._count("bytes_in"))
    messages_in = property(lambda self: self._count("messages_in"))
    text_messages_in = property(lambda self: self._count("text_messages_in"))
    largest_message_in = property(lambda self: self._count("largest_message_in"))

    @property
    def bytes_out(self) -> int:
        return self._tunnel.device.out.bytes if self._tunnel.device else 0

    @property
    def device_pings(self) -> list[bytes]:
        return list(self._tunnel.device.pings) if self._tunnel.device else []

    @property
    def device_pongs(self) -> list[bytes]:
        return list(self._tunnel.device.pongs) if self._tunnel.device else []


async def _random(total: int, block: int, digest: Any) -> AsyncIterator[bytes]:
    """Fresh random bytes would cost more than the tunnel: one random block, numbered."""
    base = os.urandom(block)
    for number in range((total + block - 1) // block):
        chunk = (number.to_bytes(8, "big") + base)[:min(block, total - number * block)]
        digest.update(chunk)
        yield chunk
