# SPDX-License-Identifier: Apache-2.0
"""The data path: CPU and throughput of bulk transfers, echo, keystrokes against bulk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .ends import Incomplete
from .results import NEEDED, Figure, Results, turns
from .session import Session

MIB = 1 << 20
GB = 1e9
_FRAME = 16 * 1024


@dataclass(frozen=True)
class Transfer:
    title: str
    up: bool = False
    down_frame: int = 0  # 0: nothing from the cloud
    cpu_reach: float = 1.10


TRANSFERS = (
    Transfer("target → cloud", up=True),
    Transfer("cloud → target, 1 KiB frames", down_frame=1024, cpu_reach=1.25),
    Transfer("cloud → target, 16 KiB frames", down_frame=_FRAME),
    Transfer("cloud → target, 64 KiB frames", down_frame=64 * 1024),
    Transfer("both ways at once, 16 KiB", up=True, down_frame=_FRAME),
)


def _transfer(session: Session, kind: Transfer, size: int) -> tuple[float, float]:
    """CPU seconds per GB and MB/s."""
    up, down = size if kind.up else 0, size if kind.down_frame else 0
    before = session.cpu_seconds()
    cloud, target = session.run(("transfer", down, kind.down_frame, up),
                                ("transfer", up, _FRAME, down))
    cpu = session.cpu_seconds() - before
    began = min(cloud["start_ns"], target["start_ns"])
    ended = max(cloud["last_receipt_ns"] if up else 0, target["last_receipt_ns"] if down else 0)
    return cpu / ((up + down) / GB), (up + down) / 1e6 / ((ended - began) / 1e9)


def _rounds(results: Results, standing: dict[str, Session], runs: int,
            measure: Callable[[str, Session], None]) -> None:
    """A B C B C A …; a reference that fails is measured no further."""
    for number in range(runs):
        for name, session in turns(standing, number):
            try:
                measure(name, session)
            except Incomplete as error:
                results.skip(name, str(error))
                del standing[name]


def transfers(results: Results, standing: dict[str, Session], runs: int, size: int) -> None:
    for kind in TRANSFERS:
        cpu = results.figure(f"CPU, {kind.title}", "s/GB", reach=kind.cpu_reach)
        speed = results.figure(f"throughput, {kind.title}", "MB/s", reach=0.90, more_is_better=True)
        each = size // 2 if kind.up and kind.down_frame else size

        def one(name: str, session: Session) -> None:
            seconds, megabytes = _transfer(session, kind, each)
            cpu.add(name, seconds)
            speed.add(name, megabytes)

        _rounds(results, standing, runs, one)


def echoes(results: Results, standing: dict[str, Session], runs: int, rounds: int) -> None:
    for title, size in (("64 bytes", 64), ("16 KiB", _FRAME)):
        p50 = results.figure(f"echo of {title}, p50", "µs", reach=1.15)
        p99 = results.figure(f"echo of {title}, p99", "µs", reach=1.5)

        def one(name: str, session: Session) -> None:
            # Nagle against delayed acknowledgements takes 40 ms a round: a few show it.
            slow = name not in NEEDED and size > 1460
            count = 10 if slow else rounds
            cloud, _target = session.run(("echo", size, count), ("reflect", size * count))
            _add_times(cloud, name, p50, p99)

        _rounds(results, standing, runs, one)


def keystrokes(results: Results, standing: dict[str, Session], runs: int, count: int) -> None:
    """One way, from the write at one end to the read at the other, while bulk flows back."""
    for title, rate in (("100 MB/s", 100), ("all it can", 0)):
        for down in (True, False):
            way = "cloud → target" if down else "target → cloud"
            p50 = results.figure(f"keystroke {way} against {title}, p50", "µs")
            # Against a flood, two cores for three busy programs: that one shows the scheduler.
            p99 = results.figure(f"keystroke {way} against {title}, p99", "µs",
                                 reach=1.5 if rate else None)

            def one(name: str, session: Session) -> None:
                _keystroke(session, name, down, rate, count, p50, p99)

            # The others put seconds of bulk before the keystroke: they have no bound to their queues.
            taking_part = standing if rate else {name: standing[name] for name in NEEDED
                                                 if name in standing}
            _rounds(results, taking_part, runs, one)


def _keystroke(session: Session, name: str, down: bool, rate: int, count: int, p50: Figure,
               p99: Figure) -> None:
    stamp, clock = ("stamp", count, 1000), ("clock", count, rate)  # 1000 µs apart
    cloud, target = session.run(stamp if down else clock, clock if down else stamp,
                                cloud_first=not down)
    session.run(("drain",), ("drain",))
    _add_times(target if down else cloud, name, p50, p99)


def _add_times(report: dict[str, int], name: str, p50: Figure, p99: Figure) -> None:
    p50.add(name, report["p50_ns"] / 1000)
    p99.add(name, report["p99_ns"] / 1000)
