# SPDX-License-Identifier: Apache-2.0
"""The samples as one SVG: a small panel for each counter, with its least and its greatest value."""

from __future__ import annotations

from collections.abc import Sequence

from .samples import Sample

WIDTH, HEIGHT, MARGIN, COLUMNS = 420, 110, 30, 2


def _line(seconds: Sequence[float], values: Sequence[float], left: float, top: float) -> str:
    low, high = min(0.0, min(values)), max(values) or 1.0
    span = max(seconds[-1] - seconds[0], 1.0)
    inner, tall = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    points = " ".join(
        f"{left + MARGIN + inner * (at - seconds[0]) / span:.1f},"
        f"{top + MARGIN + tall * (1 - (value - low) / (high - low)):.1f}"
        for at, value in zip(seconds, values))
    return f'<polyline points="{points}" fill="none" stroke="#0060a0" stroke-width="1.5"/>'


def _panel(name: str, seconds: Sequence[float], values: Sequence[float], number: int) -> str:
    left, top = number % COLUMNS * WIDTH, MARGIN + number // COLUMNS * HEIGHT
    title = name.replace("_", " ")
    text = f"{title}: {min(values):g} to {max(values):g}, at the end {values[-1]:g}"
    bottom = top + HEIGHT - MARGIN
    return "\n".join([
        f'<text x="{left + MARGIN}" y="{top + MARGIN - 8}">{text}</text>',
        f'<line x1="{left + MARGIN}" y1="{bottom}" x2="{left + WIDTH - MARGIN}" y2="{bottom}" '
        'stroke="#b0b0b0"/>', _line(seconds, values, left, top)])


def svg(samples: Sequence[Sample], title: str) -> str:
    """Every axis begins at zero: what looks flat is flat."""
    names = Sample.names()[1:]
    seconds = [sample.seconds for sample in samples]
    rows = (len(names) + COLUMNS - 1) // COLUMNS
    panels = [_panel(name, seconds, [sample.values()[name] for sample in samples], number)
              for number, name in enumerate(names)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{COLUMNS * WIDTH}" '
        f'height="{rows * HEIGHT + 2 * MARGIN}" font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{MARGIN}" y="20" font-size="14">{title}</text>', *panels, "</svg>", ""])
