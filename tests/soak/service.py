# SPDX-License-Identifier: Apache-2.0
"""The service behind the tunnels of load and soak: one event loop for any number of connections.

The operator's first line says what a connection is for, so one port serves all kinds of traffic:
`echo`; `take SIZE` (answers with the sha256 of what came); `give SIZE SEED`; `both SIZE SEED`
(takes and gives at once, then answers); `say SIZE SEED` (gives and leaves). After all but the first
and the last the next line may ask for something else.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from typing import Any

from e2e.harness.targets import random_chunks

HOST = "127.0.0.1"


class Service:
    def __init__(self) -> None:
        self.port = 0
        self.errors: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="service", daemon=True)

    @property
    def connections(self) -> int:
        return len(self._connections)

    def __enter__(self) -> Service:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, HOST, 0, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._connections):
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while line := await reader.readline():
                if not await self._obey(line.decode().split(), reader, writer):
                    break
        except asyncio.CancelledError:
            pass
        except OSError:
            pass  # whoever was killed resets its connection; the operator's end has its own check
        except Exception as error:  # shown by the test at its end
            self.errors.append(repr(error))
        finally:
            self._connections.discard(writer)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _obey(self, words: list[str], reader: asyncio.StreamReader,
                    writer: asyncio.StreamWriter) -> bool:
        verb, *numbers = words
        size, seed, *_ = *map(int, numbers), 0, 0
        if verb == "echo":
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            return False
        if verb == "take":
            await _answer(writer, await _take(reader, size))
        elif verb == "give":
            await _give(writer, size, seed)
        elif verb == "both":
            _, checksum = await asyncio.gather(_give(writer, size, seed), _take(reader, size))
            await _answer(writer, checksum)
        elif verb == "say":
            await _give(writer, size, seed)
            return False
        else:
            raise ValueError(f"no service {verb!r}")
        return True


async def _take(reader: asyncio.StreamReader, size: int) -> str:
    checksum: Any = hashlib.sha256()
    while size > 0:
        data = await reader.read(min(size, 65536))
        if not data:
            raise ConnectionResetError(f"{size} bytes are missing")
        checksum.update(data)
        size -= len(data)
    return str(checksum.hexdigest())


async def _answer(writer: asyncio.StreamWriter, checksum: str) -> None:
    writer.write(checksum.encode() + b"\n")
    await writer.drain()


async def _give(writer: asyncio.StreamWriter, size: int, seed: int) -> None:
    for chunk in random_chunks(size, seed):
        writer.write(chunk)
        await writer.drain()
