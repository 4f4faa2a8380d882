# SPDX-License-Identifier: Apache-2.0
"""A device without a way out: a network namespace that has nothing but its own loopback.

The namespace has no name and no address of the machine: it is gone with the last descriptor and
process in it, and any number exist side by side. What the device may reach is a port on the
namespace's loopback that the test passes on to the outside: the broker, and the proxy.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from .targets import Handler, Target

_CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 0x1
_SIOCSIFADDR, _SIOCSIFNETMASK = 0x8916, 0x891C
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _own() -> int:
    return os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)


def _enter(descriptor: int) -> None:
    """This thread, and those that it starts."""
    _check(_libc.setns(descriptor, _CLONE_NEWNET))


class Namespace:
    def __init__(self) -> None:
        self._doors: list[Target] = []
        self._outside = _own()
        try:
            self._inside = self._make()
        except OSError as error:
            os.close(self._outside)
            pytest.skip(f"no network namespace can be made here: {error}")

    def _make(self) -> int:
        _check(_libc.unshare(_CLONE_NEWNET))  # of this thread alone
        try:
            with socket.socket() as any_socket:  # needs CAP_NET_ADMIN
                fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
            return _own()
        finally:
            _enter(self._outside)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """New sockets, threads and processes of this thread are inside."""
        _enter(self._inside)
        try:
            yield
        finally:
            _enter(self._outside)

    def widen_loopback(self, address: str, mask: str) -> None:
        """A second address of the loopback interface, with the network around it."""
        with self.entered(), socket.socket() as any_socket:
            for request, value in ((_SIOCSIFADDR, address), (_SIOCSIFNETMASK, mask)):
                fcntl.ioctl(any_socket, request, struct.pack(
                    "16sHH4s16x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(value)))

    def target(self, handler: Handler, *, host: str = "127.0.0.1", port: int = 0) -> Target:
        """A service on the device. All its ports are free."""
        with self.entered():
            return Target(handler, host=host, port=port)

    def door(self, port: int, *, host: str = "127.0.0.1", at: int = 0) -> int:
        """The port inside, of `host`, that leads to `port` on the loopback outside."""
        self._doors.append(self.target(self.relay_to(port), host=host, port=at))
        return self._doors[-1].port

    def relay_to(self, port: int) -> Handler:
        """Passes every byte and every end on to `port` outside, each direction by itself."""

        def handler(inside: socket.socket) -> None:
            inside.settimeout(None)
            _enter(self._outside)  # this connection's thread
            with socket.create_connection(("127.0.0.1", port)) as outside:
                outside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=_pass, args=(outside, inside), daemon=True)
                back.start()
                _pass(inside, outside)
                back.join()

        return handler

    def close(self) -> None:
        for door in self._doors:
            door.close()
        os.close(self._inside)
        os.close(self._outside)

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pass(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 18):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
