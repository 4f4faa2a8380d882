# SPDX-License-Identifier: Apache-2.0
"""What speaks to the service behind a Line: SSH and Telnet end here, as in the real cloud; VNC and
the rest pass through as bytes."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import asyncssh

from .line import BLOCK, Line, NoDevice
from .telnet import TERMINAL, Telnet

Size = tuple[int, int]  # columns, rows
LOGIN_TIMEOUT = 20


class Shell(Protocol):
    async def read(self) -> bytes: ...  # b"": the end

    async def write(self, data: bytes) -> None: ...

    async def resize(self, size: Size) -> None: ...

    def close(self) -> None: ...


async def open_shell(line: Line, configuration: dict[str, Any], size: Size) -> Shell:
    """Raises NoDevice with what the operator shall read."""
    if configuration["protocol"] == "SSH":
        return await SshShell.open(line, configuration["credentials"], size)
    reader, writer = await asyncio.open_connection(sock=line.take())
    if configuration["protocol"] == "TELNET":
        return TelnetShell(reader, writer, size)
    return Passage(reader, writer)


class Passage:
    """Bytes as they are."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def read(self) -> bytes:
        return await self._reader.read(BLOCK)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def resize(self, size: Size) -> None:
        pass

    def close(self) -> None:
        self._writer.close()


class TelnetShell(Passage):
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter,
                 size: Size) -> None:
        super().__init__(reader, writer)
        self._telnet = Telnet(*size)

    async def read(self) -> bytes:
        while data := await super().read():
            text, answer = self._telnet.receive(data)
            if answer:
                await super().write(answer)
            if text:
                return text
        return b""

    async def write(self, data: bytes) -> None:
        await super().write(self._telnet.send(data))

    async def resize(self, size: Size) -> None:
        await super().write(self._telnet.resize(*size))


def _only(host_key: str) -> Any:
    """asyncssh's known hosts: trusted keys, authorities, revoked keys."""
    return [asyncssh.import_public_key(host_key)], [], []


class SshShell:
    def __init__(self, connection: asyncssh.SSHClientConnection,
                 process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._connection, self._process = connection, process

    @classmethod
    async def open(cls, line: Line, credentials: dict[str, Any], size: Size) -> SshShell:
        """Logs in with what is stored. The first host key is stored too; another one later is
        refused, as the platform does."""
        try:
            known = credentials["hostKey"]
            trusted = _only(known) if known else None
            private = credentials["privateKey"]
            keys = [asyncssh.import_private_key(private)] if private else []
            connection = await asyncssh.connect(
                "device", sock=line.take(), username=credentials["username"] or "",
                password=credentials["password"], client_keys=keys, known_hosts=trusted,
                agent_path=None, config=None, login_timeout=LOGIN_TIMEOUT)
            process = await connection.create_process(
                term_type=TERMINAL.decode(), term_size=size, encoding=None)
        except asyncssh.HostKeyNotVerifiable:
            raise NoDevice("the device's SSH host key is another one than the stored one") from None
        except asyncssh.PermissionDenied:
            raise NoDevice("the device's SSH server refused the stored login") from None
        except (asyncssh.Error, asyncssh.KeyImportError, OSError) as error:
            raise NoDevice(f"SSH with the device: {error}") from None
        if not known and (key := connection.get_server_host_key()):
            credentials["hostKey"] = key.export_public_key().decode()
        return cls(connection, process)

    async def read(self) -> bytes:
        try:
            return await self._process.stdout.read(BLOCK)
        except asyncssh.Error as error:
            raise ConnectionError(f"SSH with the device: {error}") from None

    async def write(self, data: bytes) -> None:
        self._process.stdin.write(data)
        await self._process.stdin.drain()

    async def resize(self, size: Size) -> None:
        self._process.change_terminal_size(*size)

    def close(self) -> None:
        self._connection.close()
