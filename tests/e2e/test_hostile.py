# SPDX-License-Identifier: Apache-2.0
"""A cloud that lies once the session stands: what is no WebSocket ends it with the code for it, in
the record too; what merely costs patience costs no memory. Lying answers to the upgrade request
are in test_failures, lying targets in test_data and test_backpressure."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import check_carries, established
from .harness.targets import Target, echo, wait_for_end

MIB = 1 << 20
GIB = 1 << 30


def announced(length: int, first: int = 0x82) -> bytes:
    """The head of a frame that says `length` follows."""
    return struct.pack("!BBQ", first, 127, length)


def closing(code: int, reason: bytes = b"") -> bytes:
    return b"\x88" + bytes([2 + len(reason)]) + code.to_bytes(2, "big") + reason


@dataclass
class Breach:
    frames: bytes
    code: int  # of our close frame


BREACHES = {
    "a masked frame": Breach(b"\x82\x83\x01\x02\x03\x04abc", 1002),
    "reserved bits": Breach(b"\xf2\x03abc", 1002),
    "an unknown opcode": Breach(b"\x83\x03abc", 1002),
    "an unknown control opcode": Breach(b"\x8b\x00", 1002),
    "a continuation of nothing": Breach(b"\x80\x03abc", 1002),
    "a message within a message": Breach(b"\x02\x01a\x82\x01b", 1002),
    "a ping of 126 bytes": Breach(b"\x89\x7e\x00\x7e" + b"p" * 126, 1002),
    "a ping in parts": Breach(b"\x09\x00", 1002),
    "a close frame of one byte": Breach(b"\x88\x01x", 1002),
    "a close code nobody may send": Breach(closing(1005), 1002),
    "a close code below 1000": Breach(closing(999), 1002),
    "a close reason that is no UTF-8": Breach(closing(1000, b"\xff\xfe"), 1002),
    "text that is no UTF-8": Breach(b"\x81\x02\xc3\x28", 1007),
    "a short length in the long form": Breach(b"\x82\x7e\x00\x03abc", 1002),
    "a length of 2^63": Breach(announced(1 << 63), 1009),
    "a length of 2^64 - 1": Breach(announced((1 << 64) - 1), 1009),
    "a frame of 4 GiB": Breach(announced(4 * GIB), 1009),
    "continuations whose lengths wrap": Breach(
        b"\x02\x03abc" + announced((1 << 64) - 2, first=0x80), 1009),
}


@pytest.mark.parametrize("breach", [
    pytest.param(breach, id=name) for name, breach in BREACHES.items()])
def test_what_is_no_websocket_ends_the_session_with_the_code_for_it(
        cloud: Cloud, device: Device, breach: Breach) -> None:
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        session.send_raw(breach.frames)
        assert session.wait_closed(5).code == breach.code
        target.wait_ended()
    device.journal.wait_for(rf"ended by the cloud \(close code {breach.code}, ours, it broke the")


@pytest.mark.release_only  # a sanitizer's own memory is not ours
@pytest.mark.parametrize("begun", [announced(GIB), announced(GIB, first=0x02)],
                         ids=["a message", "a fragment"])
def test_a_gigabyte_announced_and_never_sent_costs_nothing(
        cloud: Cloud, device: Device, begun: bytes) -> None:
    with Target(echo) as target:
        session = established(cloud, target)
        forwarder = device.process("forwarder")
        before = forwarder.memory("VmRSS")
        session.send_raw(begun + b"its first bytes")
        assert session.recv_exact(15, timeout=5) == b"its first bytes"
        assert forwarder.memory("VmRSS") - before < MIB
        session.drop()
        target.wait_ended()


def flood(frame: bytes, count: int) -> Callable[[], bytes]:
    return lambda: frame * count


@pytest.mark.release_only  # a sanitizer's own memory is not ours
@pytest.mark.parametrize("flood", [
    flood(b"\x89\x7d" + b"p" * 125, 200_000), flood(b"\x8a\x00", 1_000_000),
    flood(b"\x82\x00", 1_000_000), flood(b"\x02\x00" + b"\x00\x00" * 100 + b"\x80\x00", 5_000)],
    ids=["pings", "pongs", "empty messages", "empty fragments"])
def test_a_flood_without_payload_costs_no_memory_and_ends_nothing(
        cloud: Cloud, device: Device, flood: Callable[[], bytes]) -> None:
    with Target(echo) as target:
        session = established(cloud, target)
        forwarder = device.process("forwarder")
        forwarder.reset_peak_memory()
        before = forwarder.memory("VmHWM")
        session.send_raw(flood(), timeout=20)
        check_carries(session)
        assert forwarder.memory("VmHWM") - before < MIB
