# SPDX-License-Identifier: Apache-2.0
"""A pulled cable for one socket: a filter in the kernel drops what arrives before TCP sees it, so
that nothing is acknowledged and nobody says that it is over. Needs no rights, but some containers
forbid it."""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import Any

_ATTACH_FILTER, _DETACH_FILTER = 26, 27  # asm-generic/socket.h
_DROP = struct.pack("HBBI", 0x06, 0, 0, 0)  # BPF_RET | BPF_K: keep 0 bytes


def unplug(sock: Any) -> None:
    program = ctypes.create_string_buffer(_DROP)
    sock.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER,
                    struct.pack("HL", 1, ctypes.addressof(program)))


def plug_in(sock: Any) -> None:
    sock.setsockopt(socket.SOL_SOCKET, _DETACH_FILTER, 0)


def can_unplug() -> bool:
    with socket.socket() as sock:
        try:
            unplug(sock)
        except PermissionError:
            return False
    return True
