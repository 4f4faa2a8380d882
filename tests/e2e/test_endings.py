# SPDX-License-Identifier: Apache-2.0
"""However a session ends: all that was sent arrives, or the record says what did not; and the
journal's line and thin-edge's event count the bytes that the two ends counted."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import socket
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from cloud import Cloud, Connection, Mosquitto, Session

from .harness.device import Device
from .harness.events import Events, listening
from .harness.expect import established
from .harness.targets import Target, digest, random_chunks

MIB = 1 << 20
SIZE = 16 * MIB
SEED_UP, SEED_DOWN = 71, 72
ENDLESS = 1 << 40

pytestmark = pytest.mark.timeout(120)  # a busy machine makes it slow, not wrong


@pytest.fixture
def events(broker: Mosquitto) -> Iterator[Events]:
    with listening(broker.address) as heard:
        yield heard


@pytest.fixture
def cloud(cloud: Cloud) -> Cloud:
    """A patient one: it would cut off what a slow device, or a busy machine, is late to take."""
    cloud.behaviour.close_timeout = 100
    cloud.behaviour.connection = Connection(farewell=100)
    return cloud


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def beginning(count: int, seed: int) -> Iterator[bytes]:
    """`random_chunks` ends differently where the size is no multiple of four."""
    for chunk in random_chunks(count + 3 & ~3, seed):
        yield chunk[:count]
        count -= len(chunk)


class End:
    """What one end has heard."""

    def __init__(self, pause: float) -> None:
        self.pause = pause  # seconds after each read
        self.bytes = 0
        self._hash = hashlib.sha256()

    def hear(self, data: bytes) -> None:
        self._hash.update(data)
        self.bytes += len(data)
        time.sleep(self.pause)

    def check_heard(self, count: int, seed: int) -> None:
        """The first `count` bytes of those with this seed, all of them and in order."""
        assert self.bytes == count
        assert self._hash.hexdigest() == digest(beginning(count, seed))


class TargetEnd(End):
    """Says `size` bytes and shuts down its writing; listens until the other side has ended."""

    def __init__(self, size: int, pause: float = 0, *, closes: bool = False) -> None:
        super().__init__(pause)
        self.size, self.closes = size, closes
        self.may_listen = threading.Event()
        self.may_listen.set()

    def __call__(self, connection: socket.socket) -> None:
        connection.settimeout(60)
        writer = threading.Thread(target=self._say, args=(connection,), daemon=True)
        writer.start()
        if not self.closes:
            self.may_listen.wait(60)
            while data := connection.recv(65536):
                self.hear(data)
        writer.join(60)

    def _say(self, connection: socket.socket) -> None:
        try:
            for chunk in random_chunks(self.size, SEED_UP):
                connection.sendall(chunk)
            if self.size and not self.closes:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other side has ended the session: what it took is what counts


class CloudEnd(End):
    def __init__(self, session: Session, pause: float = 0) -> None:
        super().__init__(pause)
        self.session = session

    def listen(self) -> None:
        while data := self.session.recv_some(timeout=60):
            self.hear(data)

    def say(self, size: int) -> None:
        """As much as goes out before the session's end."""
        try:
            for chunk in random_chunks(size, SEED_DOWN):
                self.session.send(chunk, timeout=60)
        except OSError:
            assert self.session.bytes_out < size


def slow(receive_buffer: int = 16_384) -> dict[str, int]:
    return {"receive_buffer": receive_buffer}


def check_account(device: Device, events: Events, who: str, to_cloud: int, to_target: int,
                  undelivered: str = "") -> None:
    """The record, which is the same in both places."""
    line = device.journal.wait_for(
        r"ended by ([^:]+): (\d+) bytes to the cloud, (\d+) bytes to the target, [\d.]+ s(.*)", 30)
    assert line[1].startswith(who), line[0]
    assert (int(line[2]), int(line[3])) == (to_cloud, to_target), line[0]
    said = events.wait(timeout=20)[0].details
    assert said["endedBy"] == line[1]
    assert (said["bytesToCloud"], said["bytesToTarget"]) == (to_cloud, to_target)
    assert line[4] == (f"; {said['undelivered']}" if undelivered else "")
    assert undelivered in said.get("undelivered", "")


