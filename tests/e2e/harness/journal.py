# SPDX-License-Identifier: Apache-2.0
"""Stands in for /dev/log: sessions and forwarders of one device write here."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from .waiting import wait_until

_LINE = re.compile(r"<(?P<priority>\d+)>(?P<program>[^\[]+)\[(?P<pid>\d+)\]: (?P<text>.*)", re.S)
_MARK = b"\n"  # of ours, between the lines of the processes


@dataclass(frozen=True)
class Line:
    time: float
    severity: int  # syslog's: 3 error, 4 warning, 6 info, 7 debug
    pid: int
    text: str


class Journal:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[Line] = []
        self.unreadable: list[bytes] = []
        self._marks: deque[threading.Event] = deque()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        while datagram := self._socket.recv(65536):
            if datagram == _MARK:
                self._marks.popleft().set()
                continue
            match = _LINE.fullmatch(datagram.decode("ascii", "replace"))
            if match is None:
                self.unreadable.append(datagram)
                continue
            self.lines.append(Line(time.monotonic(), int(match["priority"]) & 7,
                                   int(match["pid"]), match["text"]))

    def _send(self, datagram: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(datagram, str(self.path))

    def _catch_up(self) -> None:
        """What a process that is gone has sent may still be on its way to the thread."""
        if self._thread.is_alive():
            mark = threading.Event()
            self._marks.append(mark)
            self._send(_MARK)
            mark.wait(5)

    @property
    def text(self) -> str:
        """All that was written until now."""
        self._catch_up()
        return "\n".join(line.text for line in list(self.lines))

    def wait_for(self, pattern: str, timeout: float = 5) -> re.Match[str]:
        try:
            found = wait_until(lambda: re.search(pattern, self.text), timeout)
        except TimeoutError:
            raise TimeoutError(f"no line like {pattern!r} in:\n{self.text}") from None
        assert found is not None
        return found

    def close(self) -> None:
        # An empty datagram ends the thread; closing a socket does not wake its reader.
        self._send(b"")
        self._thread.join(5)
        self._socket.close()
        self.path.unlink()
