# SPDX-License-Identifier: Apache-2.0
"""thin-edge's mapper as a service inside the container: the stand-in of tests/e2e, and beside it
the declaration of the operations (SmartREST 114) whenever their files change, and a line for each
command that ended."""

from __future__ import annotations

import json
import os
import re
import time
import tomllib
from pathlib import Path

from e2e.harness.mapper import Mapper

CONFIG = Path(os.environ.get("TEDGE_CONFIG_DIR", "/etc/tedge"))
RUNS = Path("/var/log/tedge/agent/runs.jsonl")
_NAME = re.compile(r"\w+", re.ASCII)


def declared(operations: Path) -> dict[str, str]:
    """Names that thin-edge declares, with what it would run; it ignores any other file."""
    found = {}
    for path in sorted(operations.iterdir()) if operations.is_dir() else []:
        try:
            if _NAME.fullmatch(path.name):
                found[path.name] = path.read_text()
        except OSError:
            continue  # gone again
    return found


def write_run(run: object) -> None:
    fields = ("pid", "exit_code", "stdout", "stderr")
    values = {name: getattr(run, name) for name in fields}
    line = json.dumps({name: value.decode(errors="replace") if isinstance(value, bytes) else value
                       for name, value in values.items()})
    with RUNS.open("a") as log:
        log.write(line + "\n")


def main() -> None:
    settings = tomllib.loads((CONFIG / "tedge.toml").read_text())
    client = settings["mqtt"]["client"]
    mapper = Mapper(operations=CONFIG / "operations/c8y", folder=Path("/tmp"),
                    environment=dict(os.environ), broker=(client["host"], client["port"]),
                    prefix="c8y", device="device-1")
    mapper.start()
    before, written = None, 0
    while True:
        now = declared(mapper.operations)
        if now != before:
            mapper.publish("114" + "".join(f",{name}" for name in now))
            before = now
        for run in mapper.runs[written:]:
            if run.end_of_file is None:
                break
            write_run(run)
            written += 1
        time.sleep(0.02)


if __name__ == "__main__":
    main()