PAUSES = [pytest.param(0, id="quick"), pytest.param(0.004, id="slow")]


@pytest.mark.parametrize("pause", PAUSES)
def test_a_target_that_closes_after_16_mib_at_once(
        cloud: Cloud, device: Device, events: Events, pause: float) -> None:
    with Target(TargetEnd(SIZE, closes=True)) as target:
        operator = CloudEnd(established(cloud, target), pause * 5)
        operator.listen()
        closed = operator.session.wait_closed(5)
    assert (closed.code, closed.by) == (1000, "device")
    operator.check_heard(SIZE, SEED_UP)
    check_account(device, events, "the target (close code 1000)", SIZE, 0)


@pytest.mark.parametrize("pause", PAUSES)
@pytest.mark.parametrize("how", ["close frame", "FIN alone"])
def test_a_cloud_that_ends_after_16_mib_at_once(
        cloud: Cloud, device: Device, events: Events, how: str, pause: float) -> None:
    listener = TargetEnd(0, pause)
    with Target(listener, **(slow(65_536) if pause else {})) as target:
        operator = CloudEnd(established(cloud, target))
        operator.say(SIZE)
        if how == "close frame":
            operator.session.close(1000, timeout=60)
        else:
            operator.session.drop()
        target.wait_ended(timeout=60)
    listener.check_heard(SIZE, SEED_DOWN)
    who = "the cloud (close code 1000)" if how == "close frame" else "the cloud (close code 1006"
    check_account(device, events, who, 0, SIZE)


@pytest.mark.parametrize("pauses", [
    pytest.param((0, 0), id="both quick"), pytest.param((0.02, 0), id="slow cloud"),
    pytest.param((0, 0.004), id="slow target"), pytest.param((0.02, 0.004), id="both slow")])
def test_both_say_16_mib_and_end(
        cloud: Cloud, device: Device, events: Events, pool: ThreadPoolExecutor,
        pauses: tuple[float, float]) -> None:
    """The first end that the device sees counts; what either had sent before it arrives."""
    service = TargetEnd(SIZE, pauses[1])
    with Target(service, **(slow(65_536) if pauses[1] else {})) as target:
        operator = CloudEnd(established(cloud, target), pauses[0])
        listening_: Future[None] = pool.submit(operator.listen)
        operator.say(SIZE)
        operator.session.close(1000, timeout=60)
        listening_.result(60)
        target.wait_ended(timeout=60)
    service.check_heard(operator.session.bytes_out, SEED_DOWN)
    operator.check_heard(operator.bytes, SEED_UP)  # in order and nothing else, up to its end
    check_account(device, events, "the ", operator.bytes, operator.session.bytes_out)


@pytest.mark.parametrize("pauses", [
    pytest.param((0, 0), id="both quick"), pytest.param((0.02, 0), id="slow cloud"),
    pytest.param((0, 0.004), id="slow target")])
def test_a_target_that_shuts_down_its_writing_while_the_cloud_sends(
        cloud: Cloud, device: Device, events: Events, pool: ThreadPoolExecutor,
        pauses: tuple[float, float]) -> None:
    service = TargetEnd(SIZE, pauses[1])
    with Target(service, **(slow(65_536) if pauses[1] else {})) as target:
        operator = CloudEnd(established(cloud, target), pauses[0])
        saying: Future[None] = pool.submit(operator.say, ENDLESS)
        operator.listen()
        closed = operator.session.wait_closed(5)
        saying.result(60)
        target.wait_ended(timeout=60)
    assert (closed.code, closed.by) == (1000, "device")
    operator.check_heard(SIZE, SEED_UP)
    service.check_heard(operator.session.bytes_out, SEED_DOWN)
    assert service.bytes > 0
    check_account(device, events, "the target (close code 1000)", SIZE, service.bytes)


