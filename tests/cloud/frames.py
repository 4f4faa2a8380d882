# SPDX-License-Identifier: Apache-2.0
"""WebSocket frames (RFC 6455 section 5) as a server sees them. Pure."""

from __future__ import annotations

import struct
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
DATA_OPCODES = (CONTINUATION, TEXT, BINARY)
CONTROL_OPCODES = (CLOSE, PING, PONG)
NO_STATUS, ABNORMAL = 1005, 1006


class ProtocolError(Exception):
    """The peer broke RFC 6455."""


@dataclass
class FrameHead:
    fin: bool
    opcode: int
    masked: bool
    length: int  # of the payload; 126 and 127 until the longer length is read
    extended: int  # how many more bytes of length follow


def parse_head(two: bytes) -> FrameHead:
    length = two[1] & 0x7F
    head = FrameHead(fin=bool(two[0] & 0x80), opcode=two[0] & 0x0F, masked=bool(two[1] & 0x80),
                     length=length, extended={126: 2, 127: 8}.get(length, 0))
    if two[0] & 0x70:
        raise ProtocolError("a reserved bit is set")
    if head.opcode not in DATA_OPCODES + CONTROL_OPCODES:
        raise ProtocolError(f"unknown opcode {head.opcode}")
    if head.opcode in CONTROL_OPCODES and (not head.fin or length > 125):
        raise ProtocolError("a control frame is fragmented or too long")
    if not head.masked:
        raise ProtocolError("a frame from the client is not masked")
    return head


def parse_length(extended: bytes) -> int:
    length = int.from_bytes(extended, "big")
    if length >> 63:
        raise ProtocolError("a frame length has its highest bit set")
    if length < (126 if len(extended) == 2 else 65536):
        raise ProtocolError("a frame length is not minimal")
    return length


def make_head(opcode: int, length: int, *, fin: bool = True) -> bytes:
    first = (0x80 if fin else 0) | opcode
    if length < 126:
        return bytes((first, length))
    if length < 65536:
        return struct.pack("!BBH", first, 126, length)
    return struct.pack("!BBQ", first, 127, length)


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    return make_head(opcode, len(payload), fin=fin) + payload


def unmask(data: bytes, key: bytes, offset: int) -> bytes:
    """`offset`: how much of the payload came before. Big integers, because a loop would be slow."""
    if not data or key == b"\0\0\0\0":
        return data
    turn = offset % 4
    pattern = ((key[turn:] + key[:turn]) * (len(data) // 4 + 1))[:len(data)]
    mixed = int.from_bytes(data, "little") ^ int.from_bytes(pattern, "little")
    return mixed.to_bytes(len(data), "little")


def close_payload(code: int, reason: str) -> bytes:
    return b"" if code == NO_STATUS else struct.pack("!H", code) + reason.encode()[:123]


def parse_close(payload: bytes) -> tuple[int, str]:
    if not payload:
        return NO_STATUS, ""
    if len(payload) == 1:
        raise ProtocolError("a close frame with half a code")
    code = int.from_bytes(payload[:2], "big")
    if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        raise ProtocolError(f"close code {code} must not be on the wire")
    try:
        return code, payload[2:].decode()
    except UnicodeDecodeError as error:
        raise ProtocolError("the reason of a close frame is not UTF-8") from error
