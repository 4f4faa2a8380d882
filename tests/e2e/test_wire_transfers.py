# SPDX-License-Identifier: Apache-2.0
"""Bytes over a bad wire. One that is long, thin or cut into single bytes loses none of them; one
that is reset in mid-transfer delivers what came over it, in order, and the journal counts that."""

from __future__ import annotations

import contextlib
import getpass
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import SUCCESS, opened
from .harness.operator_port import OperatorPort
from .harness.services import ssh_server
from .harness.targets import (Target, digest, random_chunks, receive_digest, say_and_leave,
                              wait_for_end)
from .harness.toxiproxy import Toxiproxy, Wire
from .harness.waiting import wait_until
from .test_services import run

KIB, MIB = 1 << 10, 1 << 20
BAD = {  # the fault, and how many bytes each way take a second or two
    "300 ms +- 100 each way": (lambda wire: wire.latency(300, 100), MIB),
    "32 kB/s": (lambda wire: wire.bandwidth(32), 48 * KIB),
    "single bytes": (lambda wire: wire.slices(1), 16 * KIB),
}
BAD_WIRES = pytest.mark.parametrize(("spoil", "size"), [
    pytest.param(*case, id=name) for name, case in BAD.items()])
SIDES = pytest.mark.parametrize("side", ["cloud", "target"])


@pytest.fixture
def wired(toxiproxy: Toxiproxy, cloud: Cloud,
          make_device: Callable[..., Device]) -> Callable[..., tuple[Device, Wire]]:
    """A device, started, and the wire to its cloud or to this target."""

    def make(side: str, target: Target, own: str = "") -> tuple[Device, Wire]:
        wire = toxiproxy.wire(cloud.port if side == "cloud" else target.port)
        device = make_device()
        if side == "cloud":
            device.settings["c8y.http"] = f"127.0.0.1:{wire.port}"
        device.own(own)
        return device.start(), wire

    return make


def counted(device: Device, told: str) -> tuple[int, int]:
    """How many bytes went to the cloud and to the target, by the journal."""
    match = device.journal.wait_for(
        rf"ended by {told}: (\d+) bytes to the cloud, (\d+) bytes to the target, ")
    return int(match[1]), int(match[2])


@SIDES
@BAD_WIRES
def test_a_bad_wire_loses_no_byte_in_either_direction(
        cloud: Cloud, wired: Callable[..., tuple[Device, Wire]], side: str,
        spoil: Callable[[Wire], Wire], size: int) -> None:
    received: list[str] = []

    def both_ways(connection: socket.socket) -> None:
        writer = threading.Thread(target=say_and_leave(random_chunks(size, 81)),
                                  args=(connection,), daemon=True)
        writer.start()
        received.append(receive_digest(connection, size))
        writer.join(20)
        wait_for_end(connection)

    with Target(both_ways) as target:
        device, wire = wired(side, target)
        spoil(wire)
        session = opened(cloud, wire if side == "target" else target)
        with ThreadPoolExecutor() as pool:
            sent = pool.submit(session.send_random, size, timeout=20)
            assert session.recv_digest(size, timeout=20) == digest(random_chunks(size, 81))
            wait_until(lambda: received, 20, "all bytes at the target")
        closed = session.close()
        assert (closed.code, closed.by, closed.answered) == (1000, "cloud", True)
        target.wait_ended()
    assert received == [sent.result()]
    assert counted(device, r"the cloud \(close code 1000\)") == (size, size)
    assert session.operation.statuses == SUCCESS


@BAD_WIRES
def test_what_a_target_says_before_it_leaves_comes_over_a_bad_wire_to_the_cloud(
        cloud: Cloud, wired: Callable[..., tuple[Device, Wire]], spoil: Callable[[Wire], Wire],
        size: int) -> None:
    with Target(say_and_leave(random_chunks(size, 82))) as target:
        device, wire = wired("cloud", target)
        spoil(wire)
        session = opened(cloud, target)
        assert session.recv_digest(size, timeout=20) == digest(random_chunks(size, 82))
        closed = session.wait_closed()
        assert (closed.code, closed.by) == (1000, "device")
    assert counted(device, r"the target \(close code 1000\)") == (size, 0)
    assert session.operation.statuses == SUCCESS


