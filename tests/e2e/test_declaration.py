# SPDX-License-Identifier: Apache-2.0
"""setup declares to the cloud what the owner's policy lets through (SmartREST 150)."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from cloud import Mosquitto

from .harness.installation import Installation
from .harness.targets import refusing_port
from .harness.waiting import wait_until

ALL = "150,SSH,VNC,TELNET,PASSTHROUGH"


class Listener:
    """Everything on any <prefix>/s/us, as thin-edge's bridges see it."""

    def __init__(self, broker: Mosquitto) -> None:
        self.messages: list[tuple[str, str, int]] = []
        self._ready = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = lambda _client, _data, message: self.messages.append(
            (message.topic, message.payload.decode(), message.qos))
        self._client.connect(*broker.address)
        self._client.subscribe("+/s/us", 1)
        self._client.loop_start()
        assert self._ready.wait(10)

    def expect(self, *expected: tuple[str, str]) -> None:
        wait_until(lambda: len(self.messages) >= len(expected), 5, f"{expected}: {self.messages}")
        assert sorted(self.messages) == sorted((*one, 1) for one in expected)
        self.messages.clear()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def listener(broker: Mosquitto) -> Iterator[Listener]:
    one = Listener(broker)
    yield one
    one.close()


@pytest.fixture
def place(tmp_path: Path, broker: Mosquitto) -> Installation:
    return Installation(tmp_path, broker.port)


def test_the_cloud_is_told_what_the_policy_lets_through(
        place: Installation, listener: Listener) -> None:
    for policy, text in [
            ("", ALL),
            ('[[allow]]\nhost = "*"\nports = [22]\n', "150,SSH"),
            ('[[allow]]\nhost = "this-device"\nports = ["5900-5910"]\n', "150,VNC,PASSTHROUGH"),
            ('[[allow]]\nhost = "a"\nports = [23]\n[[allow]]\nhost = "b"\nports = [22]\n',
             "150,SSH,TELNET"),
            ('[[allow]]\nhost = "a"\nports = [8080]\n', "150,PASSTHROUGH")]:
        place.own(policy)
        said = place.setup()
        listener.expect(("c8y/s/us", text))
        assert ", ".join(text.split(",")[1:]) in said.stdout and said.stderr == ""


def test_nothing_is_declared_where_remote_access_is_switched_off(
        place: Installation, listener: Listener) -> None:
    place.own("enabled = false\n")
    place.setup()
    place.own("")
    place.setup()
    listener.expect(("c8y/s/us", ALL))  # of the second run only


def test_every_profile_is_told_on_its_own_prefix_or_the_asked_one_only(
        place: Installation, listener: Listener) -> None:
    place.thin_edge('c8y.url = "a.example"\n'
                    '[c8y.profiles.one]\nurl = "b.example"\nbridge.topic_prefix = "c8y-one"\n'
                    '[c8y.profiles.two]\nhttp = "c.example:8443"\nbridge.topic_prefix = "c8y-two"\n'
                    '[c8y.profiles.same]\nurl = "e.example"\n'
                    '[c8y.profiles.unset]\nbridge.topic_prefix = "c8y-unset"\n')
    place.setup()
    listener.expect(("c8y/s/us", ALL), ("c8y-one/s/us", ALL), ("c8y-two/s/us", ALL))
    for option in ("--c8y-profile", "--profile"):
        place.setup(option, "two")
        listener.expect(("c8y-two/s/us", ALL))
    done = place.run("setup", "--c8y-profile", "three")
    assert done.returncode == 1 and "no profile `three`" in done.stderr
    place.setup("--c8y-profile", "one")
    listener.expect(("c8y-one/s/us", ALL))


def test_a_profile_alone_is_told(place: Installation, listener: Listener) -> None:
    place.thin_edge('[c8y.profiles.one]\nurl = "b.example"\nbridge.topic_prefix = "p"\n')
    place.setup()
    listener.expect(("p/s/us", ALL))


def test_a_broker_that_is_away_is_a_warning_with_the_cure(tmp_path: Path) -> None:
    with refusing_port() as port:
        place = Installation(tmp_path, port)
        started = time.monotonic()
        done = place.setup()
    assert time.monotonic() - started < 3
    assert place.file.exists()
    assert done.stderr.count("\n") == 1
    assert "not declared" in done.stderr and "run: c8y-remote-access-connect setup" in done.stderr


def test_a_broker_that_is_silent_holds_setup_for_a_bounded_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        place = Installation(tmp_path, silent.getsockname()[1])
        started = time.monotonic()
        done = place.setup()
    assert 4 < time.monotonic() - started < 8
    assert "not declared" in done.stderr and place.file.exists()
