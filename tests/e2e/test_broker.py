# SPDX-License-Identifier: Apache-2.0
"""MQTT: the JWT, the login at the broker, and a broker that is away."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable

import pytest

from cloud import Cloud, Mosquitto, Upgrade

from .harness.device import Device
from .harness.expect import (FAILURE, QUICK, SUCCESS, check_carries, check_failure,
                             established, run_directly)
from .harness.gate import Gate
from .harness.services import program
from .harness.targets import Target, echo, refusing_port, silent_port, wait_for_end
from .harness.waiting import wait_until


# The JWT

@pytest.mark.device(login="certificate")
def test_other_messages_on_the_token_topic_are_passed_over(cloud: Cloud, device: Device) -> None:
    cloud.behaviour.jwt_garbage = ["", "70,no", "71", "71,", "hello", "\x00\x01", "72,a.b.c",
                                   "x" * 10_000]
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.wait_device(10)
        assert session.operation.wait_final(5) == "SUCCESSFUL"


@pytest.mark.device(login="certificate")
def test_a_jwt_does_not_hold_executing_back(cloud: Cloud, device: Device,
                                            patient: Callable[[float], float]) -> None:
    """Acknowledged at QoS 1, it would: Nagle's algorithm keeps what is sent next for 40 ms."""
    waited = []
    with Target(wait_for_end) as target:
        for _ in range(5):
            session = established(cloud, target)
            waited.append(session.operation.history[1][0] - cloud.jwt_requests[-1])
            session.close()
    assert min(waited) < patient(0.03), waited


@pytest.mark.device(login="certificate")
def test_a_spurious_401_is_answered_with_a_fresh_token(cloud: Cloud, device: Device) -> None:
    cloud.behaviour.jwt_fresh = True
    cloud.behaviour.reject_tokens = 1
    cloud.behaviour.single_use_key = False
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.wait_device(10)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
    assert [attempt.status for attempt in cloud.upgrades] == [401, 101]
    first, second = (attempt.headers["authorization"] for attempt in cloud.upgrades)
    assert first != second
    assert len(cloud.jwt_requests) == 2


@pytest.mark.device(login="certificate")
def test_a_slow_token_is_waited_for(cloud: Cloud, device: Device) -> None:
    cloud.behaviour.jwt_delay = 2
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.wait_device(10)
        assert session.operation.wait_final(5) == "SUCCESSFUL"


def test_no_token_fails_with_that_reason(
        cloud: Cloud, make_device: Callable[..., Device],
        patient: Callable[[float], float]) -> None:
    device = make_device(login="certificate")
    device.own(QUICK)
    device.start()
    cloud.behaviour.jwt_silent = True
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        check_failure(operation, device.mapper.wait_runs()[0],
                      "^no JWT from the cloud: .*tedge connect c8y", within=patient(4))
    assert cloud.upgrades == []


@pytest.mark.device(login="certificate")
def test_the_token_is_asked_for_while_the_target_is_being_connected(
        cloud: Cloud, device: Device) -> None:
    """In parallel: a second of JWT and a second of upgrade, but the target is there at once."""
    cloud.behaviour.jwt_delay = 1
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        target.wait_connection(timeout=0.9)
        session.wait_device(10)


# A broker that is away

def test_without_a_broker_a_basic_session_is_served_all_the_same(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device]) -> None:
    device = make_device(gated=True).start()
    gate.shut()
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.wait_device(10)
        check_carries(session)
        run = device.mapper.wait_runs()[0].finish(30)
        assert run.exit_code == 3
        assert re.search(rf"MQTT broker 127\.0\.0\.1:{gate.port}", run.stderr.decode()), run.stderr
        check_carries(session)  # the tunnel does not end with the plugin
        # The session goes on trying for a minute: the operation must not stay open for ever.
        gate.reopen()
        assert session.operation.wait_final(15) == "SUCCESSFUL"
    assert session.operation.statuses == SUCCESS