def test_ssh_runs_a_command_over_a_long_wire(
        tmp_path: Path, cloud: Cloud, toxiproxy: Toxiproxy, make_device: Callable[..., Device],
        patient: Callable[[float], float]) -> None:
    wire = toxiproxy.wire(cloud.port).latency(300, 100)
    device = make_device()
    device.settings["c8y.http"] = f"127.0.0.1:{wire.port}"
    device.start()
    with (ssh_server(tmp_path / "sshd") as sshd,
          OperatorPort(cloud, "127.0.0.1", sshd.port) as operator):
        login = f"{getpass.getuser()}@127.0.0.1"
        assert run([*sshd.client("ssh", operator.port), login, "echo over there"],
                   timeout=30) == b"over there\n"
        assert operator.sessions[0].operation.wait_final(5) == "SUCCESSFUL"
    # A round trip for TLS, one for the request and its answer; the wire's TCP connects at once.
    took = int(device.journal.wait_for(r"established: .* after (\d+) ms")[1])
    assert 4 * 200 <= took < 4 * 400 + patient(300)


def test_a_wire_that_takes_nothing_any_more_holds_a_session_until_limits_idle(
        cloud: Cloud, wired: Callable[..., tuple[Device, Wire]]) -> None:
    """Its window is closed while its kernel answers: a pause, as far as anybody can know."""
    own = 'keepalive.ping = "300ms"\nkeepalive.timeout = "1s"\nlimits.drain = "1s"\n'
    with Target(say_and_leave(random_chunks(64 * MIB, 84))) as target:
        device, wire = wired("cloud", target, own + 'limits.idle = "2s"\n')
        session = opened(cloud, target)
        wire.stalls()
        since = time.monotonic()
        wait_until(lambda: not device.processes(), 8, "the end of the session")
        assert time.monotonic() - since > 2
    counted(device, r"this device \(limits.idle reached\)")
    assert session.operation.statuses == SUCCESS


CUT_AFTER = 300_000  # bytes of the wire
WORDS = b"".join(random_chunks(MIB, 83))
RESETS = pytest.mark.parametrize(("side", "told", "code"), [
    ("cloud", r"the cloud \(close code 1006, Connection reset by peer\)", 1006),
    ("target", r"the target \(close code 1011, Connection reset by peer\)", 1011),
], ids=["wire to the cloud", "wire to the target"])


@RESETS
def test_a_reset_while_the_target_sends(
        cloud: Cloud, wired: Callable[..., tuple[Device, Wire]], side: str, told: str,
        code: int) -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(1)  # not before the session stands
        connection.sendall(WORDS)
        wait_for_end(connection)

    with Target(talk) as target:
        device, wire = wired(side, target)
        wire.resets().ends_after(CUT_AFTER, "up" if side == "cloud" else "down")
        session = opened(cloud, wire if side == "target" else target)
        session.send(b"!")
        heard = session.recv_until_close(10)
        sent = counted(device, told)[0]
    assert WORDS.startswith(heard) and heard
    # A reset destroys what was sent and is still on its way.
    assert len(heard) == sent if side == "target" else len(heard) <= sent
    assert session.wait_closed(2).code == code
    assert session.operation.statuses == SUCCESS


@RESETS
def test_a_reset_while_the_cloud_sends(
        cloud: Cloud, wired: Callable[..., tuple[Device, Wire]], side: str, told: str,
        code: int) -> None:
    heard = bytearray()

    def listen(connection: socket.socket) -> None:
        while data := connection.recv(65536):
            heard.extend(data)

    with Target(listen) as target:
        device, wire = wired(side, target)
        wire.resets().ends_after(CUT_AFTER, "down" if side == "cloud" else "up")
        session = opened(cloud, wire if side == "target" else target)
        with contextlib.suppress(ConnectionError):
            session.send(WORDS)
        target.wait_ended()
        assert bool(target.errors) == (side == "target")  # the other way: an end of stream
        sent = counted(device, told)[1]
    assert WORDS.startswith(heard) and heard
    assert len(heard) == sent if side == "cloud" else len(heard) <= sent
    assert session.wait_closed(2).code == code
    assert session.operation.statuses == SUCCESS
