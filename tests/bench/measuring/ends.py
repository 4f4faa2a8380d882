# SPDX-License-Identifier: Apache-2.0
"""The ends of a tunnel, and the MQTT end: they take commands and answer in JSON lines."""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from typing import Any


class Incomplete(RuntimeError):
    """Something did not work at all: the one kind of failure this benchmark has."""


class End:
    def __init__(self, argv: list[str]) -> None:
        self.name = os.path.basename(argv[0])
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._text = b""
        self._events: list[dict[str, Any]] = []

    def command(self, *words: object) -> None:
        assert self._process.stdin
        self._process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self._process.stdin.flush()

    def wait(self, event: str, timeout: float = 60) -> dict[str, Any]:
        """The next event of this name; others before it are passed over."""
        found = self.poll(event, timeout)
        if found is None:
            raise Incomplete(f"{self.name}: no '{event}' within {timeout:.0f} s")
        return found

    def poll(self, event: str, timeout: float) -> dict[str, Any] | None:
        deadline = time.monotonic() + timeout
        while True:
            while self._events:
                one = self._events.pop(0)
                if one["event"] == event:
                    return one
                if one["event"] == "gone" and event == "done":
                    raise Incomplete(f"{self.name}: the connection ended before its task was done")
            if not self._read(deadline - time.monotonic()):
                return None

    def _read(self, timeout: float) -> bool:
        assert self._process.stdout
        output = self._process.stdout.fileno()
        if not select.select([output], [], [], max(timeout, 0))[0]:
            return False
        piece = os.read(output, 65536)
        if not piece:
            raise Incomplete(f"{self.name} has ended")
        *lines, self._text = (self._text + piece).split(b"\n")
        self._events += [json.loads(line) for line in lines]
        return True

    def forget(self) -> None:
        """Drops what was reported so far."""
        while self._read(0):
            pass
        self._events.clear()

    def stop(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
