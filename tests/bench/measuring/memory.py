# SPDX-License-Identifier: Apache-2.0
"""Memory of a session that is idle, of one whose reader has stopped, of one with a huge message."""

from __future__ import annotations

import time
from collections.abc import Callable

from .contenders import Start
from .data import MIB
from .device import Device
from .ends import Incomplete
from .results import Figure, Results
from .session import Session

Case = Callable[[Session, int], int]  # with a number of bytes; the peak

_SETTLED = 0.5
_STALL = 1.5
_PAUSE = 0.02
_KIB = 1024
_ROOM = 256.0  # KiB above idle


def _peak(session: Session, seconds: float) -> int:
    """The largest of many looks; the kernel keeps no peak of this figure."""
    most = 0
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        most = max(most, session.memory())
        time.sleep(_PAUSE)
    return most


def _target_stalls(session: Session, size: int) -> int:
    session.target.command("stall")
    session.cloud.command("transfer", size, 16 * _KIB, 0)
    return _peak(session, _STALL)


def _cloud_stalls(session: Session, size: int) -> int:
    session.cloud.command("stall")
    session.target.command("transfer", size, 16 * _KIB, 0)
    return _peak(session, _STALL)


def _to_target(frame: Callable[[int], int]) -> Case:
    def one(session: Session, size: int) -> int:
        session.target.command("transfer", 0, 0, size)
        session.cloud.command("transfer", size, frame(size), 0)
        most = 0
        deadline = time.monotonic() + 60
        while session.target.poll("done", _PAUSE) is None:
            most = max(most, session.memory())
            if time.monotonic() > deadline:
                session.target.wait("done", 0)
        return most
    return one


def measure(results: Results, device: Device, starts: dict[str, Start], runs: int,
            big: int) -> None:
    idle = results.figure("idle session, Pss_Anon", "KiB", reach=1.4)
    cases: list[tuple[Figure, Case, int]] = [
        (_extra(results, "target does not read"), _target_stalls, big),
        (_extra(results, "cloud does not read"), _cloud_stalls, big),
        (_extra(results, f"{big // MIB} MiB in one message"), _to_target(lambda size: size), big),
        (_extra(results, "messages of 16 bytes"), _to_target(lambda _: 16), 4 * MIB),
    ]
    for _ in range(runs):
        for figure, case, size in cases:
            for name, start in starts.items():
                _one(results, Session(device, name, start), name, idle, figure, case, size)


def _one(results: Results, session: Session, name: str, idle: Figure, figure: Figure, case: Case,
         size: int) -> None:
    try:
        time.sleep(_SETTLED)
        before = session.memory()
        idle.add(name, before / _KIB)
        if name == "naive":
            return  # it holds whatever nobody reads
        figure.add(name, max(0, case(session, size) - before) / _KIB)
    except Incomplete as error:
        results.skip(name, f"{figure.title}: {error}")  # a long message is too much for some
    finally:
        session.stop()


def _extra(results: Results, title: str) -> Figure:
    return results.figure(f"peak above idle: {title}", "KiB", absolute=_ROOM)
