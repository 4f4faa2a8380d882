# SPDX-License-Identifier: Apache-2.0
"""The Debian 12 root that every container starts from: made once a run, never written again."""

from __future__ import annotations

import fcntl
import os
import platform
import re
import subprocess
from pathlib import Path

from e2e.harness.services import program

SUITE = "bookworm"
DEFAULT_SOURCE = f"deb http://deb.debian.org/debian {SUITE} main"
# systemd and D-Bus boot; python3 and procps are for the stand-in mapper and the tests.
PACKAGES = {"systemd", "systemd-sysv", "dbus", "procps", "python3", "ca-certificates"}
# How this machine reaches its mirror: proxies, certificates, snapshots of a past day.
_APT_OPTIONS = re.compile(r"^Acquire::(https?::|Check-|Retries|AllowInsecure)")


class NoRoot(Exception):
    """mmdebstrap has failed; the text is its own."""


def dependencies(package: Path) -> set[str]:
    """The names that a .deb depends on, first alternatives only."""
    found = subprocess.run(["dpkg-deb", "-f", str(package), "Pre-Depends", "Depends"],
                           capture_output=True, text=True, check=True).stdout
    found = re.sub(r"(?m)^[\w-]+: ", ",", found)
    names = (re.split(r"[\s(:|\[]", item.strip())[0] for item in found.split(","))
    return {name for name in names if name}


def sources() -> list[str]:
    """This machine's own apt sources of the same suite; else Debian's address."""
    if platform.freedesktop_os_release().get("VERSION_CODENAME") != SUITE:
        return [DEFAULT_SOURCE]
    folder = Path("/etc/apt/sources.list.d")
    files = [Path("/etc/apt/sources.list"), *folder.glob("*.list"), *folder.glob("*.sources")]
    named = re.compile(rf"(?m)^(deb\b.*|Suites:.*)\b{SUITE}\b")
    return [str(path) for path in files
            if path.is_file() and named.search(path.read_text())] or [DEFAULT_SOURCE]


def apt_options() -> list[str]:
    dumped = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True)
    return [f"--aptopt={line}" for line in dumped.stdout.splitlines()
            if _APT_OPTIONS.match(line) and not line.endswith('"";')]


def make_root(folder: Path, package: Path) -> Path:
    """`folder` with what `package` depends on; whoever comes second waits for the first."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _debootstrap(folder, PACKAGES | dependencies(package))
    return folder


def _debootstrap(folder: Path, packages: set[str]) -> None:
    partial = folder.with_suffix(".partial")
    # Its mounts of /proc, /sys and /dev go with it, also when it is killed.
    command = [program("unshare"), "--mount", "--propagation", "private",
               program("mmdebstrap"), "--variant=minbase", "--mode=root", "--format=directory",
               "--dpkgopt=force-unsafe-io",
               "--include=" + ",".join(sorted(packages)), *apt_options(), SUITE, str(partial),
               *sources()]
    made = subprocess.run(command, capture_output=True, text=True, timeout=600,
                          env={**os.environ, "SOURCE_DATE_EPOCH": "0"})
    if made.returncode != 0:
        raise NoRoot(f"{' '.join(command)}\n{made.stderr[-3000:]}")
    partial.rename(folder)
