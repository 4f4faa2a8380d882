# SPDX-License-Identifier: Apache-2.0
"""Coloured stripes on the root window of an X server, in the X protocol's own words: a machine's
panel for the tests and the demo, without a package of X programs."""

from __future__ import annotations

import socket
import struct

STRIPES = (0x1f6feb, 0x2da44e, 0xd29922, 0xcf222e, 0x8250df, 0xf6f8fa)
CREATE_CONTEXT, CHANGE_CONTEXT, FILL_RECTANGLES, GET_INPUT_FOCUS = 55, 56, 70, 43
FOREGROUND = 1 << 2


def _exactly(server: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = server.recv(count - len(data))
        if not piece:
            raise ConnectionError("the X server has gone")
        data += piece
    return data


def draw_stripes(server: socket.socket) -> None:
    """`server`: connected. What is drawn stays as long as the X server."""
    server.settimeout(10)
    server.sendall(struct.pack("<BxHHHHxx", ord("l"), 11, 0, 0, 0))
    status, _, _, _, words = struct.unpack("<BBHHH", _exactly(server, 8))
    answer = _exactly(server, 4 * words)
    if status != 1:
        raise ConnectionError(f"the X server refuses: {answer!r}")
    identifiers, = struct.unpack_from("<I", answer, 4)
    vendor, = struct.unpack_from("<H", answer, 16)
    formats = answer[21]
    screen = 32 + (vendor + 3) // 4 * 4 + 8 * formats
    root, = struct.unpack_from("<I", answer, screen)
    width, height = struct.unpack_from("<HH", answer, screen + 20)
    context = identifiers | 1
    server.sendall(struct.pack("<BxHIII", CREATE_CONTEXT, 4, context, root, 0))
    for number, colour in enumerate(STRIPES):
        left, right = (width * edge // len(STRIPES) for edge in (number, number + 1))
        server.sendall(
            struct.pack("<BxHIII", CHANGE_CONTEXT, 4, context, FOREGROUND, colour)
            + struct.pack("<BxHIIhhHH", FILL_RECTANGLES, 5, root, context, left, 0, right - left,
                          height))
    server.sendall(struct.pack("<BxH", GET_INPUT_FOCUS, 1))
    _exactly(server, 32)  # the answer to the last request: all before it is done
