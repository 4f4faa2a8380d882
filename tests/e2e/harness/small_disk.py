# SPDX-License-Identifier: Apache-2.0
"""A file system of a few kilobytes in the place of a folder, to be filled by the test."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """To the last byte; files without content can still be made."""
        with contextlib.suppress(OSError), (self.folder / "ballast").open("wb", 0) as ballast:
            while True:
                ballast.write(bytes(4096))

    def use_up_names(self) -> None:
        with contextlib.suppress(OSError):
            for number in range(1000):
                (self.folder / f"file-{number}").touch(exist_ok=False)

    def make_read_only(self) -> None:
        _mount("-o", "remount,ro", str(self.folder))

    def clear(self) -> None:
        for path in [self.folder / "ballast", *self.folder.glob("file-*")]:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Everything that lies on it is gone afterwards."""
    folder.mkdir(exist_ok=True)
    _mount("-t", "tmpfs", "-o", "size=64k,nr_inodes=32,mode=0755", "tmpfs", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a process that is left must show as such, and not as a busy mount.
        subprocess.run(["umount", "-l", str(folder)], check=True)


def unused_user() -> int:
    """A user id of this test alone: the kernel counts a user's processes over all tests."""
    return 20_000 + os.getpid() % 30_000
