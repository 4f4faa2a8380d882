# SPDX-License-Identifier: Apache-2.0
"""Stands between the plugin and the broker, so that a test decides what gets through and when.

The broker, the cloud and the mapper go on undisturbed: what a test sees is the plugin's doing.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading

from .waiting import wait_until


class Gate:
    def __init__(self, broker: tuple[str, int]) -> None:
        self._broker = broker
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open = threading.Event()
        self._open.set()
        self._mark: bytes | None = None
        self.marked = threading.Event()  # the mark was seen and is held back
        self.accepted = 0
        self._sockets: list[socket.socket] = []
        self._serve()

    def _serve(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.accepted += 1
                upstream = socket.create_connection(self._broker)
                self._sockets += [client, upstream]
                for source, sink, watched in ((client, upstream, True), (upstream, client, False)):
                    threading.Thread(target=self._pass, args=(source, sink, watched),
                                     daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, watched: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if watched and self._mark is not None and self._mark in data:
                    self._open.clear()
                    self.marked.set()
                held = not self._open.is_set()
                self._open.wait()
                # What a process had not brought to the broker when it was killed is lost.
                if held and watched and self._gone(source):
                    break
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _gone(client: socket.socket) -> bool:
        poll = select.poll()
        poll.register(client, select.POLLRDHUP)
        return bool(poll.poll(0))

    def hold(self, mark: bytes | None = None) -> None:
        """Nothing passes any more: at once, or from the plugin's packet with `mark` in it on."""
        self.marked.clear()
        self._mark = mark
        if mark is None:
            self._open.clear()

    def release(self) -> None:
        self._mark = None
        self._open.set()

    def shut(self) -> None:
        """The broker is away: its connections end, and new ones are refused."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def reopen(self) -> None:
        def bound() -> bool:
            with contextlib.suppress(OSError):
                self._listener = socket.create_server(("127.0.0.1", self.port))
                return True
            return False

        wait_until(bound, 5, f"port {self.port} again")
        self._serve()

    def close(self) -> None:
        self.release()
        self.shut()

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
