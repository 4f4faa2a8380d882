# SPDX-License-Identifier: Apache-2.0
"""From the start of the program to the upgrade request, to SUCCESSFUL, to the plugin's exit."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from .contenders import Start, StartedProduct
from .device import Device
from .ends import End
from .results import Figure, Results, percentile_95, turns

_WARM_UP = 1
_EXIT_LIMIT = 40.0  # ms
_UPGRADE_REACH = 2.5


@contextlib.contextmanager
def _affinity(cores: set[int]) -> Iterator[None]:
    """What is started here runs there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class _Times:
    """Figures in pairs: median and 95th percentile."""

    def __init__(self, results: Results, where: str, reference: str) -> None:
        self._results = results
        self._where = where
        self.upgrade = self._pair("upgrade request", reach=_UPGRADE_REACH, reference=reference)
        self.successful = self._pair("SUCCESSFUL at the broker")
        self.exited = self._pair("plugin has exited", absolute=_EXIT_LIMIT)

    def _pair(self, title: str, **more: Any) -> tuple[Figure, Figure]:
        name = f"start → {title}, {self._where}"
        return (self._results.figure(f"{name}, median", "ms", **more),
                self._results.figure(f"{name}, p95", "ms", pick=percentile_95, **more))


def _add(pair: tuple[Figure, Figure], name: str, since_ns: int, until_ns: int) -> None:
    for figure in pair:
        figure.add(name, (until_ns - since_ns) / 1e6)


def _one(device: Device, start: Start, cores: set[int], cloud: End, target: End,
         ports: tuple[int, int]) -> dict[str, int]:
    for end in (cloud, target, device.mqtt):
        end.forget()
    with _affinity(cores):
        started = start(device, *ports)
    since = started.started_ns
    try:
        found = {"since": since, "upgrade": cloud.wait("up", 30)["ns"]}
        if isinstance(started, StartedProduct):
            started.ready()
            found["exited"] = started.exited_ns
            while not (status := device.mqtt.wait("status", 10))["text"].startswith("503"):
                pass
            found["successful"] = status["ns"]
        cloud.command("close")
        return found
    finally:
        started.stop()
        cloud.wait("gone", 10)
        target.wait("gone", 10)


def measure(results: Results, device: Device, starts: dict[str, Start], runs: int) -> None:
    reference = "websocat" if "websocat" in starts else "floor"
    cores = os.sched_getaffinity(0)
    cloud, target = device.cloud_end(), device.target_end()
    try:
        ports = cloud.wait("listening")["port"], target.wait("listening")["port"]
        for where, where_cores in (("unpinned", cores), ("one core", {max(cores)})):
            times = _Times(results, where, reference)
            for run in range(-_WARM_UP, runs):
                for name, start in turns(starts, run):
                    found = _one(device, start, where_cores, cloud, target, ports)
                    if run < 0:
                        continue
                    _add(times.upgrade, name, found["since"], found["upgrade"])
                    if "exited" in found:
                        _add(times.successful, name, found["since"], found["successful"])
                        _add(times.exited, name, found["since"], found["exited"])
    finally:
        cloud.stop()
        target.stop()
