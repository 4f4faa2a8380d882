# SPDX-License-Identifier: Apache-2.0
"""python -m soak SECONDS FOLDER: what run.sh starts."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from .soak import run


def main() -> int:
    seconds, results = float(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory(prefix="ra-soak-") as work:
        reasons = run(seconds, Path(work), results, lambda text: print(text, flush=True))
    print(f"samples.csv, plot.svg and verdict.txt are in {results}")
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
