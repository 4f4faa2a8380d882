# SPDX-License-Identifier: Apache-2.0
"""Builds a small sandbox with the system calls that the forwarder needs; looks whether it holds.

Landlock: only one folder may be read any more. seccomp: getpriority fails with EXDEV from now on.
The calls are made as the kernel's documentation says; a unit whose filter lacks one answers EPERM.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

_libc = ctypes.CDLL(None, use_errno=True)
# Landlock's numbers are the same everywhere; those of seccomp and getpriority are not.
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
SECCOMP, GETPRIORITY = {"x86_64": (317, 140), "aarch64": (277, 141)}.get(
    platform.machine(), (383, 96))
READ_FILE, READ_DIR, PATH_BENEATH = 1 << 2, 1 << 3, 1
SET_MODE_FILTER, RETURN_ERROR, ALLOW = 1, 0x00050000, 0x7FFF0000
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06


def call(number: int, *arguments: object) -> int:
    result = _libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{os.strerror(ctypes.get_errno())} (call {number})")
    return int(result)


def restrict_files(readable: str) -> None:
    access = struct.pack("=Q", READ_FILE | READ_DIR)
    ruleset = call(CREATE_RULESET, access, ctypes.c_size_t(len(access)), ctypes.c_uint(0))
    folder = os.open(readable, os.O_PATH | os.O_CLOEXEC)
    rule = struct.pack("=Qi", READ_FILE | READ_DIR, folder)
    call(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(PATH_BENEATH), rule, ctypes.c_uint(0))
    call(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0))


def restrict_calls(forbidden: int) -> None:
    steps = [(LOAD, 0, 0, 0), (JUMP_EQUAL, 0, 1, forbidden),
             (RETURN, 0, 0, RETURN_ERROR | errno.EXDEV), (RETURN, 0, 0, ALLOW)]
    program = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(program)
    header = struct.pack("@HP", len(steps), ctypes.addressof(buffer))
    call(SECCOMP, ctypes.c_uint(SET_MODE_FILTER), ctypes.c_uint(0), header)


def main() -> None:
    _libc.prctl(38, 1, 0, 0, 0)  # no new privileges: the unit has said so already
    restrict_files("/etc/ssl")
    os.listdir("/etc/ssl")
    try:
        os.listdir("/etc")
        raise SystemExit("Landlock does not hold")
    except PermissionError:
        pass
    restrict_calls(GETPRIORITY)
    try:
        os.getpriority(os.PRIO_PROCESS, 0)
        raise SystemExit("seccomp does not hold")
    except OSError as error:
        assert error.errno == errno.EXDEV, error
    print("sandbox: done")


if __name__ == "__main__":
    main()
