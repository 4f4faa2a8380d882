# SPDX-License-Identifier: Apache-2.0
"""The device is switched off and on again."""

from __future__ import annotations

from collections.abc import Callable

import paho.mqtt.publish as publish
import pytest

from cloud import Upgrade
from e2e.harness.expect import check_carries, established
from e2e.harness.targets import Target, wait_for_end, echo
from e2e.harness.waiting import wait_until

from .harness.device import OPERATION_NAME, RUN_FOLDER, Device
from .harness.thin_edge import OPERATION
from .test_install import check_in_place, check_no_failed_unit, check_serves


def test_after_a_boot_everything_is_in_place_again(served: Device) -> None:
    with Target(wait_for_end) as target:
        session = established(served.cloud, target)
        served.container.power_off()
        closed = session.wait_closed(10)
        assert (closed.code, closed.by) == (1001, "device")
        target.wait_ended()
    declared = len(served.declarations())
    served.container.boot()
    served.wait_declared(lambda names: OPERATION_NAME in names, since=declared)
    check_in_place(served)
    check_serves(served)


def test_what_another_wrote_while_nobody_watched_is_put_right_at_boot(served: Device) -> None:
    served.container.power_off()
    served.path(OPERATION).write_text('[exec]\ncommand = "c8y-remote-access-plugin"\n'
                                      'topic = "c8y/s/ds"\non_message = "530"\n')
    served.container.boot()
    served.wait_ours(10)
    check_in_place(served)


def test_a_device_without_thin_edge_boots_without_a_failed_unit(
        make_device: Callable[..., Device]) -> None:
    device = make_device()
    device.install()
    device.container.power_off()
    device.container.boot()
    check_no_failed_unit(device)


@pytest.mark.parametrize("run_path", ["/run/field", "/opt-run"])
def test_another_run_path_of_thin_edge_is_followed_after_a_boot(
        device: Device, run_path: str) -> None:
    """The units' drop-ins are made at boot and at each daemon-reload (systemd.generator)."""
    device.run(f"mkdir -p {run_path} && chown tedge:tedge {run_path}; "
               f"echo 'run.path = \"{run_path}\"' >>/etc/tedge/tedge.toml")
    if run_path.startswith("/run"):
        device.run(f"echo 'd {run_path} 0755 tedge tedge -' >/etc/tmpfiles.d/field.conf")
    device.install()
    for _ in range(2):
        with Target(echo) as target:
            session = established(device.cloud, target)
            check_carries(session)
            assert device.path(f"{run_path}/c8y-remote-access-connect.sock").exists()
            assert len(device.instances()) == 1
            session.close()
            target.wait_ended()
        device.wait_no_instances()
        declared = len(device.declarations())
        device.container.power_off()
        device.container.boot()
        device.wait_declared(lambda names: OPERATION_NAME in names, since=declared)
    assert not device.path(f"{RUN_FOLDER}.sock").exists()


BOOT = "c8y-remote-access-connect-boot.service"
HEALTH = "te/device/main/service/tedge-mapper-bridge-c8y/status/health"


ANOTHER_USER = """
groupadd --system field && useradd --system --gid field robot && mkdir /etc/tedge
printf 'user = "robot"\\ngroup = "field"\\n' >/etc/tedge/system.toml
mkdir -p /etc/systemd/system/tedge-mapper-c8y.service.d
printf '[Service]\\nUser=robot\\n' >/etc/systemd/system/tedge-mapper-c8y.service.d/user.conf
"""


@pytest.mark.parametrize(("user", "group", "bridge"), [
    ("tedge", "tedge", "starts later"), ("robot", "field", "known to the broker")])
def test_what_a_power_cut_left_executing_is_failed_after_the_boot(
        make_device: Callable[..., Device], user: str, group: str, bridge: str) -> None:
    device = make_device()
    device.run("true" if user == "tedge" else ANOTHER_USER)
    device.install_thin_edge()
    device.connect(user, group)
    device.install()
    device.wait_ours()
    device.cloud.behaviour.upgrades = [Upgrade(delay=30)]
    with Target(echo) as target:
        lost = device.cloud.create_operation("127.0.0.1", target.port)
        lost.wait_status("EXECUTING")
        wait_until(lambda: device.cloud.upgrades, 10, "the request")
        device.container.cut_power()
    if bridge == "known to the broker":
        speak(device)
    declared = len(device.declarations())
    device.container.boot()
    if bridge == "starts later":
        wait_until(lambda: "left EXECUTING" in device.journal(f"-b -u {BOOT}"), 20, "its first try")
        assert lost.status == "EXECUTING"
        speak(device)
    assert lost.wait_final(30) == "FAILED"
    assert "device has restarted" in lost.reason
    device.wait_declared(lambda names: OPERATION_NAME in names, since=declared)
    check_in_place(device, user, group)
    wait_until(lambda: "left EXECUTING by a restart have failed" in device.journal(f"-b -u {BOOT}"),
               5, "its word")
    device.run(f"systemctl start {BOOT}")
    assert said_507(device) == 1
    with Target(echo) as target:
        session = established(device.cloud, target)
        check_carries(session)
        assert device.output(f"ps -o user= -p {device.session_pid()}") == user
        session.close()
        target.wait_ended()
    check_no_failed_unit(device)


def speak(device: Device) -> None:
    """thin-edge's bridge, which tells its health and has the broker keep it."""
    host, port = device.broker
    publish.single(HEALTH, '{"status":"up"}', qos=1, retain=True, hostname=host, port=port)


def said_507(device: Device) -> int:
    return len([one for one in device.cloud.status_messages if one.payload.startswith("507")])
