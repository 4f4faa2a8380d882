# SPDX-License-Identifier: Apache-2.0
"""The cloud behind the local broker: answers requests for a JWT, reports each status and its time.

python mqtt_end.py BROKER_PORT; ends with its standard input.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

_TOKEN = "71," + "x" * 300 + "." + "y" * 500 + "." + "z" * 86  # as long as a real one


def _say(event: str, **more: object) -> None:
    print(json.dumps({"event": event, **more}), flush=True)


def _received(client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
    if message.topic.endswith("/s/uat"):
        client.publish("c8y/s/dat", _TOKEN, qos=0)
    else:
        _say("status", ns=time.monotonic_ns(), text=message.payload.decode())


def _opened(_client: paho.Client, _data: Any, connection: Any) -> None:
    # An acknowledgement and the JWT right after it: with Nagle the second waits 40 ms.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def main() -> None:
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_socket_open = _opened
    client.on_connect = lambda *_: client.subscribe([("c8y/s/us", 1), ("c8y/s/uat", 1)])
    client.on_subscribe = lambda *_: _say("ready")
    client.on_message = _received
    client.connect("127.0.0.1", int(sys.argv[1]))
    client.loop_start()
    sys.stdin.read()
    client.disconnect()


if __name__ == "__main__":
    main()
