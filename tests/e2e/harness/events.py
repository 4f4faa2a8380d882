# SPDX-License-Identifier: Apache-2.0
"""Listens on the broker to thin-edge's events, as its mapper does."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as mqtt

from .waiting import wait_until


@dataclass(frozen=True)
class Event:
    topic: str
    payload: dict[str, Any]
    retained: bool

    @property
    def details(self) -> dict[str, Any]:
        details = self.payload["remoteAccess"]
        assert isinstance(details, dict)
        return details


class Events:
    def __init__(self) -> None:
        self.seen: list[Event] = []
        self.subscribed = threading.Event()

    def wait(self, count: int = 1, timeout: float = 10) -> list[Event]:
        wait_until(lambda: len(self.seen) >= count, timeout, f"{count} events")
        return self.seen

    def add(self, message: mqtt.MQTTMessage) -> None:
        self.seen.append(Event(message.topic, json.loads(message.payload), message.retain))


@contextlib.contextmanager
def listening(broker: tuple[str, int], topics: str = "te/device/main///e/+") -> Iterator[Events]:
    events = Events()
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: events.add(message)
    client.on_subscribe = lambda *_: events.subscribed.set()
    client.connect(*broker)
    client.subscribe(topics, qos=1)
    client.loop_start()
    try:
        assert events.subscribed.wait(5)
        yield events
    finally:
        client.disconnect()  # first: its thread would sleep on for a second
        client.loop_stop()
