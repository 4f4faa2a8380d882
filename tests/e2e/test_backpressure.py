# SPDX-License-Identifier: Apache-2.0
"""Whoever does not read stops whoever writes, and nobody stores what is between them."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from cloud import Cloud, Session

from .harness.device import Device
from .harness.expect import established
from .harness.targets import Target, digest, random_chunks, receive_digest
from .harness.waiting import wait_until

MIB = 1 << 20

# What sits between the two ends without being memory of ours: the sockets' buffers (auto-tuned up
# to 6 MiB of receive and 4 MiB of send buffer on each of two connections) and the cloud's.
BETWEEN = 32 * MIB


def flow(send: threading.Thread, moved: list[int]) -> int:
    """Waits until a sender stands still and says how much it got rid of."""
    last, still = -1, 0

    def stands() -> bool:
        nonlocal last, still
        still = still + 1 if moved[0] == last else 0
        last = moved[0]
        time.sleep(0.1)
        return still >= 5

    wait_until(stands, 30, "the sender to be stopped by back-pressure")
    assert send.is_alive(), "everything was taken although nobody reads"
    return moved[0]


@pytest.mark.parametrize("reader", ["target", "cloud"])
def test_a_reader_that_stops_stops_the_other_end_and_costs_no_memory(
        cloud: Cloud, device: Device, reader: str) -> None:
    size = 96 * MIB
    moved = [0]
    go_on = threading.Event()
    received: list[str] = []

    def stopped(connection: socket.socket) -> None:
        go_on.wait(40)
        received.append(receive_digest(connection, size))

    def talk(connection: socket.socket) -> None:
        go_on.wait(10)
        for chunk in random_chunks(size, 41):
            connection.sendall(chunk)
            moved[0] += len(chunk)

    def operate(session: Session) -> None:
        for chunk in random_chunks(size, 41):
            session.send(chunk, timeout=60)
            moved[0] += len(chunk)

    with Target(stopped if reader == "target" else talk) as target:
        session = established(cloud, target)
        forwarder = device.process("forwarder")
        before = forwarder.memory("VmRSS")
        if reader == "target":
            sender = threading.Thread(target=operate, args=(session,), daemon=True)
            sender.start()
        else:
            session.stop_reading()
            go_on.set()
            sender = threading.current_thread()
        assert flow(sender, moved) < BETWEEN
        assert forwarder.memory("VmRSS") - before < 2 * MIB
        # A stopped end must not cost the processor either.
        spent = forwarder.cpu_seconds()
        time.sleep(1)
        assert forwarder.cpu_seconds() - spent < 0.2
        if reader == "target":
            go_on.set()
            target.wait_ended(timeout=40)
        else:
            session.resume_reading()
            received.append(session.recv_digest(size, timeout=40))
    assert received == [digest(random_chunks(size, 41))]
