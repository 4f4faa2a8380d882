# SPDX-License-Identifier: Apache-2.0
"""What happens in one folder of a container, in order, without a gap (inotify)."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

_MODIFY, _MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x2, 0x40, 0x80, 0x100, 0x200
_HEAD = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class FolderWatch:
    """`events` and `vanished` are there when the block has ended."""

    def __init__(self, folder: Path) -> None:
        self.events: list[tuple[str, int]] = []
        self._folder = folder
        self._descriptor = -1

    @property
    def vanished(self) -> list[str]:
        """Names that were gone for a moment; one that another file replaced never was."""
        return [name for name, mask in self.events if mask & (_DELETE | _MOVED_FROM)]

    def __enter__(self) -> FolderWatch:
        self._descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        mask = _MODIFY | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE
        if _libc.inotify_add_watch(self._descriptor, bytes(self._folder), mask) < 0:
            raise OSError(ctypes.get_errno(), f"inotify on {self._folder}")
        return self

    def __exit__(self, *_: object) -> None:
        data = b""
        try:
            while True:
                data += os.read(self._descriptor, 65536)
        except BlockingIOError:
            pass
        os.close(self._descriptor)
        while data:
            _, mask, _, length = _HEAD.unpack_from(data)
            name = data[_HEAD.size:_HEAD.size + length].rstrip(b"\0").decode()
            self.events.append((name, mask))
            data = data[_HEAD.size + length:]
