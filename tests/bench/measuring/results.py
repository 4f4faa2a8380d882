# SPDX-License-Identifier: Apache-2.0
"""Figures as they come in, and what is made of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .ends import Incomplete

NEEDED = ("floor", "product")


def percentile_95(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[round((len(ordered) - 1) * 0.95)]


@dataclass
class Figure:
    """`reach` is the limit of the product's ratio to the reference; `absolute`, of its own value."""

    title: str
    unit: str
    reach: float | None = None
    reference: str = "floor"
    more_is_better: bool = False
    absolute: float | None = None
    pick: Callable[[list[float]], float] = statistics.median
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, contender: str, value: float) -> None:
        self.values.setdefault(contender, []).append(value)

    def value(self, contender: str) -> float | None:
        return self.pick(self.values[contender]) if self.values.get(contender) else None

    def ratio(self, contender: str) -> float | None:
        """Of medians: the median of each round's ratio, as neighbours in time share the load."""
        own, reference = self.values.get(contender, []), self.values.get(self.reference, [])
        if self.pick is statistics.median and own and len(own) == len(reference) and min(reference):
            return statistics.median(one / other for one, other in zip(own, reference))
        if not own or not reference or not self.pick(reference):
            return None
        return self.pick(own) / self.pick(reference)

    def met(self, contender: str = "product") -> bool | None:
        own, ratio = self.value(contender), self.ratio(contender)
        if self.absolute is not None and own is not None:
            return own <= self.absolute
        if self.reach is None or ratio is None:
            return None
        return ratio >= self.reach if self.more_is_better else ratio <= self.reach

    def as_json(self) -> dict[str, Any]:
        return {"title": self.title, "unit": self.unit, "reference": self.reference,
                "reach": self.reach, "limit": self.absolute, "met": self.met(),
                "contenders": {name: {"min": min(values), "value": self.value(name),
                                      "median": statistics.median(values), "max": max(values),
                                      "ratio": self.ratio(name), "values": values}
                               for name, values in self.values.items()}}


def turns(named: dict[str, Any], round_number: int) -> list[tuple[str, Any]]:
    """All of them, each round beginning with another one: no place in the order is better."""
    items = list(named.items())
    first = round_number % len(items)
    return items[first:] + items[:first]


class Results:
    def __init__(self) -> None:
        self.figures: list[Figure] = []
        self.notes: list[str] = []

    def skip(self, contender: str, error: str) -> None:
        """A reference that does not work is left out; the floor and the product have to."""
        if contender in NEEDED:
            raise Incomplete(error)
        note = f"left out: {contender}, {error}"
        if note not in self.notes:
            self.notes.append(note)

    def figure(self, title: str, unit: str, **more: Any) -> Figure:
        self.figures.append(Figure(title, unit, **more))
        return self.figures[-1]
