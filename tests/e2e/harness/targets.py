# SPDX-License-Identifier: Apache-2.0
"""TCP services on the device: what an operator may find behind the tunnel."""

from __future__ import annotations

import contextlib
import hashlib
import random
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from .waiting import wait_until

Handler = Callable[[socket.socket], None]


class Target:
    """Listens, on a free port unless one is named; each connection has a thread of its own."""

    def __init__(self, handler: Handler, *, host: str = "127.0.0.1", port: int = 0,
                 receive_buffer: int | None = None) -> None:
        self._handler = handler
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.socket(family)
        if receive_buffer is not None:  # before listen(): accepted sockets inherit it
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._listener.bind((host, port))
        self._listener.listen(64)
        self.host, self.port = self._listener.getsockname()[:2]
        self.connections: list[socket.socket] = []
        self.ended = 0  # connections whose handler is done
        self.errors: list[Exception] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(30)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._handler(connection)
        except Exception as error:  # shown by the test that expected something else
            self.errors.append(error)
        finally:
            connection.close()
            self.ended += 1

    def wait_connection(self, timeout: float = 10) -> socket.socket:
        return wait_until(lambda: self.connections, timeout, "a connection to the target")[0]

    def wait_ended(self, count: int = 1, timeout: float = 10) -> None:
        wait_until(lambda: self.ended >= count, timeout, f"{count} ended connections")

    def close(self) -> None:
        # shutdown() wakes the thread in accept(); close() alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def wait_for_end(connection: socket.socket) -> None:
    """Says nothing, takes everything, ends when the other side does."""
    while connection.recv(65536):
        pass


def say(text: bytes) -> Handler:
    """Speaks first, as sshd and VNC do, then echoes."""

    def handler(connection: socket.socket) -> None:
        connection.sendall(text)
        echo(connection)

    return handler


def say_and_leave(chunks: Iterator[bytes] | bytes) -> Handler:
    def handler(connection: socket.socket) -> None:
        for chunk in [chunks] if isinstance(chunks, bytes) else chunks:
            connection.sendall(chunk)

    return handler


def reset(connection: socket.socket) -> None:
    """Ends with RST instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def wants_certificate(own: Path, authority: Path,
                      version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Handler:
    """Speaks TLS with `own`, and with nobody who shows no certificate of `authority`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    context.load_cert_chain(own)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED

    def handler(connection: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    return handler


def random_chunks(size: int, seed: int) -> Iterator[bytes]:
    """`size` bytes that no compression and no mix-up survives; the same for the same seed."""
    generator = random.Random(seed)
    while size > 0:
        chunk = generator.randbytes(min(size, 65536))
        size -= len(chunk)
        yield chunk


def digest(chunks: Iterator[bytes]) -> str:
    checksum = hashlib.sha256()
    for chunk in chunks:
        checksum.update(chunk)
    return checksum.hexdigest()


def receive_digest(connection: socket.socket, size: int) -> str:
    """Of exactly `size` bytes; less is an EOFError."""
    checksum = hashlib.sha256()
    while size > 0:
        data = connection.recv(min(size, 1 << 18))
        if not data:
            raise EOFError(f"{size} bytes are missing")
        checksum.update(data)
        size -= len(data)
    return checksum.hexdigest()


@contextlib.contextmanager
def refusing_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port that nobody else can take and where nobody listens."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as reserved:
        reserved.bind((host, 0))
        yield reserved.getsockname()[1]


@contextlib.contextmanager
def deaf_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A port whose connections never stand: its queue is full, so the kernel drops each SYN."""
    with contextlib.ExitStack() as held:
        listener = held.enter_context(socket.socket())
        listener.bind((host, 0))
        listener.listen(0)
        address = listener.getsockname()
        for _ in range(4):
            filler = held.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield address[1]


@contextlib.contextmanager
def silent_port(kind: int = socket.SOCK_STREAM, path: str = "") -> Iterator[int]:
    """Accepts, reads nothing and never says a word; on a Unix socket if `path` is given."""
    with socket.socket(socket.AF_UNIX if path else socket.AF_INET, kind) as listener:
        listener.bind(path or ("127.0.0.1", 0))
        listener.listen(16)
        yield 0 if path else listener.getsockname()[1]
