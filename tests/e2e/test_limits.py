# SPDX-License-Identifier: Apache-2.0
"""Idle, duration and keepalive: sessions end although neither end leaves."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from cloud import Cloud, Connection
from cloud.unplugged import can_unplug, plug_in, unplug

from .harness.device import Device
from .harness.expect import check_carries, established, opened
from .harness.targets import (Target, digest, echo, random_chunks, receive_digest,
                              say_and_leave, wait_for_end)
from .harness.waiting import wait_until


@pytest.fixture
def limited(make_device: Callable[..., Device]) -> Callable[[str], Device]:
    def make(own: str) -> Device:
        device = make_device()
        device.own(own)
        return device.start()

    return make


def test_an_idle_session_ends(cloud: Cloud, limited: Callable[[str], Device]) -> None:
    device = limited('limits.idle = "2s"\nkeepalive.ping = "1s"\n')  # pings are no activity
    with Target(echo) as target:
        session = established(cloud, target)
        for _ in range(6):  # a busy one does not
            time.sleep(0.5)
            check_carries(session)
        quiet = time.monotonic()
        closed = session.wait_closed(5)
        assert 1.7 < closed.time - quiet < 3
        assert (closed.code, closed.by) == (1001, "device")
        target.wait_ended()
        device.journal.wait_for("ended by this device .*limits.idle")


def test_a_session_ends_at_its_longest_duration(
        cloud: Cloud, limited: Callable[[str], Device]) -> None:
    device = limited('limits.duration = "1s"\n')
    with Target(echo) as target:
        session = established(cloud, target)
        since = time.monotonic()
        closed = session.wait_closed(5)
        assert 0.7 < closed.time - since < 2
        assert closed.code == 1001
        target.wait_ended()
        device.journal.wait_for("ended by this device .*limits.duration")


def test_a_cloud_that_falls_silent_is_given_up(
        cloud: Cloud, limited: Callable[[str], Device]) -> None:
    device = limited('keepalive.ping = "1s"\nkeepalive.timeout = "2s"\n')
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        time.sleep(3)  # pings and pongs keep it alive
        assert session.closed is None
        assert session.device_pings
        session.freeze()
        silent = time.monotonic()
        target.wait_ended(timeout=5)
        assert time.monotonic() - silent < 4
        device.journal.wait_for("ended by")


def test_a_cloud_that_does_not_answer_pings_but_sends_is_alive(
        cloud: Cloud, limited: Callable[[str], Device]) -> None:
    limited('keepalive.ping = "1s"\nkeepalive.timeout = "2s"\n')
    cloud.behaviour.answer_pings = False
    with Target(echo) as target:
        session = established(cloud, target)
        for _ in range(6):
            time.sleep(0.5)
            check_carries(session)


SIZE = 24 << 20  # more than all the buffers between the two ends


def test_an_operator_who_pauses_is_no_dead_cloud(
        cloud: Cloud, limited: Callable[[str], Device]) -> None:
    """A client in the background: nothing is read, but the cloud is there and pings."""
    limited('keepalive.ping = "1s"\nkeepalive.timeout = "2s"\n')
    with Target(say_and_leave(random_chunks(SIZE, 61))) as target:
        session = opened(cloud, target)
        session.stop_reading()
        for _ in range(20):
            session.send_raw(b"\x89\x00")
            time.sleep(0.2)
        session.resume_reading()
        assert session.recv_digest(SIZE, timeout=30) == digest(random_chunks(SIZE, 61))


def test_an_operator_who_pauses_is_no_dead_cloud_when_all_that_waits_is_in_the_kernel(
        cloud: Cloud, limited: Callable[[str], Device]) -> None:
    """Our pings wait behind it, so nobody answers them. The same on a thin line after a burst."""
    device = limited('keepalive.ping = "300ms"\nkeepalive.timeout = "1s"\n')
    cloud.behaviour.connections = [Connection(receive_buffer=8192)]
    burst = b"".join(random_chunks(600_000, 62))

    def talk(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(burst)
        wait_for_end(connection)

    with Target(talk) as target:
        session = established(cloud, target)
        session.stop_reading()
        session.send(b"!")
        time.sleep(2)
        session.resume_reading()
        some = 450_000  # more than the cloud itself held; the rest takes its small window long
        assert session.recv_exact(some, timeout=20) == burst[:some]
        assert "ended by" not in device.journal.text


def test_a_target_that_pauses_is_no_dead_target_and_no_silent_cloud(
        cloud: Cloud, limited: Callable[[str], Device]) -> None:
    """A printer without paper. Nothing is read from the cloud meanwhile, its pongs neither."""
    limited('keepalive.ping = "1s"\nkeepalive.timeout = "2s"\n')
    received: list[str] = []

    def pausing(connection: socket.socket) -> None:
        time.sleep(4)
        received.append(receive_digest(connection, SIZE))

    with Target(pausing, receive_buffer=8192) as target:
        session = established(cloud, target)
        sent = session.send_random(SIZE, timeout=30)
        target.wait_ended(timeout=20)
    assert received == [sent]


def test_a_cloud_that_resets_does_not_wait_for_a_target_that_pauses(
        cloud: Cloud, limited: Callable[[str], Device]) -> None:
    device = limited('limits.drain = "1s"\n')
    with Target(lambda _connection: time.sleep(20), receive_buffer=8192) as target:
        session = established(cloud, target)
        with pytest.raises(TimeoutError):
            session.send_random(64 << 20, timeout=2)
        session.abort()
        wait_until(lambda: not device.processes(), 4, "the end of the session")


CABLE = pytest.mark.skipif(not can_unplug(), reason="no filter may be put on a socket here")
UNACKNOWLEDGED = 'keepalive.ping = "200ms"\nkeepalive.timeout = "1s"\nlimits.drain = "1s"\n'


@CABLE
@pytest.mark.parametrize("end", ["cloud", "target"])
def test_an_end_that_acknowledges_nothing_any_more_is_given_up(
        cloud: Cloud, limited: Callable[[str], Device], end: str,
        patient: Callable[[float], float]) -> None:
    """A pulled cable: no end of stream, no reset, and what was sent is owed an acknowledgement."""
    device = limited(UNACKNOWLEDGED)
    flood = say_and_leave(random_chunks(SIZE, 71))
    with Target(flood if end == "cloud" else wait_for_end) as target:
        session = opened(cloud, target)
        if end == "cloud":
            session.unplug()
        else:
            unplug(target.wait_connection())
            session.send(b"is anybody there?")
        wait_until(lambda: not device.processes(), patient(4), "the end of the session")
        code = {"cloud": "1006", "target": "1011"}[end]
        device.journal.wait_for(
            rf"ended by the {end} \(close code {code}, nothing (received|acknowledged) for 1s\)")


@CABLE
def test_after_a_long_pause_an_end_may_be_slow_to_acknowledge(
        cloud: Cloud, limited: Callable[[str], Device]) -> None:
    """The last acknowledgement is then older than keepalive.timeout, but none has been owed for so
    long: a network that loses a packet or two is no dead target."""
    limited(UNACKNOWLEDGED)
    with Target(echo) as target:
        session = established(cloud, target)
        check_carries(session)
        time.sleep(1.5)
        connection = target.wait_connection()
        unplug(connection)
        session.send(b"after a pause")
        time.sleep(0.5)
        plug_in(connection)
        assert session.recv_exact(13, timeout=5) == b"after a pause"
