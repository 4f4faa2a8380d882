# SPDX-License-Identifier: Apache-2.0
"""The cloud's end of MQTT: a client of the real broker, in the place of thin-edge's bridge."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any, Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


def _without_nagle(_client: Any, _data: Any, sock: socket.socket) -> None:
    """An operation would wait 40 ms behind the acknowledgement of the message before it."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class MqttLink:
    """`on_message` is called on the event loop, in the order in which the broker delivered."""

    def __init__(self, address: tuple[str, int], loop: asyncio.AbstractEventLoop,
                 on_message: Callable[[str, bytes], None]) -> None:
        self._loop = loop
        self._on_message = on_message
        self._topics: list[str] = []
        self._ready = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="", clean_session=True)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_message = self._received
        self._client.on_socket_open = _without_nagle
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.connect_async(*address, keepalive=30)

    def start(self, timeout: float = 10) -> None:
        """Returns when the broker has acknowledged the subscriptions: nothing can be missed."""
        self._client.loop_start()
        if not self._ready.wait(timeout):
            raise TimeoutError("the cloud cannot subscribe at the broker")

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def add_prefix(self, prefix: str) -> None:
        topics = [f"{prefix}/s/us", f"{prefix}/s/us/+", f"{prefix}/s/uat"]
        self._topics += topics
        if self._client.is_connected():
            self._ready.clear()
            self._subscribe()
            if not self._ready.wait(10):
                raise TimeoutError(f"the cloud cannot subscribe below {prefix}")

    def publish(self, topic: str, payload: str | bytes) -> None:
        """QoS 1; kept by the client while the broker is away."""
        self._client.publish(topic, payload, qos=1)

    def _subscribe(self) -> None:
        self._client.subscribe([(topic, 1) for topic in self._topics])

    def _connected(self, _client: Any, _data: Any, _flags: Any, reason: Any, _props: Any) -> None:
        if not reason.is_failure and self._topics:
            self._subscribe()

    def _subscribed(self, *_: Any) -> None:
        self._ready.set()

    def _received(self, _client: Any, _data: Any, message: paho.MQTTMessage) -> None:
        if message.retain:
            return  # left over from another run: the platform keeps nothing retained
        try:
            self._loop.call_soon_threadsafe(self._on_message, message.topic,
                                            bytes(message.payload))
        except RuntimeError:
            pass  # the loop has stopped
