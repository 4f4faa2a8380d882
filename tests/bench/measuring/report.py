# SPDX-License-Identifier: Apache-2.0
"""The table on standard output, the same in JSON."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

from .results import NEEDED, Figure, Results


def machine() -> dict[str, Any]:
    model = next((line.partition(":")[2].strip()
                  for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith(("model name", "Model"))), platform.machine())
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=False)
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(),
            "openssl": openssl.stdout.strip(), "load_average": os.getloadavg(),
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _spread(figure: Figure, name: str) -> str:
    values = figure.values.get(name)
    if not values:
        return "-"
    return f"{_number(figure.value(name))} ({_number(min(values))}–{_number(max(values))})"


def _reach(figure: Figure) -> str:
    if figure.absolute is not None:
        return f"≤ {_number(figure.absolute)} {figure.unit}"
    if figure.reach is None:
        return ""
    of = "" if figure.reference == "floor" else f" {figure.reference}"
    return f"{'≥' if figure.more_is_better else '≤'} {figure.reach:.2f} ×{of}"


def _verdict(figure: Figure) -> str:
    return {True: "ok", False: "MISSED", None: ""}[figure.met()]


def _ratio(figure: Figure, name: str) -> str:
    ratio = figure.ratio(name)
    return f"{ratio:.2f}" if ratio is not None else "-"


def table(results: Results) -> str:
    """Markdown, with the columns padded so that a terminal shows it well too."""
    others = sorted({name for figure in results.figures for name in figure.values} - set(NEEDED))
    header = ["figure", "unit", *(f"{name}: median (min–max)" for name in NEEDED), "ratio",
              "reach", "", *others]
    rows = [[figure.title, figure.unit, *(_spread(figure, name) for name in NEEDED),
             _ratio(figure, "product"), _reach(figure), _verdict(figure),
             *(_number(figure.value(name)) for name in others)] for figure in results.figures]
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(row: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |"

    return "\n".join([line(header), line(["-" * width for width in widths]), *map(line, rows)])


def as_json(results: Results, began: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    return {"machine": began, "load_average_at_end": os.getloadavg(), "settings": settings,
            "notes": results.notes, "figures": [figure.as_json() for figure in results.figures]}
