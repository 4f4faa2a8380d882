# SPDX-License-Identifier: Apache-2.0
"""A small device side in Python, for this folder's own tests and to tell whose fault a red test is.
It does the job plainly (501, JWT, target, WebSocket, 503, bytes) and nothing cleverly."""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import Any

import aiohttp
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from . import smartrest
from .operations import FRAGMENT

BLOCK = 8 * 1024


class ReferenceDevice:
    def __init__(self, broker: tuple[str, int], http: str, ca_file: Any, *,
                 prefix: str = "c8y") -> None:
        self._http, self._ca_file, self._prefix = http, ca_file, prefix
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._subscribed = threading.Event()
        self._tokens: asyncio.Queue[str] = asyncio.Queue()
        self._mqtt = paho.Client(CallbackAPIVersion.VERSION2, client_id="")
        self._mqtt.on_connect = lambda *_: self._mqtt.subscribe(
            [(f"{prefix}/s/ds", 1), (f"{prefix}/s/dat", 1)])
        self._mqtt.on_subscribe = lambda *_: self._subscribed.set()
        self._mqtt.on_message = lambda _c, _d, message: self._loop.call_soon_threadsafe(
            self._received, message.topic, message.payload.decode())
        self._mqtt.connect_async(*broker)

    def __enter__(self) -> "ReferenceDevice":
        self._thread.start()
        self._mqtt.loop_start()
        if not self._subscribed.wait(10):
            raise TimeoutError("the reference device cannot subscribe")
        return self

    def __exit__(self, *_: object) -> None:
        self._mqtt.disconnect()
        self._mqtt.loop_stop()
        asyncio.run_coroutine_threadsafe(self._cancel_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _publish(self, channel: str, payload: str) -> None:
        self._mqtt.publish(f"{self._prefix}/{channel}", payload, qos=1)

    def _received(self, topic: str, payload: str) -> None:
        for record in smartrest.parse(payload):
            if record[0] == "71":
                self._tokens.put_nowait(record[1])
            elif record[0] == "530":
                self._loop.create_task(self._serve(record[2], int(record[3]), record[4]))

    async def _serve(self, host: str, port: int, key: str) -> None:
        self._publish("s/us", f"501,{FRAGMENT}")
        self._publish("s/uat", "")
        try:
            async with asyncio.timeout(10):
                token = await self._tokens.get()
                target = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            self._publish("s/us", f"502,{FRAGMENT},target {host}:{port}: {type(error).__name__}")
            return
        context = ssl.create_default_context(cafile=str(self._ca_file))
        url = f"https://{self._http}/service/remoteaccess/device/{key}"
        async with aiohttp.ClientSession() as http:
            try:
                socket = await http.ws_connect(
                    url, ssl=context, protocols=["binary"], max_msg_size=0,
                    headers={"Authorization": f"Bearer {token}"})
            except aiohttp.ClientError as error:
                target[1].close()
                self._publish("s/us", f"502,{FRAGMENT},cloud: {type(error).__name__}")
                return
            self._publish("s/us", f"503,{FRAGMENT}")
            await _bridge(target, socket)


async def _bridge(target: tuple[asyncio.StreamReader, asyncio.StreamWriter],
                  socket: aiohttp.ClientWebSocketResponse) -> None:
    reader, writer = target

    async def up() -> None:
        while data := await reader.read(BLOCK):
            await socket.send_bytes(data)
        await socket.close()

    async def down() -> None:
        async for message in socket:
            writer.write(message.data)
            await writer.drain()

    tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await socket.close()
    writer.close()
