# SPDX-License-Identifier: Apache-2.0
"""Every byte arrives, once, in order, in bounded memory, whoever is fast or slow."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest

from cloud import Behaviour, Cloud, Connection, Upgrade

from .harness.device import Device
from .harness.expect import established, opened
from .harness.targets import (Target, digest, echo, random_chunks, receive_digest, say,
                              say_and_leave, wait_for_end)

MIB = 1 << 20
BANNER = b"SSH-2.0-a service that speaks first\r\n"


def test_a_service_that_speaks_first_loses_no_byte(cloud: Cloud, device: Device) -> None:
    cloud.behaviour.upgrades = [Upgrade(delay=0.5)]  # the greeting is there long before the tunnel
    with Target(say(BANNER)) as target:
        assert opened(cloud, target).recv_exact(len(BANNER), timeout=5) == BANNER


def test_a_service_that_speaks_and_leaves_at_once_loses_no_byte(
        cloud: Cloud, device: Device) -> None:
    words = b"".join(random_chunks(200_000, 1))
    cloud.behaviour.upgrades = [Upgrade(delay=0.5)]
    with Target(say_and_leave(words)) as target:
        session = opened(cloud, target)
        assert session.recv_exact(len(words), timeout=5) == words
        closed = session.wait_closed(5)
        assert (closed.code, closed.by) == (1000, "device")
        assert session.operation.wait_final(5) == "SUCCESSFUL"


@pytest.mark.parametrize("upgrade", [
    pytest.param(Upgrade(), id="in its own packet"),
    pytest.param(Upgrade(glue_early=True), id="glued to the 101"),
    pytest.param(Upgrade(glue_early=True, byte_interval=0.001), id="after a 101 in single bytes"),
    pytest.param(Upgrade(glue_early=True, head_padding=12_000), id="after an answer of 12 KiB"),
])
def test_an_operator_that_speaks_first_loses_no_byte(
        cloud: Cloud, device: Device, upgrade: Upgrade) -> None:
    words = b"".join(random_chunks(60_000, 2))
    cloud.behaviour.upgrades = [upgrade]
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.send(words)  # the device is not there yet: the cloud keeps it
        session.wait_device(15)
        assert session.recv_exact(len(words), timeout=10) == words


@pytest.mark.timeout(120)
def test_what_the_operator_said_before_leaving_reaches_a_slow_target(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    """Slow all the time, so that something still waits in the forwarder when the end comes."""
    make_device().start()
    cloud.behaviour.close_timeout = 100  # else it resets what a busy machine's target is slow to take
    heard = hashlib.sha256()

    def listen_slowly(connection: socket.socket) -> None:
        while data := connection.recv(65536):
            heard.update(data)
            time.sleep(0.002)

    with Target(listen_slowly, receive_buffer=8192) as target:
        session = opened(cloud, target)
        sent = session.send_random(8 * MIB, timeout=60)
        session.close(timeout=60)
        target.wait_ended(timeout=60)
    assert heard.hexdigest() == sent


def test_what_the_target_said_before_leaving_reaches_a_slow_cloud(
        cloud: Cloud, device: Device) -> None:
    heard = hashlib.sha256()
    with Target(say_and_leave(random_chunks(8 * MIB, 4))) as target:
        session = opened(cloud, target)
        while data := session.recv_some(timeout=10):
            heard.update(data)
            time.sleep(0.02)
    assert heard.hexdigest() == digest(random_chunks(8 * MIB, 4))
    assert session.wait_closed(5).code == 1000


def test_what_the_cloud_says_before_its_close_answer_reaches_the_target(
        cloud: Cloud, device: Device) -> None:
    """The target half-closes: it has said everything but still listens."""
    cloud.behaviour.last_words = b"the last words"
    heard = bytearray()

    def half_close(connection: socket.socket) -> None:
        connection.sendall(b"done")
        connection.shutdown(socket.SHUT_WR)
        while data := connection.recv(65536):
            heard.extend(data)

    with Target(half_close) as target:
        session = opened(cloud, target)
        assert session.recv_exact(4, timeout=5) == b"done"
        assert session.wait_closed(5).code == 1000
        target.wait_ended()
    assert bytes(heard) == b"the last words"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("pings", ["25s", "100ms"])
def test_64_mib_each_way_at_the_same_time_arrive_unchanged(
        cloud: Cloud, make_device: Callable[..., Device], pings: str) -> None:
    device = make_device()
    device.own(f'keepalive.ping = "{pings}"\n')  # between the frames, both ways
    device.start()
    if pings != "25s":
        cloud.behaviour.ping_interval = 0.05
    size = 64 * MIB
    received: list[str] = []

    def both_ways(connection: socket.socket) -> None:
        writer = threading.Thread(target=say_and_leave(random_chunks(size, 11)),
                                  args=(connection,), daemon=True)
        writer.start()
        received.append(receive_digest(connection, size))
        writer.join(60)

    with Target(both_ways) as target:
        session = opened(cloud, target)
        with ThreadPoolExecutor() as pool:
            sent = pool.submit(session.send_random, size, timeout=90)
            assert session.recv_digest(size, timeout=90) == digest(random_chunks(size, 11))
            target.wait_ended(timeout=60)
    assert received == [sent.result()]
    assert session.largest_message_in <= 16 * 1024


@pytest.mark.timeout(120)
def test_one_message_of_64_mib_streams_through_without_growth(
        cloud: Cloud, device: Device) -> None:
    size = 64 * MIB
    received: list[str] = []
    with Target(lambda one: received.append(receive_digest(one, size))) as target:
        session = established(cloud, target)
        forwarder = device.process("forwarder")
        forwarder.reset_peak_memory()
        before = forwarder.memory("VmHWM")
        peak: list[int] = []
        done = threading.Event()

        def watch() -> None:
            while not done.wait(0.05):
                try:
                    peak.append(forwarder.memory("VmHWM"))
                except LookupError:
                    return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        sent = session.send_message(size, timeout=90)
        target.wait_ended(timeout=60)
        done.set()
    assert received == [sent]
    assert max(peak) - before < 2 * MIB


@pytest.mark.parametrize(("behaviour", "size"), [
    pytest.param(Behaviour(message_size=1), 3_000, id="messages of one byte"),
    pytest.param(Behaviour(fragment_size=100), 100_000, id="continuation frames, pings between"),
    pytest.param(Behaviour(message_size=1_000_000), 3_000_000, id="messages of a megabyte"),
    pytest.param(Behaviour(ping_interval=0.01), 3_000_000, id="a ping every 10 ms"),
])
def test_any_framing_of_the_cloud_is_one_stream_of_bytes(
        cloud: Cloud, device: Device, behaviour: Behaviour, size: int) -> None:
    cloud.behaviour = behaviour
    received: list[str] = []
    with Target(lambda one: received.append(receive_digest(one, size))) as target:
        sent = opened(cloud, target).send_random(size, timeout=30)
        target.wait_ended(timeout=30)
    assert received == [sent]


def test_text_messages_are_bytes_too(cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        session = opened(cloud, target)
        session.send_text("as text")
        assert session.recv_exact(7, timeout=5) == b"as text"
        assert session.text_messages_in == 0


def test_pings_are_answered_with_their_payload(cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        session = opened(cloud, target)
        for payload in (b"", b"are you there", bytes(range(125))):
            assert session.ping(payload, timeout=5) == payload


def test_short_requests_and_answers_are_not_held_back(cloud: Cloud, device: Device) -> None:
    """Nagle's algorithm against delayed acknowledgements costs 40 ms a turn (facts/traps.md)."""
    with Target(echo) as target:
        session = opened(cloud, target)
        started = time.monotonic()
        for _ in range(50):
            session.send(b"x" * 40_000)  # several writes: the last one is what Nagle holds back
            session.recv_exact(40_000, timeout=5)
        assert time.monotonic() - started < 50 * 0.030


