# SPDX-License-Identifier: Apache-2.0
"""One WebSocket connection, server side. Messages stream through: none is ever collected, and
whoever takes the data slowly stops the reading."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Awaitable, Callable

from . import frames
from .behaviour import Behaviour
from .frames import CLOSE, CONTINUATION, PING, PONG, TEXT, ProtocolError
from .sender import CHUNK, Sender, close_once

OnData = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Closed:
    code: int
    reason: str
    by: str  # "device", "cloud", "device-eof", "device-reset", "protocol"; "client…" too
    time: float = field(default_factory=time.monotonic, compare=False)
    answered: bool = False  # the peer answered our close frame with its own


class WebSocket:
    """`peer` ("device", "client") names the other side in `Closed.by` and in violations."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str,
                 behaviour: Callable[[], Behaviour], violations: list[str]) -> None:
        self._reader, self._writer, self.peer = reader, writer, peer
        self._behaviour = behaviour
        self._violations = violations
        self.out = Sender(writer, behaviour)
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._pong_waiters: dict[bytes, asyncio.Future[bytes]] = {}
        self._pings_sent = 0
        self._last_mask = b""
        self._message_length: int | None = None  # None: no message is open
        self._discarding = False  # refused text: its payload goes nowhere
        self._cut = False  # we dropped the connection without a close frame
        self.finished = asyncio.Event()
        self.pings: list[bytes] = []
        self.pongs: list[bytes] = []
        self.bytes_in = self.messages_in = self.text_messages_in = self.largest_message_in = 0
        self.last_activity = time.monotonic()

    # Reading -------------------------------------------------------------------------------

    async def run(self, on_data: OnData) -> Closed:
        """Reads until the end, hands all payload to `on_data`, and leaves the connection closed."""
        keeper = asyncio.create_task(self._keep())
        try:
            return await self._read_all(on_data)
        finally:
            keeper.cancel()
            self.finished.set()
            close_once(self._writer.transport)

    async def _read_all(self, on_data: OnData) -> Closed:
        try:
            while True:
                peer_close = await self._read_frame(on_data)
                if peer_close is None:
                    continue
                if self.out.sent_close:
                    return Closed(*self.out.sent_close, "cloud", answered=True)
                await self._answer_close(*peer_close)
                return Closed(*peer_close, self.peer)
        except ProtocolError as error:
            self._violations.append(f"{self.peer}: {error}")
            await self.out.close(1002, str(error))
            await self._read_away()
            return Closed(1002, str(error), "protocol")
        except asyncio.IncompleteReadError:
            return self._ended_without_close("eof")
        except OSError:
            return self._ended_without_close("reset")

    def _ended_without_close(self, how: str) -> Closed:
        if self.out.sent_close:
            return Closed(*self.out.sent_close, "cloud")
        return Closed(frames.ABNORMAL, "", "cloud" if self._cut else f"{self.peer}-{how}")

    async def _read_away(self) -> None:
        """Closing with bytes unread is a RST, which would take our close frame with it."""
        try:
            async with asyncio.timeout(1):
                while await self._reader.read(CHUNK):
                    pass
        except (OSError, TimeoutError):
            pass

    async def _read_exactly(self, count: int) -> bytes:
        await self._may_read.wait()
        return await self._reader.readexactly(count)

    async def _read_frame(self, on_data: OnData) -> tuple[int, str] | None:
        """One frame. Gives code and reason if it is a close frame."""
        head = frames.parse_head(await self._read_exactly(2))
        length = head.length
        if head.extended:
            length = frames.parse_length(await self._read_exactly(head.extended))
        mask = await self._read_exactly(4)
        if mask == self._last_mask:
            self._violations.append(f"{self.peer}: the same masking key twice running")
        self._last_mask = mask
        self.last_activity = time.monotonic()
        if head.opcode in frames.CONTROL_OPCODES:
            payload = frames.unmask(await self._read_exactly(length), mask, 0)
            return await self._control(head.opcode, payload)
        await self._open_message(head.opcode)
        await self._stream_payload(length, mask, on_data)
        if head.fin:
            self.messages_in += 1
            self.largest_message_in = max(self.largest_message_in, self._message_length or 0)
            self._message_length = None
        return None

    async def _open_message(self, opcode: int) -> None:
        if (opcode == CONTINUATION) != (self._message_length is not None):
            raise ProtocolError("a continuation without a message, or a message inside another")
        if opcode == CONTINUATION:
            return
        self._message_length = 0
        self._discarding = opcode == TEXT and self._behaviour().refuse_text
        self.text_messages_in += opcode == TEXT
        if self._discarding:
            await self.out.close(1003, "Text messages not supported")

    async def _stream_payload(self, length: int, mask: bytes, on_data: OnData) -> None:
        done = 0
        while done < length:
            await self._may_read.wait()
            piece = await self._reader.read(min(CHUNK, length - done))
            if not piece:
                raise asyncio.IncompleteReadError(b"", length - done)
            payload = frames.unmask(piece, mask, done)
            done += len(piece)
            self.bytes_in += len(piece)
            self._message_length = (self._message_length or 0) + len(piece)
            limit = self._behaviour().max_message
            if limit is not None and self._message_length > limit:
                self._discarding = True
                await self.out.close(1009, "The message is too big")
            if not self._discarding:
                await on_data(payload)

    async def _control(self, opcode: int, payload: bytes) -> tuple[int, str] | None:
        if opcode == CLOSE:
            return frames.parse_close(payload)
        if opcode == PING:
            self.pings.append(payload)
            if self._behaviour().answer_pings and not self.out.sent_close:
                await self.out.frame(PONG, payload)
        else:
            self.pongs.append(payload)
            waiter = self._pong_waiters.pop(payload, None)
            if waiter and not waiter.done():
                waiter.set_result(payload)
        return None

    def set_reading(self, allowed: bool) -> None:
        (self._may_read.set if allowed else self._may_read.clear)()

    def set_frozen(self, frozen: bool) -> None:
        self.set_reading(not frozen)
        (self.out.may_write.clear if frozen else self.out.may_write.set)()

    def set_plugged(self, plugged: bool) -> None:
        self.out.set_plugged(plugged)

    # Pings ---------------------------------------------------------------------------------

    async def ping(self, payload: bytes) -> bytes:
        waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pong_waiters[payload] = waiter
        await self.out.frame(PING, payload)
        return await waiter

    async def _keep(self) -> None:
        """Pings at the knob's interval, and the idle timeout."""
        last_ping = time.monotonic()
        while True:
            await asyncio.sleep(0.05)
            knobs, now = self._behaviour(), time.monotonic()
            if self.out.sent_close and now - self.out.sent_close_at > knobs.close_timeout:
                self.abort()  # our close frame stays without an answer
            if knobs.idle_timeout is not None and now - self.last_activity > knobs.idle_timeout:
                await self.out.close(1001, "idle")
            if knobs.ping_interval is not None and now - last_ping >= knobs.ping_interval:
                last_ping = now
                await self._ping_or_complain(max(5.0, knobs.ping_interval))

    async def _ping_or_complain(self, patience: float) -> None:
        self._pings_sent += 1
        try:
            async with asyncio.timeout(patience):
                await self.ping(self._behaviour().ping_payload + b" %d" % self._pings_sent)
        except TimeoutError:
            self._violations.append(f"{self.peer}: no pong with the ping's payload")
        except OSError:
            pass

    # The end -------------------------------------------------------------------------------

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """The close handshake, from our side. What comes before the answer is still read."""
        try:
            async with asyncio.timeout(self._behaviour().close_timeout):
                await self.out.close(code, reason)
                await self.finished.wait()
        except TimeoutError:
            self.abort()

    async def _answer_close(self, code: int, reason: str) -> None:
        knobs = self._behaviour()
        try:
            if knobs.last_words:
                await self.out.message(knobs.last_words)
            await asyncio.sleep(knobs.close_answer_delay)
            if knobs.answer_close:
                await self.out.close(code, reason)
            else:
                await asyncio.wait_for(self._reader.read(1), knobs.close_timeout)
        except (OSError, TimeoutError):
            pass

    def abort(self, *, reset: bool = True) -> None:
        """RST; or, without `reset`, whatever the system makes of a connection nobody owns."""
        self._cut = True
        self.set_reading(True)
        self.out.abort(reset=reset)

    def drop(self) -> None:
        """FIN without a close frame, after all that was written."""
        self._cut = True
        self.set_reading(True)
        close_once(self._writer.transport)
