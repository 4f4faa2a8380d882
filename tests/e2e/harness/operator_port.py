# SPDX-License-Identifier: Apache-2.0
"""The operator's local port, as c8ylp and go-c8y-cli open one: each connection is one operation."""

from __future__ import annotations

import contextlib
import socket
import threading

from cloud import Cloud, DeviceFailed, Session


class OperatorPort:
    def __init__(self, cloud: Cloud, hostname: str, port: int, *,
                 delivery: str = "smartrest") -> None:
        self._cloud = cloud
        self._endpoint = (hostname, port)
        self._delivery = delivery
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sessions: list[Session] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                local, _ = self._listener.accept()
                session = self._cloud.open(*self._endpoint, delivery=self._delivery)
                self.sessions.append(session)
                for work in (self._upwards, self._downwards):
                    threading.Thread(target=work, args=(local, session), daemon=True).start()

    @staticmethod
    def _upwards(local: socket.socket, session: Session) -> None:
        with contextlib.suppress(OSError, EOFError, TimeoutError, DeviceFailed):
            session.wait_device(30)
            while data := local.recv(65536):
                session.send(data)
            session.close()

    @staticmethod
    def _downwards(local: socket.socket, session: Session) -> None:
        with contextlib.suppress(OSError, EOFError, TimeoutError, DeviceFailed):
            session.wait_device(30)
            while data := session.recv_some(timeout=50):
                local.sendall(data)
        with contextlib.suppress(OSError):
            local.shutdown(socket.SHUT_RDWR)
        local.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def __enter__(self) -> OperatorPort:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
