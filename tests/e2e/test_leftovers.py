# SPDX-License-Identifier: Apache-2.0
"""setup --boot: what a restart of the device left EXECUTING is failed, once, and nothing else is."""

from __future__ import annotations

import fcntl
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud, Mosquitto, Operation, Upgrade

from .harness.device import Device
from .harness.expect import FAILURE, SUCCESS, check_carries, established
from .harness.gate import Gate
from .harness.installation import Installation
from .harness.targets import Target, echo, refusing_port
from .harness.waiting import wait_until

NAME = "c8y-remote-access-connect"
DONE, FAILED, NOT_YET = 0, 1, 3


BUILT_IN = "te/device/main/service/tedge-mapper-bridge-c8y/status/health"
MOSQUITTO = "te/device/main/service/mosquitto-c8y-bridge/status/health"


def bridge_speaks(broker: Mosquitto, topic: str = BUILT_IN, health: str = '{"status":"up"}') -> None:
    """As thin-edge's bridge does; the broker keeps it."""
    host, port = broker.address
    subprocess.run(["mosquitto_pub", "-h", host, "-p", str(port), "-q", "1", "-r", "-t", topic,
                    "-m", health], check=True, timeout=10)


@pytest.fixture
def rooted(make_device: Callable[..., Device], broker: Mosquitto) -> Callable[..., Device]:
    """Connected devices whose thin-edge's user is root: the user of these tests."""
    bridge_speaks(broker)

    def make(**arguments: object) -> Device:
        device = make_device(**arguments)
        (device.config_dir / "system.toml").write_text('user = "root"\ngroup = "root"\n')
        return device.start()

    return make


