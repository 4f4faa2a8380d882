# SPDX-License-Identifier: Apache-2.0
"""The verdict sees what grows, and is silent about what does not."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from . import verdict
from .look import Facts
from .plot import svg
from .samples import Sample

NAMES = {7: "forwarder"}


def samples(count: int = 12, **rising: float) -> list[Sample]:
    """One each ten seconds; `rising` says by how much a field grows from one to the next."""
    flat = dict.fromkeys(Sample.names(), 10.0)
    return [Sample(**{**flat, "seconds": 10.0 * number,  # type: ignore[arg-type]
                      **{name: 10 + number * step for name, step in rising.items()}})
            for number in range(count)]


@pytest.mark.parametrize(("own", "words"), [
    ([1000.0] * 12, None),
    ([1000.0 + 20 * number for number in range(12)], "forwarder 7 grows: 100 KiB"),
    # Settling at the start, and one look at a busy moment, are no growth.
    ([500.0] * 6 + [1000.0] * 6, None),
    ([1000.0] * 11 + [1060.0], None),
    ([1000.0] * 5, "has gone"),
])
def test_the_memory_of_a_process(own: list[float], words: str | None) -> None:
    found = verdict.grown(samples(), {7: own}, NAMES)
    assert len(found) == (words is not None) and (words or "") in "".join(found)


def test_the_memory_of_the_broker() -> None:
    assert verdict.grown(samples(broker_own_kib=100), {}, {}) == []
    assert "the broker grows: 1250" in verdict.grown(samples(broker_own_kib=250), {}, {})[0]


@pytest.mark.parametrize(("field", "value"), [("descriptors", 12), ("threads", 3)])
def test_descriptors_and_threads_of_a_process(field: str, value: int) -> None:
    first = Facts("session", 1, 1, 1, descriptors=11, threads=2, cpu=0)
    assert verdict.changed({7: first}, {7: first}) == []
    last = Facts(**{**vars(first), field: value})
    assert verdict.changed({7: first}, {7: last}) == [
        f"session 7: {field} {getattr(first, field)}, then {value}"]


def test_the_echo_and_the_time_of_the_processor() -> None:
    assert verdict.slower(samples()) == []
    assert verdict.slower(samples(echo_p50_ms=50)) == []  # a busy machine
    assert "slower" in verdict.slower(samples(echo_min_ms=20))[0]
    assert "CPU" in verdict.slower(samples(standing_cpu_ms_per_s=10))[0]


def test_the_plot_is_readable_and_has_a_panel_for_each_counter() -> None:
    tree = ElementTree.fromstring(svg(samples(echo_p50_ms=1), "a title"))
    lines = tree.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == len(Sample.names()) - 1
    assert all(len(line.attrib["points"].split()) == 12 for line in lines)
