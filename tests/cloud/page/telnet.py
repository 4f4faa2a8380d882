# SPDX-License-Identifier: Apache-2.0
"""Telnet, the client's end (RFC 854, 855). Pure: bytes in; text and answers out."""

from __future__ import annotations

import re

IAC, DONT, DO, WONT, WILL, SB, SE = 255, 254, 253, 252, 251, 250, 240
BINARY, ECHO, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WINDOW_SIZE = 0, 1, 3, 24, 31
IS, SEND = 0, 1
THEIRS = {BINARY, ECHO, SUPPRESS_GO_AHEAD}  # what the server may do
OURS = {BINARY, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WINDOW_SIZE}
LONGEST_SUBNEGOTIATION = 512
TERMINAL = b"xterm-256color"
_SUBNEGOTIATION = re.compile(rb"\xff\xfa(?:[^\xff]|\xff[^\xf0])*\xff\xf0", re.S)


class Telnet:
    """Every option but those above is refused. What the server asks for twice is answered once,
    as RFC 1143 wants, so that two ends never answer each other for ever."""

    def __init__(self, columns: int, rows: int) -> None:
        self._size = (columns, rows)
        self._pending = bytearray()  # an unfinished command
        self._theirs: set[int] = set()
        self._ours: set[int] = set()
        self._after_cr = False

    def receive(self, data: bytes) -> tuple[bytes, bytes]:
        """What to show, and what to answer. A command may come in pieces."""
        self._pending += data
        text, answer = bytearray(), bytearray()
        while self._pending:
            if self._pending[0] != IAC:
                end = self._pending.find(IAC)
                end = len(self._pending) if end < 0 else end
                text += self._shown(bytes(self._pending[:end]))
            else:
                end = self._command_length()
                if end == 0:
                    break
                command = bytes(self._pending[:end])
                answer += self._answer(command)
                text += b"\xff" if command == b"\xff\xff" else b""
            del self._pending[:end]
        return bytes(text), bytes(answer)

    def _shown(self, data: bytes) -> bytes:
        """CR NUL is a bare CR; the NUL may come in the next piece."""
        if self._after_cr and data.startswith(b"\0"):
            data = data[1:]
        self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\0", b"\r")

    def _command_length(self) -> int:
        """0: not all of it is there."""
        have = self._pending
        if len(have) < 2:
            return 0
        if have[1] != SB:
            length = 3 if have[1] in (DO, DONT, WILL, WONT) else 2
            return length if len(have) >= length else 0
        whole = _SUBNEGOTIATION.match(have)
        if not whole and len(have) > LONGEST_SUBNEGOTIATION:
            raise ValueError("a Telnet subnegotiation without an end")
        return whole.end() if whole else 0

    def _answer(self, command: bytes) -> bytes:
        verb, option = command[1], command[-1]
        if verb in (WILL, WONT):
            return self._agree(self._theirs, verb == WILL, option, option in THEIRS, DO, DONT)
        if verb in (DO, DONT):
            answer = self._agree(self._ours, verb == DO, option, option in OURS, WILL, WONT)
            if answer == bytes([IAC, WILL, WINDOW_SIZE]):
                answer += self.resize(*self._size)
            return answer
        if verb == SB and command[2:4] == bytes([TERMINAL_TYPE, SEND]):
            return bytes([IAC, SB, TERMINAL_TYPE, IS]) + TERMINAL + bytes([IAC, SE])
        return b""

    def _agree(self, agreed: set[int], wanted: bool, option: int, may: bool, yes: int,
               no: int) -> bytes:
        if wanted and not may:
            return bytes([IAC, no, option])
        if wanted == (option in agreed):
            return b""
        (agreed.add if wanted else agreed.discard)(option)
        return bytes([IAC, yes if wanted else no, option])

    def send(self, data: bytes) -> bytes:
        """Typed bytes as they go out; Enter is CR NUL unless the line is binary."""
        data = data.replace(b"\xff", b"\xff\xff")
        return data if BINARY in self._ours else data.replace(b"\r", b"\r\0")

    def resize(self, columns: int, rows: int) -> bytes:
        self._size = (columns, rows)
        if WINDOW_SIZE not in self._ours:
            return b""
        size = columns.to_bytes(2, "big") + rows.to_bytes(2, "big")
        return (bytes([IAC, SB, WINDOW_SIZE]) + size.replace(b"\xff", b"\xff\xff")
                + bytes([IAC, SE]))