def start_boot(device: Device) -> subprocess.Popen[str]:
    return subprocess.Popen([str(device.program), "setup", "--boot"],
                            env=device.mapper.environment, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def boot(device: Device, expected: int = DONE, within: float = 3) -> str:
    """What it says; a warning is the one line that a user can act on."""
    started = time.monotonic()
    process = start_boot(device)
    out, err = process.communicate(timeout=30)
    assert process.returncode == expected, out + err
    assert time.monotonic() - started < within
    if expected != DONE:
        assert out == "" and err.count("\n") == 1 and "left EXECUTING" in err, out + err
        assert "run: c8y-remote-access-connect setup --boot" in err
    return out + err


def lose_power(device: Device) -> None:
    """Every process is gone, and /run with them."""
    for process in device.processes():
        process.kill()
    wait_until(lambda: not device.processes(), 5, "the end of all processes")
    for path in (device.run_path / NAME).iterdir():
        path.unlink()


def left_executing(cloud: Cloud, device: Device, form: str = "smartrest") -> Operation:
    """An operation of which nothing on the device knows any more."""
    cloud.behaviour.upgrades = [Upgrade(delay=20)]
    with Target(echo) as target:
        asked = len(cloud.upgrades)
        operation = cloud.create_operation("127.0.0.1", target.port, delivery=form)
        operation.wait_status("EXECUTING")
        wait_until(lambda: len(cloud.upgrades) > asked, 10, "the request")
        lose_power(device)
    return operation


def told(cloud: Cloud) -> list[str]:
    return [message.payload for message in cloud.status_messages
            if message.payload.startswith("507")]


def check_told(cloud: Cloud, times: int = 1) -> None:
    """What the broker has acknowledged reaches the cloud a little later."""
    wait_until(lambda: len(told(cloud)) >= times, 5, f"{times} times 507")
    assert len(told(cloud)) == times


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_what_a_power_cut_left_executing_is_failed_and_the_device_serves_on(
        cloud: Cloud, rooted: Callable[..., Device], form: str) -> None:
    device = rooted(form=form)
    lost = left_executing(cloud, device, form)
    assert "Told the cloud" in boot(device)
    assert lost.wait_final(5) == "FAILED"
    assert lost.statuses == FAILURE and "device has restarted" in lost.reason
    assert told(cloud) == [f'507,c8y_RemoteAccessConnect,"{lost.reason}"']
    with Target(echo) as target:
        session = established(cloud, target, form)
        check_carries(session)
    # By name the oldest one EXECUTING would have got this.
    assert session.operation.statuses == SUCCESS


def test_once_after_each_start_and_no_more(cloud: Cloud, rooted: Callable[..., Device]) -> None:
    device = rooted()
    record = device.run_path / NAME / "boot.lock"
    boot(device)
    assert "has been told since this start" in boot(device)
    check_told(cloud)
    identity, *clouds = record.read_text().splitlines()
    assert clouds == ["c8y"]
    assert identity.startswith(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
    # A run folder that is not below /run is still there after the next start.
    record.write_text(f"{identity}0\nc8y\n")
    boot(device)
    record.write_text("")
    boot(device)
    check_told(cloud, 3)


def test_while_a_session_lives_nothing_is_failed(
        cloud: Cloud, rooted: Callable[..., Device]) -> None:
    device = rooted()
    with Target(echo) as target:
        session = established(cloud, target)
        assert "a session is open" in boot(device, NOT_YET)
        check_carries(session)
        session.close()
        target.wait_ended()
        wait_until(lambda: not device.processes(), 5)
    assert told(cloud) == []
    boot(device)
    check_told(cloud)


def test_a_session_that_found_no_place_below_run_path_counts_too(
        cloud: Cloud, rooted: Callable[..., Device]) -> None:
    """Another user's device: until setup has run there is no folder for it below /run."""
    device = rooted()
    place = device.run_path / NAME
    place.write_text("")  # no folder
    with Target(echo) as target:
        established(cloud, target)
        place.unlink()
        assert "a session is open" in boot(device, NOT_YET)
    assert told(cloud) == []


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_operations_that_race_with_it_keep_their_own_status(
        cloud: Cloud, rooted: Callable[..., Device], form: str) -> None:
    device = rooted(form=form)
    cloud.behaviour.upgrade = Upgrade(delay=0.1)  # EXECUTING lasts
    with Target(echo) as target:
        for turn in range(8):
            (device.run_path / NAME / "boot.lock").unlink(missing_ok=True)
            session = cloud.open("127.0.0.1", target.port, delivery=form)
            time.sleep(turn * 0.006)
            racing = start_boot(device)
            assert session.operation.wait_final(10) == "SUCCESSFUL"
            racing.communicate(timeout=10)
            assert racing.returncode in (DONE, NOT_YET)
            session.close()
            target.wait_ended(turn + 1)
            wait_until(lambda: not device.processes(), 5)
    assert all(operation.statuses == SUCCESS for operation in cloud.operations)


@pytest.mark.parametrize("lock", ["status.lock", "seats.lock", "boot.lock"])
def test_it_gives_way_to_whoever_is_about_to_say_something(
        cloud: Cloud, rooted: Callable[..., Device], lock: str) -> None:
    device = rooted()
    boot(device)
    (device.run_path / NAME / "boot.lock").write_text("")
    with (device.run_path / NAME / lock).open("r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "was held by other processes for 1s" in boot(device, NOT_YET, within=4)
    check_told(cloud)


def test_two_at_once_tell_it_once(cloud: Cloud, rooted: Callable[..., Device]) -> None:
    device = rooted()
    both = [start_boot(device) for _ in range(2)]
    said = sorted(one.communicate(timeout=10)[0] for one in both)
    assert [one.returncode for one in both] == [DONE, DONE], said
    assert "Told the cloud" in said[1] and "has been told" in said[0]
    check_told(cloud)


def test_a_broker_that_is_away_is_told_in_bounded_time_and_made_up_for(
        cloud: Cloud, gate: Gate, rooted: Callable[..., Device]) -> None:
    device = rooted(gated=True)
    gate.shut()
    assert "not reachable" in boot(device, NOT_YET)
    gate.reopen()
    boot(device)
    check_told(cloud)


@pytest.mark.parametrize("silent", ["from the start", "when it is to be told"])
def test_a_silent_broker_holds_it_for_a_bounded_time(
        cloud: Cloud, gate: Gate, rooted: Callable[..., Device], silent: str) -> None:
    device = rooted(gated=True)
    gate.hold(None if silent == "from the start" else b"507,")
    within = 8 if silent == "from the start" else 3
    assert "no answer" in boot(device, NOT_YET, within)
    gate.release()
    boot(device)
    check_told(cloud)


@pytest.mark.parametrize(("topic", "health"), [(BUILT_IN, '{"status":"down"}'), (MOSQUITTO, "0")],
                         ids=["built-in", "mosquitto"])
def test_where_no_bridge_listens_yet_nothing_is_said_into_the_void(
        cloud: Cloud, broker: Mosquitto, make_device: Callable[..., Device], topic: str,
        health: str) -> None:
    """A broker that lost all its state, and a mapper that starts later."""
    device = make_device()
    (device.config_dir / "system.toml").write_text('user = "root"\ngroup = "root"\n')
    device.start()
    bridge_speaks(broker, "te/device/main/service/tedge-mapper-bridge-other/status/health")
    assert "no bridge to the cloud has come up yet" in boot(device, NOT_YET)
    assert told(cloud) == []
    bridge_speaks(broker, topic, health)
    boot(device)
    check_told(cloud)


def test_each_cloud_of_the_device_is_told_when_its_bridge_is_there(
        cloud: Cloud, broker: Mosquitto, rooted: Callable[..., Device]) -> None:
    device = rooted()
    device.settings["c8y.profiles.two.url"] = "b.example"
    device.settings["c8y.profiles.two.bridge.topic_prefix"] = "c8y-two"
    device.write_settings()
    cloud.add_device("c8y-two", "device-2")
    assert start_boot(device).wait(10) == NOT_YET
    check_told(cloud)
    bridge_speaks(broker, BUILT_IN.replace("c8y", "c8y-two"))
    boot(device)
    record = (device.run_path / NAME / "boot.lock").read_text()
    assert record.splitlines()[1:] == ["c8y", "c8y-two"]


def test_without_a_cloud_or_a_user_there_is_nothing_to_do(tmp_path: Path) -> None:
    with refusing_port() as port:
        place = Installation(tmp_path, port)
        assert place.run("setup", "--boot").returncode == DONE  # no user `tedge` here
        assert not place.run_folder.exists()
        (place.config_dir / "system.toml").write_text('user = "root"\ngroup = "root"\n')
        place.thin_edge("")
        done = place.run("setup", "--boot")
        assert done.returncode == DONE and "no address" in done.stdout
        place.own("enabled = flase\n")
        assert place.run("setup", "--boot").returncode == FAILED


def test_locks_that_root_makes_do_not_keep_thin_edge_out(
        cloud: Cloud, broker: Mosquitto, make_device: Callable[..., Device]) -> None:
    bridge_speaks(broker)
    device = make_device()
    (device.config_dir / "system.toml").write_text('user = "nobody"\ngroup = "nogroup"\n')
    device.run_as_nobody()
    device.start()
    boot(device)
    folder = device.run_path / NAME
    assert {path.owner() for path in (folder, *folder.iterdir())} == {"nobody"}
    with Target(echo) as target:
        established(cloud, target)
    assert "without a seat" not in device.journal.text
    assert b"no status window" not in device.mapper.wait_runs()[0].finish().stderr
