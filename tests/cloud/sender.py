# SPDX-License-Identifier: Apache-2.0
"""The writing half of a WebSocket: messages in the shape the knobs ask for, never queued."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import AsyncIterable, Callable

from . import frames
from .behaviour import Behaviour
from .frames import BINARY, CLOSE, CONTINUATION, PING, TEXT
from .unplugged import plug_in, unplug

CHUNK = 64 * 1024


def set_reset(sock: socket.socket | None) -> None:
    """Makes the coming close a RST. Ask the transport for its socket early: a closed TLS transport
    of Python 3.11 has forgotten it, and fails."""
    if sock is not None and sock.fileno() != -1:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def close_once(transport: asyncio.WriteTransport) -> None:
    """A second close() of a TLS transport of Python 3.11 forgets that the first is under way."""
    if not transport.is_closing():
        transport.close()


class Sender:
    """Two locks: a message's frames belong together, and so do a frame's bytes. Control frames may
    come between the frames of a message, as the RFC allows."""

    def __init__(self, writer: asyncio.StreamWriter, behaviour: Callable[[], Behaviour]) -> None:
        self._writer = writer
        self._socket = writer.get_extra_info("socket")
        self._behaviour = behaviour
        self._message_lock, self._frame_lock = asyncio.Lock(), asyncio.Lock()
        self.may_write = asyncio.Event()
        self.may_write.set()
        self._sent_close: tuple[int, str] | None = None
        self.sent_close_at = 0.0
        self.bytes = 0
        writer.transport.set_write_buffer_limits(high=2 * CHUNK)

    @property
    def sent_close(self) -> tuple[int, str] | None:
        return self._sent_close

    @sent_close.setter
    def sent_close(self, code_and_reason: tuple[int, str]) -> None:
        self._sent_close, self.sent_close_at = code_and_reason, time.monotonic()

    async def raw(self, data: bytes) -> None:
        """Straight onto the wire. In slices, so that the transport's buffer stays small."""
        for start in range(0, len(data), CHUNK):
            await self.may_write.wait()
            if self._writer.transport.is_closing():
                raise ConnectionResetError("the connection is closed")
            self._writer.write(data[start:start + CHUNK])
            await self._writer.drain()

    async def frame(self, opcode: int, payload: bytes, *, fin: bool = True) -> None:
        async with self._frame_lock:
            await self.raw(frames.frame(opcode, payload, fin=fin))

    async def data(self, data: bytes) -> None:
        """Payload for the peer; the knobs say how it is cut into messages and frames."""
        knobs = self._behaviour()
        size = knobs.message_size or len(data) or 1
        for start in range(0, len(data), size):
            await self.message(data[start:start + size], text=knobs.as_text,
                               fragment=knobs.fragment_size)

    async def message(self, data: bytes, *, text: bool = False, fragment: int | None = None,
                      ping_between: bool = True) -> None:
        pieces = [data]
        if fragment and len(data) > fragment:
            pieces = [data[start:start + fragment] for start in range(0, len(data), fragment)]
        async with self._message_lock:
            self._check_open()
            for index, piece in enumerate(pieces):
                opcode = (TEXT if text else BINARY) if index == 0 else CONTINUATION
                await self.frame(opcode, piece, fin=index == len(pieces) - 1)
                self.bytes += len(piece)
                if ping_between and index < len(pieces) - 1:
                    await self.frame(PING, b"between %d" % index)

    async def stream(self, total: int, chunks: AsyncIterable[bytes]) -> None:
        """One frame of `total` bytes, however large."""
        async with self._message_lock, self._frame_lock:
            self._check_open()
            await self.raw(frames.make_head(BINARY, total))
            async for chunk in chunks:
                await self.raw(chunk)
                self.bytes += len(chunk)

    def _check_open(self) -> None:
        if self.sent_close or self._writer.transport.is_closing():
            raise ConnectionResetError("the WebSocket is closed")

    async def close(self, code: int, reason: str) -> None:
        """The close frame, after any message that is under way; once."""
        async with self._message_lock:
            if self.sent_close:
                return
            self.sent_close = (code, reason)
            try:
                await self.frame(CLOSE, frames.close_payload(code, reason))
            except OSError:
                pass  # the reader finds out, and says how it ended

    def set_plugged(self, plugged: bool) -> None:
        (plug_in if plugged else unplug)(self._socket)

    def abort(self, *, reset: bool) -> None:
        if reset:
            set_reset(self._socket)
        self.may_write.set()
        self._writer.transport.abort()