@pytest.mark.parametrize("kind", ["refuses", "is silent"])
def test_without_a_broker_a_session_that_needs_a_token_fails_at_once(
        cloud: Cloud, make_device: Callable[..., Device], kind: str,
        patient: Callable[[float], float]) -> None:
    device = make_device(login="certificate")
    away = refusing_port() if kind == "refuses" else silent_port()
    with away as port, Target(wait_for_end) as target:
        device.settings["mqtt.client.port"] = port
        device.start()
        operation = cloud.create_operation("127.0.0.1", target.port, delivery=None)
        run = run_directly(device, operation.smartrest()).finish(30)
        assert run.exited is not None
        assert run.exited < patient(5 if kind == "refuses" else 15)
    assert run.exit_code == 3
    assert re.search(rf"MQTT broker 127\.0\.0\.1:{port}", run.stderr.decode()), run.stderr
    assert cloud.upgrades == []


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_a_broker_that_comes_back_in_time_gets_the_status(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device], form: str) -> None:
    """A restart of the broker, as an update of the device does it."""
    with Target(echo) as target:
        device = make_device(gated=True, form=form).start()
        cloud.behaviour.upgrades = [Upgrade(delay=1)]
        session = cloud.open("127.0.0.1", target.port, delivery=form)
        session.operation.wait_status("EXECUTING")
        time.sleep(0.3)  # the broker's acknowledgement is with the plugin too
        gate.shut()
        session.wait_device(10)
        gate.reopen()
        assert session.operation.wait_final(15) == "SUCCESSFUL"
        assert device.mapper.wait_runs()[0].finish().exit_code == 0


@pytest.mark.parametrize("form", ["smartrest", "json"])
@pytest.mark.parametrize("moment", ["before EXECUTING", "before the final status"])
def test_a_broker_that_hangs_for_a_moment_gets_each_status_once(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device], form: str,
        moment: str) -> None:
    marks = {"before EXECUTING": b"501," if form == "smartrest" else b"504,",
             "before the final status": b"503," if form == "smartrest" else b"506,"}
    with Target(echo) as target:
        device = make_device(gated=True, form=form).start()
        gate.hold(marks[moment])
        session = cloud.open("127.0.0.1", target.port, delivery=form)
        session.wait_device(10)
        assert gate.marked.wait(5)
        check_carries(session)  # the tunnel does not wait for the broker
        gate.release()
        assert session.operation.wait_final(10) == "SUCCESSFUL"
        assert device.mapper.wait_runs()[0].finish().exit_code == 0
    assert session.operation.statuses == SUCCESS


def test_nothing_is_retained_on_the_broker(
        cloud: Cloud, broker: Mosquitto, device: Device) -> None:
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        session.wait_device(10)
        session.operation.wait_final(5)
        session.close()
        target.wait_ended()
    heard = subprocess.run([program("mosquitto_sub"), "-h", broker.host, "-p", str(broker.port),
                            "-t", "#", "-W", "1", "--retained-only", "-v"], capture_output=True)
    # Events of a session may be published; a retained one would come back for ever.
    assert heard.stdout == b""


def test_a_failure_while_the_broker_is_away_is_still_reported(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device]) -> None:
    cloud.behaviour.upgrade = Upgrade(status=403, delay=1)
    with Target(wait_for_end) as target:
        device = make_device(gated=True, login="certificate").start()
        operation = cloud.create_operation("127.0.0.1", target.port)
        operation.wait_status("EXECUTING", 10)
        wait_until(lambda: cloud.upgrades, 10, "the request")
        time.sleep(0.5)  # the broker's acknowledgement is with the plugin too
        gate.shut()
        target.wait_ended()
        gate.reopen()
        assert operation.wait_final(15) == "FAILED"
        assert device.mapper.wait_runs()[0].finish().exit_code == 1
    assert operation.statuses == FAILURE
