# SPDX-License-Identifier: Apache-2.0
"""The counters of a soak: a row each minute, and the memory of each process that stands."""

from __future__ import annotations

import os
import resource
import statistics
import time
from dataclasses import asdict, dataclass, fields

from .bed import Bed
from .look import KIB, Facts, unreaped
from .traffic import Tally


@dataclass(frozen=True)
class Sample:
    """A row of the table. `standing` are the sessions that live as long as the soak."""

    seconds: float
    sessions: int
    processes: int
    standing_own_kib: float
    standing_pss_kib: float
    standing_descriptors: int
    standing_threads: int
    standing_cpu_ms_per_s: float
    # A small message through a session and back: event-loop lag of the forwarder, and of both
    # stand-ins, whose own part is the next figure.
    echo_min_ms: float
    echo_p50_ms: float
    echo_p99_ms: float
    stand_in_lag_ms: float
    broker_own_kib: float
    broker_descriptors: int
    files: int
    unreaped: int
    asked_for: int
    bulk_mib: float
    stand_ins_cpu_percent: float

    @staticmethod
    def names() -> list[str]:
        return [field.name for field in fields(Sample)]

    def values(self) -> dict[str, float]:
        return asdict(self)


class Sampler:
    def __init__(self, bed: Bed, tally: Tally, standing: set[int]) -> None:
        self.samples: list[Sample] = []
        self.own: dict[int, list[float]] = {pid: [] for pid in standing}  # KiB, by process
        self.first = {pid: one for pid, one in bed.look().items() if pid in standing}
        self.last = self.first
        self.began = time.monotonic()
        self._bed = bed
        self._tally = tally
        self._looked = self.began
        self._own_cpu = _own_cpu()

    def take(self) -> Sample:
        now = time.monotonic()
        found = self._bed.look()
        standing = {pid: found[pid] for pid in self.own if pid in found}
        trips = sorted(self._tally.take_round_trips()) or [0.0]
        broker = self._bed.broker_facts()
        own_cpu = _own_cpu()
        sample = Sample(
            seconds=round(now - self.began, 1),
            sessions=sum(1 for one in found.values() if one.role == "session"),
            processes=len(found),
            standing_own_kib=sum(one.own for one in standing.values()) / KIB,
            standing_pss_kib=sum(one.pss for one in standing.values()) / KIB,
            standing_descriptors=sum(one.descriptors for one in standing.values()),
            standing_threads=sum(one.threads for one in standing.values()),
            standing_cpu_ms_per_s=round(self._cpu(standing) * 1000 / (now - self._looked), 2),
            echo_min_ms=round(1000 * trips[0], 2),
            echo_p50_ms=round(1000 * statistics.median(trips), 2),
            echo_p99_ms=round(1000 * trips[len(trips) * 99 // 100], 2),
            stand_in_lag_ms=round(1000 * self._bed.lag(), 2),
            broker_own_kib=broker.own / KIB, broker_descriptors=broker.descriptors,
            files=self._bed.files(), unreaped=len(unreaped(self._bed.program)),
            asked_for=self._tally.count["asked for"],
            bulk_mib=round(self._tally.count["bulk bytes"] / KIB / KIB, 1),
            stand_ins_cpu_percent=round(100 * (own_cpu - self._own_cpu) / (now - self._looked), 1))
        for pid, one in standing.items():
            self.own[pid].append(one.own / KIB)
        self.last, self._looked, self._own_cpu = standing, now, own_cpu
        self.samples.append(sample)
        return sample

    def _cpu(self, standing: dict[int, Facts]) -> float:
        return sum(one.cpu - self.last[pid].cpu for pid, one in standing.items()
                   if pid in self.last)


def _own_cpu() -> float:
    """Of this process, and of the plugins that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = os.times()
    return own.user + own.system + children.ru_utime + children.ru_stime
