# SPDX-License-Identifier: Apache-2.0
"""The executables: the product as it was built, the references as meson builds them on demand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .ends import Incomplete

PRODUCT = "c8y-remote-access-connect"
_OURS = ("bench-floor", "bench-naive", "bench-cloud-end", "bench-target-end")
# Its dependencies as locked do not compile with current Rust; the newest allowed ones do.
_WEBSOCAT = ["websocat", "--version", "^1.14"]


class Programs:
    def __init__(self, build: Path) -> None:
        self.build = build
        self.product = build / "plugin" / PRODUCT
        if not self.product.exists():
            raise Incomplete(f"{self.product} is not built")
        subprocess.run(["meson", "compile", "-C", str(build), *_OURS], check=True,
                       stdout=subprocess.DEVNULL)
        self.floor, self.naive, self.cloud_end, self.target_end = (
            build / "tests" / "bench" / name for name in _OURS)
        self.websocat: Path | None = None

    def stripped_size(self, scratch: Path) -> int:
        copy = scratch / "stripped"
        subprocess.run(["strip", "-o", str(copy), str(self.product)], check=True)
        return copy.stat().st_size

    def find_websocat(self, install: bool) -> str:
        """Empty, or why there is none."""
        root = self.build / "bench" / "websocat"
        own = root / "bin" / "websocat"
        found = shutil.which("websocat") or (str(own) if own.exists() else None)
        if not found and not install:
            return "websocat is not in PATH (--websocat installs it into the build folder)"
        if not found and not shutil.which("cargo"):
            return "websocat is not in PATH and cargo is not there to install it"
        if not found:
            print("installing websocat with cargo: this takes some minutes", flush=True)
            done = subprocess.run(["cargo", "install", "--quiet", *_WEBSOCAT, "--root", str(root)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            if done.returncode != 0:
                return "cargo cannot install websocat: " + done.stderr.strip()[-200:]
            found = str(own)
        self.websocat = Path(found)
        return ""
