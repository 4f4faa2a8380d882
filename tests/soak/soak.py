# SPDX-License-Identifier: Apache-2.0
"""The soak: mixed traffic for a time, counters, and a verdict."""

from __future__ import annotations

import csv
import functools
import threading
import time
from collections.abc import Callable
from pathlib import Path

from cloud import Session
from e2e.harness.expect import SUCCESS

from . import verdict
from .bed import Bed, bed
from .plot import svg
from .samples import Sample, Sampler
from .traffic import Tally, Traffic, forwarder_pid, in_thread, session_pid

OWNER = '[[allow]]\nhost = "this-device"\n[limits]\nsessions = 100\nconnect = "60s"\n'
IDLE, KEYSTROKES, BULK = 4, 4, 2
JOIN = 120  # seconds for the loops to end what they are at
SHOWN = ["seconds", "sessions", "standing_own_kib", "standing_descriptors", "standing_threads",
         "standing_cpu_ms_per_s", "echo_min_ms", "echo_p50_ms", "echo_p99_ms", "stand_in_lag_ms",
         "broker_own_kib", "files", "asked_for", "bulk_mib"]


class Soak:
    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.tally = Tally()
        self.over = threading.Event()
        self._traffic = Traffic(bed, self.tally, self.over)
        self._threads: list[threading.Thread] = []
        self._standing: list[tuple[str, Callable[[Session], None], Session]] = []
        bed.device.session_killed = True  # a seat may be left, for the next session to clear

    def establish(self) -> set[int]:
        """The sessions that stand; their processes."""
        for count, words, work in ((IDLE, "echo", self._traffic.idle),
                                   (KEYSTROKES, "echo", self._traffic.keystrokes),
                                   (BULK, "", self._traffic.bulk)):
            for _ in range(count):
                session = self._traffic.established(words) if words else self._silent()
                self._standing.append((work.__name__, work, session))
        pids: set[int] = set()
        for _, _, session in self._standing:
            supervisor = session_pid(self.bed, session.operation.id)
            pids |= {supervisor, forwarder_pid(self.bed, supervisor)}
        return pids

    def _silent(self) -> Session:
        """The bulk gives its own commands."""
        session = self._traffic.opened().wait_device()
        self.tally.final(session.operation, SUCCESS)
        return session

    def start(self) -> None:
        loops: list[tuple[str, Callable[[], None]]] = [
            (name, functools.partial(work, session)) for name, work, session in self._standing]
        loops += [(work.__name__, work) for work in (
            self._traffic.short, self._traffic.failing, self._traffic.killed)]
        self._threads = [in_thread(self.tally, self.over, name, work) for name, work in loops]

    def finish(self) -> None:
        self.over.set()
        deadline = time.monotonic() + JOIN
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            self.tally.check(not thread.is_alive(), f"{thread.name} does not come to its end")
        self.bed.drop_all()
        try:
            self.bed.wait_quiet()
        except TimeoutError as error:
            self.tally.problems.append(str(error))
        self.tally.check(self.tally.count["asked for"] == self.tally.count["final"],
                         "not every operation has its final status")
        for text in self.bed.cloud.violations:
            forgiven = any(one in text for one in self.tally.plugin_killed)
            self.tally.check(forgiven, text)


def line(sample: Sample) -> str:
    values = sample.values()
    return "| " + " | ".join(f"{values[name]:>{max(len(name), 6)}g}" for name in SHOWN) + " |"


def header() -> str:
    return "| " + " | ".join(f"{name:>6}" for name in SHOWN) + " |"


def write(folder: Path, samples: list[Sample], text: list[str], title: str) -> None:
    with (folder / "samples.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, Sample.names())
        rows.writeheader()
        rows.writerows(sample.values() for sample in samples)
    (folder / "plot.svg").write_text(svg(samples, title))
    (folder / "verdict.txt").write_text("\n".join(text) + "\n")


def judge(sampler: Sampler, tally: Tally) -> list[str]:
    names = {pid: one.role for pid, one in sampler.first.items()}
    return [*tally.problems, *verdict.grown(sampler.samples, sampler.own, names),
            *verdict.changed(sampler.first, sampler.last), *verdict.slower(sampler.samples)]


def run(seconds: float, work: Path, results: Path, say: Callable[[str], None]) -> list[str]:
    """`work` is for the device and the stand-ins; `results` gets samples, plot and verdict.
    What is wrong; nothing, if all is well."""
    interval = 60 if seconds >= 600 else 10
    title = f"soak of {seconds:.0f} s"
    results.mkdir(parents=True, exist_ok=True)
    with bed(work, owner=OWNER) as made:
        soak = Soak(made)
        standing = soak.establish()
        soak.start()
        sampler = Sampler(made, soak.tally, standing)
        say(header())
        end = sampler.began + seconds
        while not soak.over.is_set() and (left := end - time.monotonic()) > 0.5:
            soak.over.wait(min(interval, left))  # set: something went wrong
            say(line(sampler.take()))
            write(results, sampler.samples, ["not at its end yet"], title)
            made.forget()
        soak.finish()
    reasons = judge(sampler, soak.tally)
    summary = closing(sampler, soak.tally, reasons)
    write(results, sampler.samples, [header(), *map(line, sampler.samples), *summary], title)
    for text in summary:
        say(text)
    return reasons


def closing(sampler: Sampler, tally: Tally, reasons: list[str]) -> list[str]:
    counts = ", ".join(f"{amount} {name}" for name, amount in sorted(tally.count.items()))
    took = time.monotonic() - sampler.began
    verdict_lines = [f"FAILED: {reason}" for reason in reasons] or [
        "passed: nothing grew, no byte was changed, every operation has its one final status"]
    return [f"{took:.0f} s: {counts}", *verdict_lines]
