# SPDX-License-Identifier: Apache-2.0
"""What a device sees on the local broker: operations in both forms, again after 500, and JWTs."""

from __future__ import annotations

import base64
import json
import queue
import time
from typing import Iterator

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from cloud import Cloud, DeviceFailed, Mosquitto, smartrest
from cloud.wire import Wire

pytestmark = pytest.mark.timeout(40)


class Listener:
    def __init__(self, broker: Mosquitto) -> None:
        self.messages: queue.Queue[tuple[str, str]] = queue.Queue()
        subscribed: queue.Queue[bool] = queue.Queue()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="")
        self.client.on_connect = lambda *_: self.client.subscribe(
            [("c8y/s/ds", 1), ("c8y/s/dat", 1), ("c8y/devicecontrol/notifications", 1)])
        self.client.on_subscribe = lambda *_: subscribed.put(True)
        self.client.on_message = lambda _c, _d, message: self.messages.put(
            (message.topic, message.payload.decode()))
        self.client.connect(*broker.address)
        self.client.loop_start()
        subscribed.get(timeout=10)

    def say(self, channel: str, payload: str) -> None:
        self.client.publish(f"c8y/{channel}", payload, qos=1)

    def next(self, timeout: float = 5) -> tuple[str, str]:
        return self.messages.get(timeout=timeout)


@pytest.fixture
def listener(cloud: Cloud, broker: Mosquitto) -> Iterator[Listener]:
    one = Listener(broker)
    yield one
    one.client.disconnect()
    one.client.loop_stop()


def test_an_operation_comes_in_both_forms_and_again_while_pending(
        cloud: Cloud, listener: Listener) -> None:
    operation = cloud.create_operation("fe80::1", 5900, delivery="both")
    topic, text = listener.next()
    assert topic == "c8y/devicecontrol/notifications"
    body = json.loads(text)
    assert (body["id"], body["status"]) == (operation.id, "PENDING")
    assert body["c8y_RemoteAccessConnect"] == {
        "hostname": "fe80::1", "port": 5900, "connectionKey": operation.key}
    record = ["530", "device-1", "fe80::1", "5900", operation.key]
    assert smartrest.parse(listener.next()[1]) == [record]
    listener.say("s/us", "500")
    assert [listener.next()[0] for _ in range(2)] == ["c8y/devicecontrol/notifications", "c8y/s/ds"]
    listener.say("s/us", f"504,{operation.id}")
    operation.wait_status("EXECUTING")
    listener.say("s/us", "500")
    with pytest.raises(queue.Empty):
        listener.next(timeout=0.3)
    assert [one.payload for one in cloud.status_messages] == ["500", f"504,{operation.id}", "500"]


def test_jwts_are_issued_revoked_and_wrong_on_demand(cloud: Cloud, listener: Listener) -> None:
    def ask() -> str:
        listener.say("s/uat", "")
        topic, text = listener.next()
        assert topic == "c8y/s/dat" and text.startswith("71,")
        return text[3:]

    first = ask()
    claims = json.loads(base64.urlsafe_b64decode(first.split(".")[1] + "=="))
    assert (claims["sub"], claims["ten"]) == ("device_device-1", "t12345")
    assert ask() == first, "the same one until half of its life is over"
    cloud.revoke_tokens()
    assert ask() != first
    cloud.behaviour.jwt_fresh = True
    assert ask() != ask()
    cloud.behaviour.jwt_wrong = 1
    key = cloud.create_operation("h", 1, delivery=None).key
    for answer in (" 401 ", " 101 "):
        wire = Wire(cloud)
        wire.token = ask()
        assert answer in wire.ask(key)


def test_jwts_may_come_late_after_garbage_or_never(cloud: Cloud, listener: Listener) -> None:
    cloud.behaviour.jwt_garbage = ["41,100,Device already existing", "71", "\x00"]
    cloud.behaviour.jwt_delay = 0.2
    asked = time.monotonic()
    listener.say("s/uat", "")
    assert [listener.next()[1] for _ in range(3)] == cloud.behaviour.jwt_garbage
    assert listener.next()[1].startswith("71,ey") and time.monotonic() - asked >= 0.2
    cloud.behaviour.jwt_silent = True
    listener.say("s/uat", "")
    with pytest.raises(queue.Empty):
        listener.next(timeout=0.4)
    assert len(cloud.jwt_requests) == 2


def test_basic_login_of_the_device(cloud: Cloud) -> None:
    key = cloud.create_operation("h", 1, delivery=None).key
    for password, answer in (("no", " 401 "), (cloud.device_password, " 101 ")):
        login = base64.b64encode(f"{cloud.device_user}:{password}".encode()).decode()
        assert answer in Wire(cloud).ask(key, authorization=f"Basic {login}")


def test_keys_lapse(cloud: Cloud) -> None:
    cloud.behaviour.bad_key_status = 410
    cloud.behaviour.key_lifetime = 0
    assert " 410 " in Wire(cloud).ask(cloud.create_operation("h", 1, delivery=None).key)
    cloud.behaviour.key_lifetime = None
    cloud.behaviour.join_timeout = 0.1
    session = cloud.open("h", 1, delivery=None)
    with pytest.raises(DeviceFailed, match="in time"):
        session.wait_device()
    assert " 410 " in Wire(cloud).ask(session.operation.key)
    left = cloud.open("h", 1, delivery=None)
    left.close()
    assert " 410 " in Wire(cloud).ask(left.operation.key)


def test_the_broker_may_come_back(cloud: Cloud, broker: Mosquitto) -> None:
    broker.stop()
    broker.start()
    operation = cloud.create_operation("h", 1)
    other = Listener(broker)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not operation.statuses[1:]:
        other.say("s/us", f"504,{operation.id}")
        time.sleep(0.3)
    other.client.disconnect()
    other.client.loop_stop()
    operation.wait_status("EXECUTING")
