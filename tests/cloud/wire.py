# SPDX-License-Identifier: Apache-2.0
"""A device by hand, for the tests of this folder: what is on the wire."""

from __future__ import annotations

import os
import socket
import ssl

from .cloud import Cloud
from .frames import make_head, unmask
from .session import Session


class Wire:
    """Sends and reads single bytes and frames."""

    def __init__(self, cloud: Cloud) -> None:
        context = ssl.create_default_context(cafile=str(cloud.ca_file))
        raw = socket.create_connection((cloud.host, cloud.port), timeout=10)
        self.socket = context.wrap_socket(raw, server_hostname="cloud.test")
        self.token = cloud.hub.tokens.issue("device_device-1", 60, fresh=False)

    def ask(self, key: str, *, authorization: str = "") -> str:
        self.socket.sendall((
            f"GET /service/remoteaccess/device/{key} HTTP/1.1\r\nHost: cloud.test\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n"
            f"Authorization: {authorization or 'Bearer ' + self.token}\r\n\r\n").encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            piece = self.socket.recv(1)
            if not piece:
                break
            head += piece
        return head.decode()

    def exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            assert piece, f"the connection ended, {len(data)} of {count} bytes came"
            data += piece
        return data

    def was_reset(self) -> bool:
        """Asked below TLS, which makes a plain end of file of it."""
        with socket.socket(fileno=os.dup(self.socket.fileno())) as below:
            below.settimeout(5)
            try:
                while below.recv(65536):
                    pass
                return False
            except ConnectionResetError:
                return True

    def frame(self) -> tuple[bool, int, bytes]:
        first, second = self.exactly(2)
        length = second
        if second > 125:
            length = int.from_bytes(self.exactly(2 if second == 126 else 8), "big")
        return bool(first & 0x80), first & 15, self.exactly(length)

    def send(self, opcode: int, payload: bytes, *, fin: bool = True) -> None:
        head = bytearray(make_head(opcode, len(payload), fin=fin))
        head[1] |= 0x80
        mask = os.urandom(4)
        self.socket.sendall(bytes(head) + mask + unmask(payload, mask, 0))


def joined(cloud: Cloud) -> tuple[Session, Wire]:
    session = cloud.open("127.0.0.1", 22, delivery=None)
    wire = Wire(cloud)
    assert wire.ask(session.operation.key).startswith("HTTP/1.1 101 ")
    return session.wait_device(), wire
