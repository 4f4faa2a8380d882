#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the product against references on this machine, side by side; see README.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # for the stand-in cloud's parts

from measuring import contenders, data, memory, report, startup  # noqa: E402
from measuring.device import Device, device  # noqa: E402
from measuring.ends import Incomplete  # noqa: E402
from measuring.programs import Programs  # noqa: E402
from measuring.results import Results  # noqa: E402
from measuring.session import sessions  # noqa: E402

PARTS = ("data", "memory", "startup")
_SIZE_LIMIT = 1024.0  # KiB
_BROKER_NAGLE = "set_tcp_nodelay false"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True, help="meson's build folder")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write everything")
    parser.add_argument("--quick", action="store_true", help="under a minute, and less exact")
    parser.add_argument("--runs", type=int, metavar="N", help="of each transfer and echo [9]")
    parser.add_argument("--websocat", action="store_true", help="let cargo install it if missing")
    parser.add_argument("--broker-nagle", action="store_true",
                        help="leave mosquitto's set_tcp_nodelay as Debian has it: off")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part (repeatable)")
    parser.add_argument("--contenders", metavar="A,B", help="only these: floor,product,naive,…")
    return parser.parse_args()


def measure(options: argparse.Namespace, programs: Programs, one: Device,
            results: Results) -> None:
    starts = contenders.all_of(programs)
    if options.contenders:
        starts = {name: starts[name] for name in options.contenders.split(",") if name in starts}
    parts = options.only or PARTS
    quick = options.quick
    runs = options.runs or (3 if quick else 9)
    if "data" in parts:
        with sessions(one, starts) as standing:
            data.transfers(results, standing, runs, (64 if quick else 160) * data.MIB)
            data.echoes(results, standing, runs, 500 if quick else 1000)
            data.keystrokes(results, standing, 2 if quick else runs, 200 if quick else 300)
    if "memory" in parts:
        memory.measure(results, one, starts, 1 if quick else 2, (256 if quick else 1024) * data.MIB)
    if "startup" in parts:
        basic = {"product, Basic": contenders.product("basic")} if "product" in starts else {}
        startup.measure(results, one, starts | basic, 5 if quick else 20)
    size = results.figure("executable, stripped", "KiB", absolute=_SIZE_LIMIT)
    size.add("product", programs.stripped_size(one.folder) / 1024)


def main() -> int:
    options = arguments()
    results = Results()
    began = report.machine()
    since = time.monotonic()
    status = 0
    try:
        programs = Programs(options.build.resolve())
        missing = programs.find_websocat(options.websocat)
        if missing:
            results.notes.append("no websocat, start-up is compared with the floor: " + missing)
        with device(programs, _BROKER_NAGLE if options.broker_nagle else "") as one:
            measure(options, programs, one, results)
    except (Incomplete, subprocess.CalledProcessError, OSError) as error:
        results.notes.append(f"INCOMPLETE: {error}")
        status = 1
    took = time.monotonic() - since
    print(f"{began['cpu']}, {began['cores']} cores, kernel {began['kernel']}, {began['openssl']}; "
          f"load {began['load_average'][0]:.2f} at the start; {took:.0f} s\n")
    print(report.table(results))
    for note in results.notes:
        print(f"\n{note}")
    if options.json:
        settings = {name: getattr(options, name)
                    for name in ("quick", "runs", "only", "contenders", "broker_nagle")}
        written = report.as_json(results, began, settings) | {"seconds": round(took, 1)}
        options.json.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
