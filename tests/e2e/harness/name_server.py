# SPDX-License-Identifier: Apache-2.0
"""A DNS server (RFC 1035, UDP) on an address of 127.0.0.0/8 of its own, and programs that ask it.

resolv.conf(5) knows no port, so it is 53; and it is the machine's file, so a program that shall ask
this server runs in a mount namespace where that file, hosts and nsswitch.conf are its own.
"""

from __future__ import annotations

import contextlib
import ipaddress
import random
import shlex
import socket
import struct
import subprocess
import threading
from pathlib import Path

from . import executable

A, AAAA = 1, 28
_NO_SUCH_NAME = 3


def why_not() -> str:
    """Why this machine cannot run such a program; empty where it can."""
    made = subprocess.run(
        ["unshare", "--mount", "mount", "--bind", "/etc/hosts", "/etc/hosts"],
        capture_output=True, text=True, timeout=10, check=False)
    if made.returncode != 0:
        return f"no mount namespace can be made here: {made.stderr.strip()}"
    return ""


def _question(query: bytes) -> tuple[str, int, bytes]:
    """Name, type, and the question as it stands in the query."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1:at + 1 + length].decode("ascii"))
        at += 1 + length
    kind = struct.unpack_from("!H", query, at + 1)[0]
    return ".".join(labels).lower(), kind, query[12:at + 5]


class NameServer:
    """`names`: a name and the answers to its first, second, … query, the last one for ever; each
    answer is a list of addresses, of which a query gets those of its type. None: no answer at all.
    """

    def __init__(self) -> None:
        self.names: dict[str, list[list[str] | None]] = {}
        self.queries: list[tuple[str, int]] = []
        self._asked: dict[tuple[str, int], int] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.address = self._bind()
        self._ended = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _bind(self) -> str:
        for _ in range(100):
            address = f"127.{random.randint(1, 254)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
            with contextlib.suppress(OSError):
                self._socket.bind((address, 53))
                return address
        raise OSError("no free address for a name server on port 53")

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                query, client = self._socket.recvfrom(4096)
                if self._ended:
                    return
                answer = self._answer(query)
                if answer is not None:
                    self._socket.sendto(answer, client)

    def _answer(self, query: bytes) -> bytes | None:
        name, kind, question = _question(query)
        self.queries.append((name, kind))
        answers = self.names.get(name)
        count = self._asked.get((name, kind), 0)
        self._asked[(name, kind)] = count + 1
        addresses = answers[min(count, len(answers) - 1)] if answers else []
        if addresses is None:
            return None
        version = {A: 4, AAAA: 6}.get(kind)
        fitting = [ipaddress.ip_address(one).packed for one in addresses
                   if ipaddress.ip_address(one).version == version]
        code = 0 if answers else _NO_SUCH_NAME
        head = query[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(fitting), 0, 0)
        records = [struct.pack("!HHHIH", 0xC00C, kind, 1, 0, len(packed)) + packed
                   for packed in fitting]
        return head + question + b"".join(records)

    def asked(self, name: str, kind: int = A) -> int:
        return self.queries.count((name, kind))

    def asking(self, program: Path, folder: Path) -> Path:
        """A folder with a program of the same name that runs `program` with this resolver."""
        folder.mkdir()
        contents = {"resolv.conf": f"nameserver {self.address}\noptions timeout:30 attempts:1\n",
                    "nsswitch.conf": "hosts: files dns\n", "hosts": "127.0.0.1 localhost\n"}
        mounts = []
        for name, text in contents.items():
            (folder / name).write_text(text)
            mounts.append(f"mount --bind {shlex.quote(str(folder / name))} /etc/{name}")
        inside = " && ".join([*mounts, f'exec {shlex.quote(str(program))} "$@"'])
        (folder / "bin").mkdir()
        script = folder / "bin" / executable.NAME
        script.write_text(f"#!/bin/sh\nexec unshare --mount sh -c {shlex.quote(inside)} sh \"$@\"\n")
        script.chmod(0o755)
        return script.parent

    def close(self) -> None:
        self._ended = True
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.sendto(b"\0" * 12 + b"\0\0\1\0\1", (self.address, 53))  # wakes the thread
        self._socket.close()
