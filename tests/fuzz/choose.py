# SPDX-License-Identifier: Apache-2.0
"""Reads a control file of libFuzzer's set cover merge and prints the inputs that a corpus in the
tree consists of: one after the other the input that reaches most of what none before it reached,
as long as they are few and small."""

import sys
from pathlib import Path

MOST_FILES, MOST_BYTES = 60, 30 * 1024


def main() -> None:
    lines = Path(sys.argv[1]).read_text().splitlines()
    inputs = lines[2:2 + int(lines[0])]
    reached = {}
    for line in lines[2 + len(inputs):]:
        kind, index, *features = line.split()
        if kind == 'FT':
            reached[inputs[int(index)]] = set(features)
    sizes = {name: Path(name).stat().st_size for name in reached}
    seen, files, left = set(), 0, MOST_BYTES
    while reached and files < MOST_FILES:
        best = max(reached, key=lambda name: (len(reached[name] - seen), -sizes[name], name))
        new = reached.pop(best) - seen
        if not new:
            break
        if sizes[best] > left:
            continue
        print(best)
        seen |= new
        files, left = files + 1, left - sizes[best]


main()
