# SPDX-License-Identifier: Apache-2.0
"""The knobs of a session that is up: frames, pings, limits, endings."""

from __future__ import annotations

import struct
import time

import pytest

from cloud import Cloud
from cloud.frames import BINARY, CLOSE, PING, PONG, TEXT
from cloud.wire import joined

pytestmark = pytest.mark.timeout(40)


def test_messages_take_the_shape_the_knobs_ask_for(cloud: Cloud) -> None:
    session, wire = joined(cloud)
    cloud.behaviour.message_size = 1
    session.send(b"ab")
    assert [wire.frame()[2] for _ in range(2)] == [b"a", b"b"]
    cloud.behaviour.message_size = None
    session.send_fragmented(b"abcde", 2)
    assert [wire.frame() for _ in range(5)] == [
        (False, BINARY, b"ab"), (True, PING, b"between 0"), (False, 0, b"cd"),
        (True, PING, b"between 1"), (True, 0, b"e")]
    session.send_text("grüß")
    assert wire.frame() == (True, TEXT, "grüß".encode())


def test_pings_both_ways(cloud: Cloud) -> None:
    session, wire = joined(cloud)
    wire.send(PING, b"are you there")
    assert wire.frame() == (True, PONG, b"are you there")
    assert session.device_pings == [b"are you there"]
    cloud.behaviour.answer_pings = False
    cloud.behaviour.ping_interval = 0.1
    wire.send(PING, b"and now")
    _, opcode, payload = wire.frame()
    assert opcode == PING and payload.startswith(b"cloud")
    wire.send(PONG, payload)
    time.sleep(0.2)
    assert session.device_pongs == [payload]


def test_text_and_size_limits_of_the_service(cloud: Cloud) -> None:
    session, wire = joined(cloud)
    wire.send(TEXT, b"hello")
    assert wire.frame()[2][:2] == struct.pack("!H", 1003)
    assert session.text_messages_in == 1
    cloud.behaviour.max_message = 1000
    _, wire = joined(cloud)
    wire.send(BINARY, bytes(600), fin=False)
    wire.send(0, bytes(600))
    assert wire.frame()[2][:2] == struct.pack("!H", 1009)


def test_protocol_errors_are_violations(cloud: Cloud) -> None:
    session, wire = joined(cloud)
    wire.socket.sendall(b"\x82\x01a")  # not masked
    assert wire.frame()[2][:2] == struct.pack("!H", 1002)
    wire.socket.close()
    assert session.wait_closed().by == "protocol"
    assert cloud.violations == ["device: a frame from the client is not masked"]


def test_last_words_before_the_close_is_answered(cloud: Cloud) -> None:
    session, wire = joined(cloud)
    cloud.behaviour.last_words = b"one more thing"
    wire.send(CLOSE, struct.pack("!H", 1000) + b"bye")
    assert wire.frame()[2] == b"one more thing"
    assert wire.frame()[1] == CLOSE
    assert (session.wait_closed().by, session.wait_closed().reason) == ("device", "bye")


def test_endings_without_a_close_frame(cloud: Cloud) -> None:
    session, wire = joined(cloud)
    session.abort()
    assert wire.was_reset()
    assert (session.wait_closed().code, session.wait_closed().by) == (1006, "cloud")
    session, wire = joined(cloud)
    session.send(b"all of it")
    session.drop()
    assert wire.frame()[2] == b"all of it" and wire.socket.recv(1) == b""
    session, wire = joined(cloud)
    wire.socket.close()
    assert session.wait_closed().by in ("device-eof", "device-reset")


def test_a_frozen_cloud_says_nothing_until_it_thaws(cloud: Cloud) -> None:
    session, wire = joined(cloud)
    session.freeze()
    wire.send(PING, b"?")
    wire.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        wire.frame()
    session.thaw()
    wire.socket.settimeout(5)
    assert wire.frame() == (True, PONG, b"?")


def test_a_close_without_an_answer_ends_nevertheless(cloud: Cloud) -> None:
    cloud.behaviour.close_timeout = 0.3
    session, wire = joined(cloud)
    closed = session.close(1001, "going away")
    assert (closed.by, closed.answered) == ("cloud", False)
    assert wire.frame()[2] == struct.pack("!H", 1001) + b"going away"
