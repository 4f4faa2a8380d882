# SPDX-License-Identifier: Apache-2.0
"""Memory is a constant: whatever flows, or does not, the processes of a session stay as they are."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from cloud import Cloud, Session

from .harness.device import Device
from .harness.expect import established
from .harness.targets import Target, random_chunks, receive_digest
from .harness.waiting import wait_until

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
ALLOWED = 256 * KIB

pytestmark = pytest.mark.release_only  # a sanitizer's own memory is not ours


def anonymous(device: Device) -> int:
    return sum(process.memory("Pss_Anon", "smaps_rollup") for process in device.processes())


class Peak:
    """The largest of many looks at the session's processes."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._done = threading.Event()
        self.idle = anonymous(device)
        self.peak = self.idle
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._done.wait(0.02):
            try:
                self.peak = max(self.peak, anonymous(self._device))
            except (LookupError, OSError):
                return

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(5)


def one_message(session: Session, size: int) -> None:
    session.send_message(size, timeout=100)


def tiny_messages(session: Session, size: int) -> None:
    for _ in range(size):
        session.send_raw(b"\x82\x01x")


@pytest.mark.timeout(150)
@pytest.mark.parametrize(("send", "size"), [(one_message, 64 * MIB), (one_message, GIB),
                                            (tiny_messages, 5000)],
                         ids=["a message of 64 MiB", "a message of 1 GiB", "5000 tiny messages"])
def test_what_the_cloud_sends_costs_no_memory(
        cloud: Cloud, device: Device, send: Callable[[Session, int], None], size: int) -> None:
    received: list[str] = []
    with Target(lambda one: received.append(receive_digest(one, size))) as target:
        session = established(cloud, target)
        device.mapper.wait_runs()[0].finish()
        time.sleep(0.3)  # the last of connecting
        with Peak(device) as memory:
            send(session, size)
            target.wait_ended(timeout=60)
    assert len(received) == 1
    assert memory.peak - memory.idle <= ALLOWED


@pytest.mark.parametrize("reader", ["target", "cloud"])
def test_a_reader_that_stopped_costs_no_memory(
        cloud: Cloud, device: Device, reader: str) -> None:
    size = 64 * MIB
    over = threading.Event()

    def handler(connection: socket.socket) -> None:
        if reader == "target":
            over.wait(20)
            return
        connection.settimeout(3)
        try:
            for chunk in random_chunks(size, 7):
                connection.sendall(chunk)
        except TimeoutError:
            over.wait(20)

    with Target(handler, receive_buffer=8192 if reader == "target" else None) as target:
        session = established(cloud, target)
        if reader == "cloud":
            session.stop_reading()
        device.mapper.wait_runs()[0].finish()
        time.sleep(0.3)
        with Peak(device) as memory:
            if reader == "target":
                with pytest.raises(TimeoutError):
                    session.send_random(size, timeout=3)
            else:
                time.sleep(3)
        over.set()
        session.drop()
        wait_until(lambda: not device.processes(), 15, "the end of the session")
    assert memory.peak - memory.idle <= ALLOWED
