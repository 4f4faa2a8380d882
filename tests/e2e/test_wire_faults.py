# SPDX-License-Identifier: Apache-2.0
"""The wire to the cloud, or to the target, falls silent or is reset in each phase of a session: one
final status, an end in the time that the settings allow, and a journal that tells whose end it was.

What a cloud or a target does wrong itself is in test_failures; a connection that never stands
because the target does not answer, too.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from cloud import Cloud, Upgrade

from .harness.device import Device
from .harness.expect import SUCCESS, check_failure, established
from .harness.targets import Target, deaf_port, wait_for_end
from .harness.toxiproxy import Toxiproxy, Wire
from .harness.waiting import wait_until

CLOUD = "cloud 127.0.0.1:[0-9]+: "
NO_ANSWER = CLOUD + r"no answer within [12]s \(check the device's network and firewall\)$"
CUT_IN_HELLO = CLOUD + "ended the connection during the TLS handshake"
CUT_IN_ANSWER = "trying again: " + CLOUD + "ended the connection without an answer to the upgrade"
AMID_HELLO, AMID_ANSWER = 500, 60  # bytes of what the cloud says there
TRICKLE = 20_000  # microseconds from byte to byte: never ready, never silent

Act = Callable[[Wire], object]


def nothing(_wire: Wire) -> None:
    pass


@dataclass(frozen=True)
class Opening:
    """A wire to the cloud that is bad before the session stands."""

    reason: str
    first: Act = nothing
    asked: Act = nothing  # once the cloud has the request, 0.8 s before it answers
    journal: str = ""


OPENINGS = {
    "silence in the TLS hello": Opening(NO_ANSWER, lambda wire: wire.silence("down")),
    "silence amid the TLS hello": Opening(
        NO_ANSWER, lambda wire: wire.silent_after(AMID_HELLO, "down")),
    "silence after the request": Opening(NO_ANSWER, asked=lambda wire: wire.silence("down")),
    "silence amid the answer": Opening(
        NO_ANSWER, asked=lambda wire: wire.silent_after(AMID_ANSWER, "down")),
    "a TLS hello that trickles": Opening(NO_ANSWER, lambda wire: wire.slices(1, TRICKLE)),
    "an answer that trickles": Opening(NO_ANSWER, asked=lambda wire: wire.slices(1, TRICKLE)),
    "RST in the TLS hello": Opening(CUT_IN_HELLO, lambda wire: wire.resets().ends_after(1, "up")),
    "RST amid the TLS hello": Opening(
        CUT_IN_HELLO, lambda wire: wire.resets().ends_after(AMID_HELLO, "down")),
    "RST after the request, then refused": Opening(
        CLOUD + r"connection refused \(check c8y.http\)$", lambda wire: wire.resets(),
        lambda wire: wire.cut(), CUT_IN_ANSWER),
    "RST amid the answer": Opening(
        CUT_IN_HELLO, lambda wire: wire.resets(),
        lambda wire: wire.ends_after(AMID_ANSWER, "down"), CUT_IN_ANSWER),
    "end of stream amid the answer": Opening(
        CUT_IN_HELLO, asked=lambda wire: wire.ends_after(AMID_ANSWER, "down"),
        journal=CUT_IN_ANSWER),
}


def wait_gone(device: Device, within: float) -> None:
    wait_until(lambda: not device.processes(), within, "the end of all processes")


@pytest.mark.parametrize("case", [pytest.param(one, id=name) for name, one in OPENINGS.items()])
def test_a_wire_to_the_cloud_that_fails_before_the_session_stands(
        cloud: Cloud, toxiproxy: Toxiproxy, make_device: Callable[..., Device], case: Opening) -> None:
    """Tried again where the wire said something, and given up when limits.connect is over."""
    wire = toxiproxy.wire(cloud.port)
    device = make_device()
    device.settings["c8y.http"] = f"127.0.0.1:{wire.port}"
    limit = 1 if case.asked is nothing else 2
    device.own(f'limits.connect = "{limit}s"\n')
    device.start()
    case.first(wire)
    if case.asked is not nothing:
        cloud.behaviour.upgrade = Upgrade(delay=0.8)
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        if case.asked is not nothing:
            wait_until(lambda: cloud.upgrades, 5, "the request")
            case.asked(wire)
        run = device.mapper.wait_runs()[0]
        check_failure(operation, run, "^" + case.reason, limit + 1)
        assert run.end_of_file is not None and run.end_of_file >= limit
        target.wait_ended(timeout=1)
        assert len(target.connections) == 1
    wait_gone(device, 1)
    device.journal.wait_for(case.journal)


def test_a_cloud_whose_tcp_never_answers_is_given_up(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    with deaf_port() as port, Target(wait_for_end) as target:
        device = make_device()
        device.settings["c8y.http"] = f"127.0.0.1:{port}"
        device.own('limits.connect = "1s"\n')
        device.start()
        operation = cloud.create_operation("127.0.0.1", target.port)
        check_failure(operation, device.mapper.wait_runs()[0], NO_ANSWER, 2)
        target.wait_ended(timeout=1)


@dataclass(frozen=True)
class Fault:
    """Of a session that stands, on the wire to one of its ends."""

    end: str
    act: Act
    told: str  # by the journal
    within: tuple[float, float]  # seconds from the fault to the end of both processes
    own: str = ""
    before: Act = nothing
    code: int | None = None  # what the cloud is told
    target_leaves: bool = False
    cloud_leaves: bool = False


AT_ONCE = (0.0, 0.7)
LIVELY = 'keepalive.ping = "300ms"\nkeepalive.timeout = "1s"\n'
BRIEF = 'limits.drain = "1s"\n'
BY_CLOUD = r"ended by the cloud \(close code {}\)"
BY_TARGET = r"ended by the target \(close code {}\)"
IDLE = r"ended by this device \(limits.idle reached\)"

STANDING = {
    "silence of the cloud: keepalive.timeout": Fault(
        "cloud", lambda wire: wire.silence(), BY_CLOUD.format("1006, nothing received for 1s"),
        (0.6, 2.2), LIVELY),
    "silence of the cloud in one direction: keepalive.timeout": Fault(
        "cloud", lambda wire: wire.silence("up"), BY_CLOUD.format("1006, nothing received for 1s"),
        (0.6, 2.2), LIVELY),
    "RST of the cloud": Fault(
        "cloud", lambda wire: wire.cut(), BY_CLOUD.format("1006, Connection reset by peer"),
        AT_ONCE, before=lambda wire: wire.resets()),
    "end of the cloud's stream": Fault(
        "cloud", lambda wire: wire.cut(),
        BY_CLOUD.format("1006, connection closed without a close frame"), AT_ONCE),
    "silence of the target: only limits.idle": Fault(
        "target", lambda wire: wire.silence(), IDLE, (1.5, 4), LIVELY + 'limits.idle = "2s"\n',
        code=1001),
    "RST of the target": Fault(
        "target", lambda wire: wire.cut(), BY_TARGET.format("1011, Connection reset by peer"),
        AT_ONCE, before=lambda wire: wire.resets(), code=1011),
    "closing, the cloud is silent: limits.drain": Fault(
        "cloud", lambda wire: wire.silence(), BY_TARGET.format("1000"), (0.8, 2), BRIEF,
        target_leaves=True),
    "closing, the cloud keeps its end of stream": Fault(
        "cloud", lambda wire: wire.slow_close("down"), BY_CLOUD.format("1000"), AT_ONCE, BRIEF,
        cloud_leaves=True),
    "closing, the target keeps its end of stream: half a second": Fault(
        "target", lambda wire: wire.slow_close("down"), BY_CLOUD.format("1000"), (0.3, 1.5), BRIEF,
        code=1000, cloud_leaves=True),
    "limits.idle, the cloud is silent: limits.drain": Fault(
        "cloud", lambda wire: wire.silence(), IDLE, (1.5, 2.8), BRIEF + 'limits.idle = "1s"\n'),
}


@pytest.mark.parametrize("case", [pytest.param(one, id=name) for name, one in STANDING.items()])
def test_a_wire_that_fails_while_the_session_stands_or_closes(
        cloud: Cloud, toxiproxy: Toxiproxy, make_device: Callable[..., Device], case: Fault,
        patient: Callable[[float], float]) -> None:
    with Target(wait_for_end) as target:
        wire = toxiproxy.wire(cloud.port if case.end == "cloud" else target.port)
        case.before(wire)
        device = make_device()
        if case.end == "cloud":
            device.settings["c8y.http"] = f"127.0.0.1:{wire.port}"
        device.own(case.own)
        device.start()
        session = established(cloud, wire if case.end == "target" else target)
        device.mapper.wait_runs()[0].finish()
        case.act(wire)
        since = time.monotonic()
        if case.target_leaves:
            target.connections[0].shutdown(socket.SHUT_WR)
        if case.cloud_leaves:
            session.close()
        wait_gone(device, patient(case.within[1]))
        assert time.monotonic() - since >= case.within[0]
        if case.end == "cloud":
            target.wait_ended(timeout=1)
            assert target.errors == []  # an end of stream, no reset
    device.journal.wait_for(case.told + ": 0 bytes to the cloud, 0 bytes to the target")
    assert device.journal.text.count("ended by") == 1
    assert session.operation.statuses == SUCCESS
    if case.code is not None:
        assert session.wait_closed(1).code == case.code


@pytest.mark.parametrize("side", ["cloud", "target"])
def test_a_wire_that_is_reset_while_the_session_closes(
        cloud: Cloud, toxiproxy: Toxiproxy, make_device: Callable[..., Device], side: str,
        patient: Callable[[float], float]) -> None:
    """Who has ended it stays who has ended it, and nothing is waited for any more."""
    cloud.behaviour.answer_close = False
    cloud.behaviour.close_timeout = 20
    with Target(wait_for_end) as target:
        wire = toxiproxy.wire(cloud.port if side == "cloud" else target.port)
        wire.resets()
        device = make_device()
        if side == "cloud":
            device.settings["c8y.http"] = f"127.0.0.1:{wire.port}"
        device.start()
        session = established(cloud, wire if side == "target" else target)
        device.mapper.wait_runs()[0].finish()
        if side == "cloud":
            target.connections[0].shutdown(socket.SHUT_WR)
        else:
            wire.slow_close("down")
            assert session.close().code == 1000
        time.sleep(0.2)
        assert len(device.processes()) == 2
        wire.cut()
        wait_gone(device, patient(AT_ONCE[1]))
    who = BY_TARGET if side == "cloud" else BY_CLOUD
    device.journal.wait_for(who.format("1000") + ": 0 bytes to the cloud, 0 bytes to the target")
    assert session.operation.statuses == SUCCESS


@pytest.mark.parametrize(("before", "code", "told"), [
    pytest.param(lambda wire: wire.resets(), 1011, "1011, Connection reset by peer", id="RST"),
    pytest.param(nothing, 1000, "1000", id="end of stream")])
def test_a_target_that_goes_before_the_cloud_has_answered(
        cloud: Cloud, toxiproxy: Toxiproxy, device: Device, before: Act, code: int,
        told: str) -> None:
    """The key is used up by then, and what it said may wait: that is an end, and no failure."""
    cloud.behaviour.upgrade = Upgrade(delay=0.3)
    with Target(wait_for_end) as target:
        wire = toxiproxy.wire(target.port)
        before(wire)
        session = cloud.open("127.0.0.1", wire.port)
        wait_until(lambda: cloud.upgrades, 5, "the request")
        wire.cut()
        closed = session.wait_closed(3)
        assert (closed.code, closed.by) == (code, "device")
        wait_gone(device, 2)
    assert session.operation.wait_final(3) == "SUCCESSFUL"
    assert session.operation.statuses == SUCCESS
    device.journal.wait_for(BY_TARGET.format(told))
