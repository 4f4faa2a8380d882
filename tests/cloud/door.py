# SPDX-License-Identifier: Apache-2.0
"""The TCP ports: accepts, does TLS, reads the first request head, hands the connection either to a
WebSocket endpoint (raw streams) or to aiohttp. Misbehaves below HTTP as `Connection` says."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, Callable, Coroutine

from .behaviour import Connection
from .certificates import Certificates
from .hub import Hub
from .http_head import Request, parse_request
from .sender import close_once, set_reset

HEAD_LIMIT = 64 * 1024
READ_BUFFER = 64 * 1024
Endpoint = Callable[[Request, asyncio.StreamReader, asyncio.StreamWriter],
                    Coroutine[Any, Any, None]]


class _Head(asyncio.Protocol):
    """Collects the first head, then swaps itself for the protocol that serves the rest."""

    def __init__(self, door: "Door") -> None:
        self._door = door
        self._data = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._door.transports[transport] = transport.get_extra_info("socket")

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            if len(self._data) > HEAD_LIMIT:
                self._transport.abort()
            return
        try:
            request = parse_request(bytes(self._data[:end]))
        except ValueError:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            self._transport.close()
            return
        self._door.hand_over(self._transport, request, bytes(self._data), end + 4)


class Door:
    """One port on both loopbacks. `rest` makes an aiohttp protocol for all that is no WebSocket."""

    def __init__(self, hub: Hub, certificates: Certificates | None, rest: Callable[[], Any],
                 endpoints: dict[str, Endpoint]) -> None:
        self.port = 0
        self.has_ipv6 = False
        self.certificate = "good"
        self.accepted = 0
        self.transports: dict[asyncio.Transport, socket.socket | None] = {}
        self._held: list[socket.socket] = []  # silent connections: kept open, never served
        self._hub, self._certificates, self._rest = hub, certificates, rest
        self._endpoints = endpoints
        self._listeners: list[tuple[socket.socket, asyncio.Task[None]]] = []

    def listen(self) -> None:
        """The first time on a free port, afterwards on the same one."""
        first = _bind(socket.AF_INET, "127.0.0.1", self.port)
        self.port = first.getsockname()[1]
        sockets = [first]
        try:
            sockets.append(_bind(socket.AF_INET6, "::1", self.port))
            self.has_ipv6 = True
        except OSError:
            self.has_ipv6 = False
        for sock in sockets:
            task = asyncio.get_running_loop().create_task(self._accept(sock))
            self._listeners.append((sock, task))

    async def stop_listening(self) -> None:
        for sock, task in self._listeners:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            sock.close()
        self._listeners.clear()

    async def close(self) -> None:
        await self.stop_listening()
        self.reset_all()

    def reset_all(self) -> None:
        for transport, sock in self.transports.items():
            set_reset(sock)
            try:
                transport.abort()
            except AttributeError:
                pass  # aiohttp has closed it twice (see close_once): it goes by itself
        self.transports.clear()
        for sock in self._held:
            _close_with_reset(sock)
        self._held.clear()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listener)
            self.accepted += 1
            self.transports = {one: its for one, its in self.transports.items()
                               if its is not None and its.fileno() != -1}
            # The knobs are about the TLS port, which is where the device comes.
            knobs = self._hub.behaviour.next_connection() if self._certificates else Connection()
            self._hub.spawn(self._serve(sock, knobs))

    async def _serve(self, sock: socket.socket, knobs: Connection) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option, size in ((socket.SO_RCVBUF, knobs.receive_buffer),
                             (socket.SO_SNDBUF, knobs.send_buffer)):
            if size:
                sock.setsockopt(socket.SOL_SOCKET, option, size)
        if knobs.kind == "reset":
            return _close_with_reset(sock)
        if knobs.kind == "close":
            return sock.close()
        if knobs.kind == "silent":
            return self._held.append(sock)
        await asyncio.sleep(knobs.delay)
        loop = asyncio.get_running_loop()
        if knobs.kind in ("close_in_hello", "junk_in_hello"):
            await loop.sock_recv(sock, 4096)
            if knobs.kind == "junk_in_hello":
                await loop.sock_sendall(sock, b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n")
            return sock.close()
        context = None
        if self._certificates:
            kind = knobs.certificate or self.certificate
            context = self._certificates.context(kind, knobs.tls)
        try:
            if context:
                await loop.connect_accepted_socket(lambda: _Head(self), sock, ssl=context,
                                                   ssl_handshake_timeout=30,
                                                   ssl_shutdown_timeout=knobs.farewell)
            else:
                await loop.connect_accepted_socket(lambda: _Head(self), sock)
        except (OSError, ssl.SSLError):
            sock.close()  # the device's own business: it sees what is wrong with our certificate

    def hand_over(self, transport: asyncio.Transport, request: Request, data: bytes,
                  head_size: int) -> None:
        endpoint = next((one for prefix, one in self._endpoints.items()
                         if request.path.startswith(prefix)), None)
        if endpoint is None:
            protocol = self._rest()
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            protocol.data_received(data)
            return
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=READ_BUFFER, loop=loop)
        stream = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport.set_protocol(stream)
        stream.connection_made(transport)
        reader.feed_data(data[head_size:])
        writer = asyncio.StreamWriter(transport, stream, reader, loop)
        self._hub.spawn(self._run(endpoint, request, reader, writer))

    async def _run(self, endpoint: Endpoint, request: Request, reader: asyncio.StreamReader,
                   writer: asyncio.StreamWriter) -> None:
        try:
            await endpoint(request, reader, writer)
        finally:
            close_once(writer.transport)


def _bind(family: int, host: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        sock.listen(1024)
        sock.setblocking(False)
        return sock
    except OSError:
        sock.close()
        raise


def _close_with_reset(sock: socket.socket) -> None:
    # SO_LINGER with zero seconds makes close() a RST.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()
