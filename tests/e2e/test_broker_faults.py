# SPDX-License-Identifier: Apache-2.0
"""A broker that is silent, goes away and stays away, or throws us out; neighbours on the topic of
the JWT. The final status comes when the broker does, and if not, the next start says it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest

from cloud import Cloud, Mosquitto, Operation, Upgrade

from .harness.device import Device
from .harness.expect import (FAILURE, SUCCESS, check_carries, check_failure, established,
                             run_directly)
from .harness.gate import Gate
from .harness.targets import Target, echo, refusing_port, wait_for_end
from .harness.waiting import wait_until

QUICK = 'limits.connect = "1s"\nlimits.drain = "1s"\n'
PATIENCE = 1 + 3  # limits.connect and what the plugin grants beyond
STOPPING = 3 + 2  # what a stopped session goes on trying, and the machine's slack


@pytest.fixture
def gated(make_device: Callable[..., Device]) -> Callable[..., Device]:
    def make(own: str = QUICK, **arguments: object) -> Device:
        device = make_device(gated=True, **arguments)
        device.own(own)
        return device.start()

    return make


def executing(cloud: Cloud, operation: Operation) -> None:
    operation.wait_status("EXECUTING")
    wait_until(lambda: cloud.upgrades, 10, "the request")
    time.sleep(0.3)  # the broker's acknowledgement is with the plugin too


def check_told_by_the_next_start(cloud: Cloud, device: Device, lost: Operation,
                                 form: str) -> None:
    with Target(echo) as target:
        following = established(cloud, target, form)
        check_carries(following)
        assert lost.wait_final(5) == "FAILED"
        assert lost.statuses == FAILURE
        assert "ended unexpectedly: power cut, killed, or the broker was away" in lost.reason
        following.close()
        wait_until(lambda: not device.processes(), 5, "the end of the session")
    assert device.leftovers() == []


def check_keeps_what_is_owed(device: Device, since: float) -> None:
    wait_until(lambda: not device.processes(), STOPPING, "the end of the stopped session")
    assert time.monotonic() - since < STOPPING
    assert [path.endswith(".seat") for path in device.leftovers()] == [True]


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_a_status_that_no_broker_took_before_the_stop_is_told_by_the_next_start(
        cloud: Cloud, gate: Gate, gated: Callable[..., Device], form: str) -> None:
    """The broker dies after EXECUTING and stays away; then the device is shut down."""
    device = gated(form=form)
    cloud.behaviour.upgrades = [Upgrade(delay=30)]
    with Target(wait_for_end) as target:
        lost = cloud.create_operation("127.0.0.1", target.port, delivery=form)
        executing(cloud, lost)
        gate.shut()
        run = device.mapper.wait_runs()[0].finish(1 + PATIENCE + 4)
        assert run.exit_code == 3 and b"the status could not be published" in run.stderr
        since = time.monotonic()
        device.process("session").signal(15)
        check_keeps_what_is_owed(device, since)
    device.journal.wait_for("the final status could not be published: the next operation tells it")
    gate.reopen()
    check_told_by_the_next_start(cloud, device, lost, form)


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_a_failure_before_anything_was_opened_is_told_by_the_next_start_too(
        cloud: Cloud, gate: Gate, gated: Callable[..., Device], tmp_path: Path,
        form: str) -> None:
    """serve_failure() of the session: it listens to SIGTERM while it waits for a broker."""
    answer = tmp_path / "answer"
    command = tmp_path / "ask"
    command.write_text(f"#!/bin/sh\nwhile [ ! -e {answer} ]; do sleep 0.02; done\n"
                       f"exec grep -q yes {answer}\n")
    command.chmod(0o755)
    device = gated(f'approve = "{command}"\n{QUICK}', form=form)
    lost = cloud.create_operation("127.0.0.1", 22, delivery=form)
    lost.wait_status("EXECUTING")
    time.sleep(0.3)
    gate.shut()
    device.process("plugin").kill()
    answer.write_text("no")
    device.journal.wait_for("not approved on this device")
    since = time.monotonic()
    device.process("session").signal(15)
    check_keeps_what_is_owed(device, since)
    gate.reopen()
    answer.write_text("yes")
    check_told_by_the_next_start(cloud, device, lost, form)


@pytest.mark.parametrize("form", ["smartrest", "json"])
@pytest.mark.parametrize("own", ["enabled = flase\n", "enabled = false\n" + QUICK],
                         ids=["no session", "no seat"])
def test_a_failure_without_a_session_or_a_seat_is_told_by_the_next_start_too(
        cloud: Cloud, gate: Gate, gated: Callable[..., Device], own: str, form: str) -> None:
    """Settings that cannot be read; a refusal."""
    device = gated(own, form=form)
    gate.hold(b"505," if form == "json" else b"502,")
    lost = cloud.create_operation("127.0.0.1", 22, delivery=form)
    assert gate.marked.wait(10)
    gate.shut()
    gate.release()
    since = time.monotonic()
    for process in device.processes():
        process.signal(15)
    assert device.mapper.wait_runs()[0].finish(10).exit_code == 3
    for process in device.processes():
        process.signal(15)
    check_keeps_what_is_owed(device, since)
    gate.reopen()
    device.own(QUICK)
    check_told_by_the_next_start(cloud, device, lost, form)


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_a_broker_that_takes_us_and_then_never_answers_holds_nobody_for_long(
        cloud: Cloud, gate: Gate, gated: Callable[..., Device], form: str) -> None:
    """CONNACK, but no PUBACK: to the device nothing has begun, to the cloud neither."""
    device = gated(form=form)
    gate.hold(b"504," if form == "json" else b"501,")
    with refusing_port() as port:
        operation = cloud.create_operation("127.0.0.1", port, delivery=form)
        run = device.mapper.wait_runs()[0].finish(PATIENCE + 4)
        assert run.exit_code == 3
        assert b"could not be published: the broker does not answer" in run.stderr
        wait_until(lambda: not device.processes(), 12, "the end of the session")
        assert operation.statuses == ["PENDING"]  # the cloud sends it again
        gate.release()
        again = run_directly(
            device, operation.json() if form == "json" else operation.smartrest())
        assert operation.wait_final(5) == "FAILED" and again.finish().exit_code == 1
        assert "connection refused" in operation.reason
    assert operation.statuses == FAILURE


@pytest.mark.parametrize("moment", ["before EXECUTING", "before the final status"])
def test_somebody_with_our_client_id_costs_a_new_connection_and_no_status(
        cloud: Cloud, broker: Mosquitto, gate: Gate, gated: Callable[..., Device],
        moment: str) -> None:
    """The broker ends the older of two connections with the same id."""
    device = gated('limits.connect = "20s"\n')
    if moment == "before EXECUTING":
        gate.hold(b"501,")
    cloud.behaviour.upgrade = Upgrade(delay=1.5)
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        if moment == "before EXECUTING":
            assert gate.marked.wait(10)
        else:
            executing(cloud, session.operation)
        ours = re.findall(r"as (c8y-remote-access-[0-9a-f]{16}) ", broker.log_file.read_text())[-1]
        other = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=ours)
        other.connect(*broker.address)
        other.loop_start()
        wait_until(other.is_connected, 5, "the other client")
        gate.release()
        session.wait_device(10)
        check_carries(session)
        assert session.operation.wait_final(10) == "SUCCESSFUL"
        assert device.mapper.wait_runs()[0].finish().exit_code == 0
        other.disconnect()
        other.loop_stop()
    assert session.operation.statuses == SUCCESS


# Neighbours: every client of the device shares the topics of the JWT.


@pytest.fixture
def neighbour(broker: Mosquitto) -> Iterator[mqtt.Client]:
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect(*broker.address)
    client.loop_start()
    wait_until(client.is_connected, 5, "the neighbour")
    yield client
    client.disconnect()
    client.loop_stop()


@pytest.mark.device(login="certificate")
def test_answers_to_a_neighbour_that_asks_all_the_time_change_nothing(
        cloud: Cloud, device: Device, neighbour: mqtt.Client) -> None:
    cloud.behaviour.jwt_fresh = True  # each answer another JWT, each good
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.002):
            neighbour.publish("c8y/s/uat", b"")

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        with Target(echo) as target:
            session = established(cloud, target)
            check_carries(session)
            assert session.operation.statuses == SUCCESS
            assert [attempt.status for attempt in cloud.upgrades] == [101]
    finally:
        over.set()
        asking.join()


RUBBISH = {
    "empty": b"", "no UTF-8": b"71,\xff\xfe\x80abc", "1 MiB": b"71," + b"a" * (1 << 20),
    "another template": b"72,a.b.c", "line feed inside": b"71,a.b\r\nX-Evil: 1",
    "only the number": b"71", "many fields": b"71,a.b.c,d.e.f", "NUL": b"71,a\x00b"}


@pytest.mark.device(login="certificate")
def test_rubbish_on_the_topic_is_passed_over(
        cloud: Cloud, device: Device, neighbour: mqtt.Client) -> None:
    cloud.behaviour.jwt_delay = 0.5
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        wait_until(lambda: cloud.jwt_requests, 10, "the request for a JWT")
        for rubbish in RUBBISH.values():
            neighbour.publish("c8y/s/dat", rubbish, qos=1)
        session.wait_device(10)
        check_carries(session)
        assert session.operation.wait_final(5) == "SUCCESSFUL"
    assert [attempt.status for attempt in cloud.upgrades] == [101]


@pytest.mark.parametrize("wrong", [1, 100])
def test_a_wrong_token_is_asked_for_once_more(
        cloud: Cloud, make_device: Callable[..., Device], wrong: int,
        patient: Callable[[float], float]) -> None:
    device = make_device(login="certificate").start()
    cloud.behaviour.jwt_wrong = wrong
    cloud.behaviour.single_use_key = False
    with Target(echo) as target:
        session = cloud.open("127.0.0.1", target.port)
        if wrong == 1:
            assert session.operation.wait_final(10) == "SUCCESSFUL"
            check_carries(session.wait_device(10))
        else:
            check_failure(session.operation, device.mapper.wait_runs()[0],
                          "login refused with HTTP 401 .*check the device's certificate",
                          within=patient(4))
    assert [attempt.status for attempt in cloud.upgrades] == [401, 101 if wrong == 1 else 401]


def test_a_plugin_that_is_stopped_with_the_status_window_loses_nobody_elses_status(
        cloud: Cloud, make_device: Callable[..., Device]) -> None:
    """By name one process at a time reports: the next waits for its turn longer than it would for
    a broker's answer."""
    device = make_device()
    device.own(QUICK)
    device.start()
    cloud.behaviour.upgrades = [Upgrade(delay=30)]
    with Target(wait_for_end) as slow, refusing_port() as port:
        first = cloud.create_operation("127.0.0.1", slow.port)
        executing(cloud, first)
        holder = device.process("plugin")
        holder.signal(19)
        second = cloud.create_operation("127.0.0.1", port)
        run = device.mapper.wait_runs(2)[1]
        wait_until(lambda: device.journal.text.count("failed:") == 2,
                   10, "both failures")
        time.sleep(PATIENCE + 1)  # what it was granted before, without a word to the cloud
        assert run.exited is None and second.status == "PENDING"
        holder.signal(18)
        assert first.wait_final(10) == second.wait_final(10) == "FAILED"
        assert run.finish().exit_code == 1
    assert first.statuses == second.statuses == FAILURE
