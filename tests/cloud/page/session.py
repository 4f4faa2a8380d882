# SPDX-License-Identifier: Apache-2.0
"""One session of the page: a WebSocket to the browser at one end, a shell on a Line at the other.

To the browser: text frames {"operation": id}, then {"state": "open"} or {"state": "failed",
"reason": …}; then binary frames, what the device says. From it: binary frames, what is typed;
text frames {"size": [columns, rows]}. Whoever ends it, the close frame says why."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from ..devices import Device
from ..hub import Hub
from .line import Line, NoDevice
from .shells import Shell, Size, open_shell

HEARTBEAT = 20  # seconds: a browser that is gone without a word
PATIENCE = 2  # seconds for its answer to our close frame
LONGEST_REASON = 123  # bytes, of a close frame


def new_browser() -> web.WebSocketResponse:
    return web.WebSocketResponse(heartbeat=HEARTBEAT, timeout=PATIENCE, compress=False,
                                max_msg_size=1 << 20)


async def serve(request: web.Request, browser: web.WebSocketResponse, hub: Hub, device: Device,
                configuration: dict[str, Any]) -> None:
    size = int(request.query.get("columns", 80)), int(request.query.get("rows", 24))
    await browser.prepare(request)
    line = await Line.open(hub, device, configuration["hostname"], configuration["port"],
                           configuration["name"])
    await browser.send_json({"operation": line.tunnel.operation.id})
    # Both from the start: a browser may leave while the device is still on its way.
    session = _Session(browser, line)
    tasks = [asyncio.create_task(session.from_browser()),
             asyncio.create_task(session.from_device(configuration, size))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        session.end()
    reason = next((one for one in results if isinstance(one, str)), "")
    await browser.close(code=WSCloseCode.OK, message=reason.encode()[:LONGEST_REASON])


class _Session:
    def __init__(self, browser: web.WebSocketResponse, line: Line) -> None:
        self._browser, self._line = browser, line
        self._shell: Shell | None = None

    async def from_device(self, configuration: dict[str, Any], size: Size) -> str:
        """Gives the reason of the end."""
        try:
            await self._line.wait_device()
            self._shell = await open_shell(self._line, configuration, size)
        except NoDevice as error:
            await self._browser.send_json({"state": "failed", "reason": str(error)})
            return str(error)
        await self._browser.send_json({"state": "open"})
        try:
            while data := await self._shell.read():
                await self._browser.send_bytes(data)
        except (OSError, ValueError) as error:
            return str(error)
        closed = self._line.tunnel.closed
        return closed.reason if closed and closed.reason else "closed by the device"

    async def from_browser(self) -> None:
        async for message in self._browser:
            if self._shell is None:
                continue  # nobody to type to yet
            try:
                if message.type == WSMsgType.BINARY:
                    await self._shell.write(message.data)
                elif message.type == WSMsgType.TEXT:
                    columns, rows = json.loads(message.data)["size"]
                    await self._shell.resize((int(columns), int(rows)))
            except OSError:
                return  # the other direction says why

    def end(self) -> None:
        if self._shell is not None:
            self._shell.close()
        self._line.close()
