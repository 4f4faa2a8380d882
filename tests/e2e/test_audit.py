# SPDX-License-Identifier: Apache-2.0
"""The record of a session: thin-edge's event and the journal's line, however the session ended."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from cloud import Cloud
from cloud.broker import Mosquitto

from .harness.device import Device
from .harness.events import Events, listening
from .harness.expect import SUCCESS, check_carries, check_failure, established
from .harness.gate import Gate
from .harness.targets import Target, echo, refusing_port, say_and_leave, wait_for_end
from .harness.waiting import wait_until

QUIET = 0.5  # seconds in which a second event would have come


@pytest.fixture
def events(broker: Mosquitto) -> Iterator[Events]:
    with listening(broker.address) as heard:
        yield heard


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize("delivery", ["smartrest", "json"])
def test_a_session_leaves_one_event_with_all_that_is_to_know(
        cloud: Cloud, make_device: Callable[..., Device], events: Events, delivery: str) -> None:
    make_device(form=delivery).start()
    with Target(say_and_leave(b"x" * 5000)) as target:
        session = established(cloud, target, delivery)
        started = time.time()
        session.wait_closed(5)
        ended = time.time()
        event = events.wait()[0]
    assert event.topic == "te/device/main///e/remote_access_session"
    assert not event.retained
    assert event.payload["text"].startswith(
        f"Remote access to 127.0.0.1:{target.port} ended by the target")
    said = event.details
    assert said["target"] == f"127.0.0.1:{target.port}"
    assert said["address"] == "127.0.0.1"
    assert said["rule"] == "this-device (built in)"
    assert said["cloud"] == cloud.http
    assert said["endedBy"].startswith("the target (close code 1000")
    assert said["bytesToCloud"] == 5000
    assert said.get("operation") == (session.operation.id if delivery == "json" else None)
    assert abs(moment(said["end"]) - ended) < 2 and abs(moment(said["start"]) - started) < 2
    assert said["duration"] == pytest.approx(moment(said["end"]) - moment(said["start"]), abs=0.01)
    assert session.operation.key not in str(event.payload)
    time.sleep(QUIET)
    assert len(events.seen) == 1


@pytest.mark.parametrize("who", ["cloud", "limit", "stop"])
def test_whoever_ends_it_there_is_one_event_that_says_so(
        cloud: Cloud, make_device: Callable[..., Device], events: Events, who: str) -> None:
    device = make_device()
    device.own('limits.duration = "1s"\n' if who == "limit" else "")
    device.start()
    with Target(echo) as target:
        session = established(cloud, target)
        if who == "stop":
            device.process("session").signal(signal.SIGTERM)
        elif who == "cloud":
            session.close(1000)
        target.wait_ended()
        words = {"stop": "this device (stopped on the device)", "cloud": "the cloud (close code 1000)",
                 "limit": "this device (limits.duration reached)"}
        assert events.wait()[0].details["endedBy"] == words[who]
    time.sleep(QUIET)
    assert len(events.seen) == 1


@pytest.mark.parametrize("number", [
    signal.SIGKILL, signal.SIGABRT, signal.SIGSYS,
    pytest.param(signal.SIGSEGV, marks=pytest.mark.release_only)])  # a sanitizer makes it a finding
def test_a_forwarder_that_crashes_or_is_killed_leaves_one_event_that_says_so(
        cloud: Cloud, device: Device, events: Events, number: signal.Signals) -> None:
    with Target(echo) as target:
        session = established(cloud, target)
        session.send(b"before the crash")
        assert session.recv_exact(16, timeout=5) == b"before the crash"
        device.process("forwarder").signal(number)
        target.wait_ended()
        said = events.wait()[0].details
        assert said["endedBy"].startswith(f"the death of its forwarder (signal {int(number)}")
        assert said["bytesToCloud"] == said["bytesToTarget"] == 16
        assert said["address"] == "127.0.0.1" and said["rule"] == "this-device (built in)"
    time.sleep(QUIET)
    assert len(events.seen) == 1


@pytest.mark.parametrize("delivery", ["smartrest", "json"])
def test_a_session_process_that_is_killed_leaves_its_event_to_the_next_start(
        cloud: Cloud, make_device: Callable[..., Device], events: Events, delivery: str) -> None:
    device = make_device(form=delivery).start()
    with Target(echo) as target:
        killed = established(cloud, target, delivery)
        device.mapper.wait_runs()[0].finish()
        check_carries(killed, b"16 bytes there..")
        last = time.time()
        device.process("session").kill()
        wait_until(lambda: not device.processes(), 5, "the end of the forwarder")
        time.sleep(1)
        for _ in range(2):
            established(cloud, target, delivery).close(1000)
        told = [event.details for event in events.wait(3)]
        assert [said["endedBy"] for said in told].count("the death of its session process") == 1
        said = next(said for said in told if "session process" in said["endedBy"])
        assert said["target"] == f"127.0.0.1:{target.port}" and said["address"] == "127.0.0.1"
        assert said["rule"] == "this-device (built in)" and said["cloud"] == cloud.http
        assert said["bytesToCloud"] == said["bytesToTarget"] == 16
        assert said.get("operation") == (killed.operation.id if delivery == "json" else None)
        assert abs(moment(said["end"]) - last) < 0.5
        assert said["duration"] == pytest.approx(
            moment(said["end"]) - moment(said["start"]), abs=0.01)
    time.sleep(QUIET)
    assert len(events.seen) == 3
    assert killed.operation.statuses == SUCCESS


def test_a_device_without_events_forgets_a_killed_session(
        cloud: Cloud, make_device: Callable[..., Device], events: Events) -> None:
    device = make_device()
    device.own("[audit]\nevents = false\n")
    device.start()
    with Target(echo) as target:
        established(cloud, target)
        device.mapper.wait_runs()[0].finish()
        device.process("session").kill()
        wait_until(lambda: not device.processes(), 5, "the end of the forwarder")
        established(cloud, target).close(1000)
        target.wait_ended()
    time.sleep(QUIET)
    assert events.seen == []


@pytest.mark.parametrize("own, refused_by", [
    ("enabled = false\n", "disabled"),
    ('[[allow]]\nhost = "10.1.2.3"\n', "policy"),
    ('approve = "false"\n', "approval"),
])
def test_a_refusal_leaves_an_event(cloud: Cloud, make_device: Callable[..., Device],
                                   events: Events, own: str, refused_by: str) -> None:
    device = make_device()
    device.own(own)
    device.start()
    with Target(wait_for_end) as target:
        operation = cloud.create_operation("127.0.0.1", target.port)
        assert operation.wait_final(10) == "FAILED"
        event = events.wait()[0]
        assert event.topic == "te/device/main///e/remote_access_refused"
        assert event.details["refusedBy"] == refused_by
        assert event.details["target"] == f"127.0.0.1:{target.port}"
        assert event.details["reason"].replace('"', "'") == operation.reason.replace('"', "'")
        device.journal.wait_for(f"failed: .*127.0.0.1:{target.port}")
        time.sleep(QUIET)
        assert len(events.seen) == 1
        assert target.connections == []


def test_the_limit_of_sessions_leaves_an_event(
        cloud: Cloud, make_device: Callable[..., Device], events: Events) -> None:
    device = make_device()
    device.own("limits.sessions = 1\n")
    device.start()
    with Target(echo) as target:
        established(cloud, target)
        assert cloud.create_operation("127.0.0.1", target.port).wait_final(10) == "FAILED"
        assert events.wait()[0].details["refusedBy"] == "session_limit"


def test_a_fault_is_no_refusal_and_leaves_no_event(
        cloud: Cloud, device: Device, events: Events) -> None:
    with refusing_port() as port:
        operation = cloud.create_operation("127.0.0.1", port)
        check_failure(operation, device.mapper.wait_runs()[0], "connection refused", within=3)
    time.sleep(QUIET)
    assert events.seen == []


def test_events_can_be_switched_off(
        cloud: Cloud, make_device: Callable[..., Device], events: Events) -> None:
    device = make_device()
    device.own("[audit]\nevents = false\n")
    device.start()
    with Target(echo) as target:
        established(cloud, target).close(1000)
        target.wait_ended()
    device.journal.wait_for("ended by the cloud")
    time.sleep(QUIET)
    assert events.seen == []


def test_the_topic_is_the_device_s_own(
        cloud: Cloud, broker: Mosquitto, make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.settings["mqtt.topic_root"] = "edge"
    device.settings["mqtt.device_topic_id"] = "factory/line/one/plc"
    device.start()
    with listening(broker.address, "edge/#") as events, Target(echo) as target:
        established(cloud, target).close(1000)
        assert events.wait()[0].topic == "edge/factory/line/one/plc/e/remote_access_session"


@pytest.mark.release_only  # its deadline is the product's own
def test_with_the_broker_away_the_journal_stands_alone_and_says_so(
        cloud: Cloud, gate: Gate, make_device: Callable[..., Device]) -> None:
    device = make_device(gated=True).start()
    with Target(echo) as target:
        session = established(cloud, target)
        device.mapper.wait_runs()[0].finish()  # the status is acknowledged: nothing else is owed
        gate.shut()
        since = time.monotonic()
        session.close(1000)
        target.wait_ended()
        device.journal.wait_for("ended by the cloud")
        device.journal.wait_for("no thin-edge event of this, the record is here only: MQTT broker",
                                timeout=8)
        assert time.monotonic() - since < 7
