# SPDX-License-Identifier: Apache-2.0
"""What a crash or a power cut leaves in the run folder never keeps an operation from its service,
and nothing in it is believed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import SUCCESS, check_carries, established
from .harness.targets import Target, echo
from .harness.waiting import wait_until

INFO, COUNTERS = 4096, 64 * 1024  # where the text ends and the counters begin


def seat(**fields: object) -> bytes:
    """As a session writes it, with nothing reported yet (src/session/seat_file.hpp)."""
    text = {"id": "0123abcd", "operation": "4711", "target": "localhost:22", "pid": 1,
            "salt": "00" * 16, "key_hash": "00" * 32, **fields}
    return json.dumps(text).encode().ljust(COUNTERS + 4096, b"\0")


SEATS = {
    "empty": b"", "cut in the text": seat()[:40], "cut before the counters": seat()[:INFO],
    "cut in the counters": seat()[:COUNTERS + 18], "zeros": bytes(2 * INFO),
    "no text": os.urandom(2 * INFO), "another text": b"[[[[" * 2000, "deep": b"[" * INFO,
    "wrong types": seat(operation={}, salt=7, key_hash=[], pid="x"),
    "pid of another": seat(pid=os.getpid()), "long": seat() + bytes(1 << 20),
    "reported nonsense": seat()[:INFO - 4] + b"\xff" * COUNTERS}


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_seats_of_a_crash_hinder_nobody_and_are_gone_after_the_next_session(
        cloud: Cloud, make_device: Callable[..., Device], form: str) -> None:
    device = make_device(form=form)
    device.own("limits.sessions = 1\n")  # none of them takes a place
    folder = device.run_path / "c8y-remote-access-connect"
    folder.mkdir(0o700)
    for number, content in enumerate(SEATS.values()):
        (folder / f"{number:08x}.seat").write_bytes(content)
    (folder / "seats.lock").write_bytes(b"rubbish")
    (folder / "status.lock").write_bytes(b"rubbish")
    device.start()
    with Target(echo) as target:
        session = established(cloud, target, form)
        check_carries(session)
        session.close()
        target.wait_ended()
    wait_until(lambda: not device.processes(), 5, "the end of the session")
    assert device.leftovers() == []
    assert session.operation.statuses == SUCCESS


def test_what_is_no_file_among_the_seats_is_left_alone(
        cloud: Cloud, make_device: Callable[..., Device], tmp_path: Path) -> None:
    device = make_device()
    folder = device.run_path / "c8y-remote-access-connect"
    folder.mkdir(0o700)
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (folder / "link.seat").symlink_to(victim)
    (folder / "folder.seat").mkdir()
    device.start()
    with Target(echo) as target:
        check_carries(established(cloud, target))
    assert victim.read_text() == "untouched"
    (folder / "link.seat").unlink()