def test_a_small_receive_window_of_the_cloud_loses_nothing(cloud: Cloud, device: Device) -> None:
    cloud.behaviour.connections = [Connection(receive_buffer=65_536)]
    with Target(say_and_leave(random_chunks(2 * MIB, 51))) as target:
        session = opened(cloud, target)
        assert session.recv_digest(2 * MIB, timeout=30) == digest(random_chunks(2 * MIB, 51))
        assert session.wait_closed(5).code == 1000


def test_a_silent_pair_of_ends_costs_no_processor_time(cloud: Cloud, device: Device) -> None:
    with Target(wait_for_end) as target:
        established(cloud, target)
        device.mapper.wait_runs()[0].finish()
        left = [device.process("session"), device.process("forwarder")]
        before = sum(process.cpu_seconds() for process in left)
        time.sleep(2)
        assert sum(process.cpu_seconds() for process in left) - before < 0.1


@pytest.mark.parametrize("then", ["close", "reset", "drop"])
def test_an_end_right_after_the_101_is_an_end_and_no_hang(
        cloud: Cloud, device: Device, then: Literal["close", "reset", "drop"]) -> None:
    cloud.behaviour.upgrade = Upgrade(then=then)
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        operation.wait_final(10)  # both is true: it was connected, and it is over
        device.mapper.wait_runs()[0].finish()
        target.wait_ended()
    assert len(operation.statuses) == 3