def test_a_cloud_that_resets_while_a_slow_target_is_behind(
        cloud: Cloud, make_device: Callable[..., Device], events: Events) -> None:
    """As one that does not get its close frame answered in time: what it takes back is gone, and
    the record counts what the target has got."""
    device = make_device()
    device.own('limits.drain = "60s"\n')
    device.start()
    cloud.behaviour.close_timeout = 0.2
    service = TargetEnd(0, 0.01)
    with Target(service, **slow()) as target:
        operator = CloudEnd(established(cloud, target))
        operator.say(SIZE // 2)
        operator.session.close(1000, timeout=60)
        target.wait_ended(timeout=60)
    assert 0 < service.bytes < SIZE // 2
    service.check_heard(service.bytes, SEED_DOWN)
    check_account(device, events, "the cloud (close code 1006", 0, service.bytes)


class Vanishing:
    """Says as much as is taken, hears nothing, and is gone: its kernel resets the connection."""

    def __init__(self) -> None:
        self.arrived = 0  # at the device's kernel
        self.full, self.may_go = threading.Event(), threading.Event()

    def __call__(self, connection: socket.socket) -> None:
        connection.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            for chunk in random_chunks(ENDLESS, SEED_UP):
                while chunk:
                    taken = connection.send(chunk)
                    sent, chunk = sent + taken, chunk[taken:]
        self.full.set()
        self.may_go.wait(20)
        waiting = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))
        self.arrived = sent - int.from_bytes(waiting, sys.byteorder)


@pytest.mark.parametrize("pause", PAUSES)
@pytest.mark.parametrize("types", ["on", "no more"])
def test_a_target_that_is_gone_while_a_cloud_is_behind(
        cloud: Cloud, device: Device, events: Events, types: str, pause: float) -> None:
    """What it had said is in the device's kernel still."""
    service = Vanishing()
    with Target(service) as target:
        operator = CloudEnd(established(cloud, target), pause * 5)
        operator.session.stop_reading()
        assert service.full.wait(20)
        operator.session.send(b"exit")  # unread by the target
        time.sleep(0.3)
        service.may_go.set()
        target.wait_ended()
        if types == "on":
            operator.session.send(b"anybody there?")
        time.sleep(1)
        operator.session.resume_reading()
        operator.listen()
    assert operator.bytes >= service.arrived
    operator.check_heard(operator.bytes, SEED_UP)
    check_account(device, events, "the target (close code 1011", operator.bytes, len(b"exit"))


def test_what_a_target_does_not_take_in_time_is_told_and_counted(
        cloud: Cloud, make_device: Callable[..., Device], events: Events,
        pool: ThreadPoolExecutor) -> None:
    device = make_device()
    device.own('limits.duration = "1s"\nlimits.drain = "200ms"\n')
    device.start()
    service = TargetEnd(0)
    service.may_listen.clear()
    with Target(service, **slow()) as target:
        operator = CloudEnd(established(cloud, target))
        saying: Future[None] = pool.submit(operator.say, ENDLESS)
        device.journal.wait_for("ended by this device", 20)
        service.may_listen.set()  # what the kernel has taken over is still delivered
        target.wait_ended(timeout=30)
        saying.result(30)
    service.check_heard(service.bytes, SEED_DOWN)
    assert operator.session.bytes_out > service.bytes
    check_account(device, events, "this device (limits.duration reached)", 0, service.bytes,
                  "bytes more for the target not taken in time (limits.drain)")


def test_what_a_cloud_does_not_take_in_time_is_told_or_there_is_nothing_to_tell(
        cloud: Cloud, make_device: Callable[..., Device], events: Events) -> None:
    device = make_device()
    device.own('limits.duration = "1s"\nlimits.drain = "200ms"\n')
    device.start()
    with Target(TargetEnd(64 * MIB)) as target:
        operator = CloudEnd(established(cloud, target))
        operator.session.stop_reading()
        device.journal.wait_for("ended by this device", 20)
        operator.session.resume_reading()
        operator.listen()
        said = events.wait()[0].details
    operator.check_heard(operator.bytes, SEED_UP)
    lost = said["bytesToCloud"] - operator.bytes
    # Counted when they go into the forwarder's own buffer, of which the kernel may have taken all.
    assert 0 <= lost < 80 * 1024
    assert lost == 0 or said["undelivered"] == (
        "the last of those to the cloud not taken in time (limits.drain)")
    check_account(device, events, "this device (limits.duration reached)", said["bytesToCloud"], 0,
                  said.get("undelivered", ""))
