# SPDX-License-Identifier: Apache-2.0
"""Whether something grew: pure functions of the samples."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from .look import Facts
from .samples import Sample

PROCESS_GROWTH = 64.0  # KiB of one process's own memory, over the second half
BROKER_GROWTH = 1024.0  # KiB; not ours, but a client of ours that is never forgotten shows there
IDLE_CPU = 30.0  # ms in a second, of all sessions that stand: mostly the bulk
# The quickest echo at the end against the beginning: times, and ms on top. The others tell what
# else the machine does.
SLOWER = (3.0, 3.0)


def growth(seconds: Sequence[float], values: Sequence[float]) -> float:
    """How much a straight line through the second half rises from its first to its last point."""
    half = len(values) // 2
    times, rows = seconds[half:], values[half:]
    if len(rows) < 2:
        return 0.0
    return statistics.linear_regression(times, rows).slope * (times[-1] - times[0])


def grown(samples: Sequence[Sample], own: dict[int, list[float]],
          names: dict[int, str]) -> list[str]:
    """What each process, and the broker, gained."""
    seconds = [sample.seconds for sample in samples]
    reasons = []
    for pid, values in own.items():
        if len(values) != len(samples):
            reasons.append(f"{names[pid]} {pid} stood at the beginning and has gone")
        elif (gained := growth(seconds, values)) > PROCESS_GROWTH:
            reasons.append(f"{names[pid]} {pid} grows: {gained:.0f} KiB in the second half")
    gained = growth(seconds, [sample.broker_own_kib for sample in samples])
    if gained > BROKER_GROWTH:
        reasons.append(f"the broker grows: {gained:.0f} KiB in the second half")
    return reasons


def changed(first: dict[int, Facts], last: dict[int, Facts]) -> list[str]:
    """Descriptors and threads of what stands are the same from the first minute to the last."""
    return [f"{one.role} {pid}: {what} {getattr(one, what)}, then {getattr(last[pid], what)}"
            for pid, one in first.items() if pid in last
            for what in ("descriptors", "threads")
            if getattr(one, what) != getattr(last[pid], what)]


def slower(samples: Sequence[Sample]) -> list[str]:
    quarter = max(len(samples) // 4, 1)
    first = statistics.median(sample.echo_min_ms for sample in samples[:quarter])
    last = statistics.median(sample.echo_min_ms for sample in samples[-quarter:])
    reasons = []
    if last > SLOWER[0] * first + SLOWER[1]:
        reasons.append(f"the echo got slower: {first:.1f} ms, then {last:.1f} ms")
    if (busy := statistics.median(one.standing_cpu_ms_per_s for one in samples)) > IDLE_CPU:
        reasons.append(f"the standing sessions use {busy:.1f} ms of CPU each second")
    return reasons
