# SPDX-License-Identifier: Apache-2.0
"""What the device's processes leave to each other: pipes, descriptors, names, secrets."""

from __future__ import annotations

import os
import re
import signal
import time

from cloud import Cloud, Upgrade

from .harness.device import Device
from .harness.expect import check_carries, established
from .harness.targets import Target, echo, wait_for_end


def test_the_mapper_sees_the_end_of_both_pipes_while_the_session_lives(
        cloud: Cloud, device: Device) -> None:
    """A background process that kept one of them would hold the operation for an hour."""
    with Target(echo) as target:
        session = established(cloud, target)
        run = device.mapper.wait_runs()[0].finish(3)
        assert run.exited is not None and run.end_of_file is not None
        assert run.end_of_file - run.exited < 0.1
        check_carries(session)


def test_session_and_forwarder_are_detached_from_the_mapper(cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        established(cloud, target)
        device.mapper.wait_runs()[0].finish()
        for role in ("session", "forwarder"):
            process = device.process(role)
            assert process.folder == "/"
            assert process.session == process.pid, f"{role} is not the leader of its own session"
            descriptors = process.descriptors()
            assert [descriptors[number] for number in (0, 1, 2)] == ["/dev/null"] * 3


EXPECTED = re.compile(r"socket:\[\d+\]|anon_inode:\[(eventpoll|eventfd|timerfd|pidfd|signalfd)\]"
                      r"|pipe:\[\d+\]|/dev/null")


def test_no_descriptor_of_the_mapper_reaches_session_or_forwarder(
        cloud: Cloud, device: Device) -> None:
    """A mapper that leaks: a file, and a pipe whose reader waits for its end."""
    reading, writing = os.pipe()
    leaked = os.open(device.config_dir / "tedge.toml", os.O_RDONLY)
    device.mapper.extra_descriptors = (writing, leaked)
    with Target(echo) as target:
        established(cloud, target)
        os.close(writing)
        device.mapper.wait_runs()[0].finish()
        os.set_blocking(reading, False)
        assert os.read(reading, 1) == b""  # BlockingIOError: somebody still has the other end
        for role in ("session", "forwarder"):
            for number, what in device.process(role).descriptors().items():
                ours = what.startswith(str(device.run_path / "c8y-remote-access-connect") + "/")
                assert EXPECTED.fullmatch(what) or ours, f"{role} holds {number}: {what}"
    os.close(reading)
    os.close(leaked)


def test_the_forwarder_holds_nothing_but_its_sockets(cloud: Cloud, device: Device) -> None:
    """Channel, log, cloud and target: whoever takes it over gets no more than that."""
    with Target(echo) as target:
        established(cloud, target)
        descriptors = device.process("forwarder").descriptors()
    assert sum(what.startswith("socket:") for what in descriptors.values()) <= 4, descriptors
    assert not [what for what in descriptors.values() if what.startswith("/")
                and what != "/dev/null"], descriptors


def test_the_key_leaves_the_command_line_at_once(cloud: Cloud, device: Device) -> None:
    """thin-edge has to pass it as an argument, and ps shows arguments to everybody."""
    cloud.behaviour.upgrade = Upgrade(delay=1)
    with Target(wait_for_end) as target:
        session = cloud.open("127.0.0.1", target.port)
        target.wait_connection()
        plugin = device.process("plugin")
        assert session.operation.key.encode() not in plugin.cmdline
        assert b"c8y-remote-access-connect" in plugin.cmdline


def test_the_log_says_asked_established_and_ended(cloud: Cloud, device: Device) -> None:
    with Target(echo) as target:
        session = established(cloud, target)
        session.send(b"12345678")
        session.recv_exact(8, timeout=5)
        time.sleep(0.2)
        session.close()
        target.wait_ended()
        device.journal.wait_for("ended")
    # Where the kernel lacks a piece of the sandbox, the log says that too.
    lines = [line for line in device.journal.text.splitlines() if "sandbox: " not in line]
    identifiers = {match[1] for line in lines if (match := re.match(r"session (\w+): ", line))}
    assert len(identifiers) == 1
    where = re.escape(f"127.0.0.1:{target.port}")
    assert re.search(rf"asked: .*{where}", lines[0]), lines
    assert re.search(rf"established: {where} .* {re.escape(cloud.http)}", lines[1]), lines
    assert re.search(r"ended by the cloud .*1000.*: 8 bytes to the cloud, 8 bytes to the target, "
                     r"\d+\.\d s", lines[-1]), lines


def test_an_ordered_end_of_the_session_process_closes_both_ends(
        cloud: Cloud, device: Device) -> None:
    """SIGTERM: the device shuts down."""
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        device.process("session").signal(signal.SIGTERM)
        closed = session.wait_closed(5)
        assert (closed.code, closed.by) == (1001, "device")
        target.wait_ended()
