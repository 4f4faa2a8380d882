# SPDX-License-Identifier: Apache-2.0
"""Stands in for thin-edge's mapper: takes operations from MQTT and runs the operation's command.

Everything a plugin can notice is as in facts/thin-edge.md §3: arguments, folder, environment, the
three pipes, no new session or process group, and the wait for exit *and* end of file on both pipes.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING

import paho.mqtt.client as mqtt

from .operation_file import OperationFile
from .waiting import wait_until

if TYPE_CHECKING:  # tests/system runs this file where there is no pytest
    from .namespace import Namespace

# thin-edge ignores every other file of the folder: what dpkg and editors leave there.
_OPERATION_NAME = re.compile(r"\w+", re.ASCII)


class Run:
    """One run of the operation's command."""

    def __init__(self, argv: list[bytes], folder: Path, environment: dict[str, str], *,
                 own_group: bool = False, extra_descriptors: tuple[int, ...] = (),
                 user: int | None = None) -> None:
        self.argv = argv
        self.exit_code: int | None = None
        self.exited: float | None = None  # seconds after the start
        self.end_of_file: float | None = None  # on both pipes
        self.stdout = b""
        self.stderr = b""
        self.started = time.monotonic()
        self._process = subprocess.Popen(
            argv, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, process_group=0 if own_group else None,
            pass_fds=extra_descriptors, user=user,
            group=None if user is None else "nogroup", extra_groups=None if user is None else [])
        self.pid = self._process.pid
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._done = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        readers = [threading.Thread(target=self._read, args=(name,), daemon=True)
                   for name in ("stdout", "stderr")]
        for reader in readers:
            reader.start()
        self.exit_code = self._process.wait()
        self.exited = time.monotonic() - self.started
        for reader in readers:
            reader.join()
        self.end_of_file = time.monotonic() - self.started
        self._done.set()

    def _read(self, name: str) -> None:
        pipe: IO[bytes] = getattr(self._process, name)
        setattr(self, name, pipe.read())
        pipe.close()

    def finish(self, timeout: float = 10) -> Run:
        """Waits as the mapper does: for the exit and for end of file on both pipes."""
        if not self._done.wait(timeout):
            raise TimeoutError(f"{self} exited: {self.exited}, end of file: {self.end_of_file}")
        return self

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def __repr__(self) -> str:
        return f"<run of {self.argv[0]!r} pid {self.pid} exit {self.exit_code}: {self.stderr!r}>"


class Mapper:
    def __init__(self, *, operations: Path, folder: Path, environment: dict[str, str],
                 broker: tuple[str, int], prefix: str, device: str) -> None:
        self.operations = operations
        self.folder = folder
        self.environment = environment
        self.prefix = prefix
        self.device = device
        self.runs: list[Run] = []
        self.own_group = False  # the next commands get a process group of their own
        self.extra_descriptors: tuple[int, ...] = ()  # a mapper that leaks descriptors
        self.namespace: Namespace | None = None  # where the commands run
        self.user: int | None = None  # whom the next commands run as
        self.wrapper: list[bytes] = []  # that executes the next commands: prlimit, setpriv
        self._active: set[bytes] = set()
        self._broker = broker
        self._subscribed = threading.Event()
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message

    def start(self) -> None:
        self._client.connect(*self._broker)
        self._client.loop_start()
        assert self._subscribed.wait(10), "the stand-in mapper gets no answer from the broker"

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_: object) -> None:
        # Again after each reconnect: clean session, as the stand-in has nothing to lose.
        client.subscribe([(f"{self.prefix}/s/ds", 1),
                          (f"{self.prefix}/devicecontrol/notifications", 1)])

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        self.take(message.topic, bytes(message.payload))

    def take(self, topic: str, payload: bytes) -> list[Run]:
        """What the mapper does with one message; called directly where the broker is away."""
        started = []
        for path in sorted(self.operations.iterdir()):
            if not _OPERATION_NAME.fullmatch(path.name):
                continue
            operation = OperationFile.read(path, self.prefix)
            if operation.topic != topic:
                continue
            for argv in operation.commands(payload, self.device):
                if operation.on_fragment and self._is_repeated(argv[-1]):
                    continue
                started.append(self._run(operation, path.stem, argv))
        return started

    def _is_repeated(self, payload: bytes) -> bool:
        """JSON operations have an id, and the mapper drops one that it is at work on."""
        repeated = payload in self._active
        self._active.add(payload)
        return repeated

    def _run(self, operation: OperationFile, name: str, argv: list[bytes]) -> Run:
        if operation.skip_status_update:
            return self.execute(argv)
        self.publish(f"501,{name}")
        run = self.execute(argv)
        threading.Thread(target=self._report, args=(name, run), daemon=True).start()
        return run

    def _report(self, name: str, run: Run) -> None:
        """The mapper's own status, for an operation file without skip_status_update."""
        run.finish(50)
        if run.exit_code == 0:
            self.publish(f"503,{name}")
        else:
            self.publish(f"502,{name},{run.stderr.decode().splitlines()[-1:]}")

    def publish(self, text: str) -> None:
        """A SmartREST message to the cloud."""
        self._client.publish(f"{self.prefix}/s/us", text, qos=1)

    def execute(self, argv: list[bytes]) -> Run:
        program = argv[0].decode()
        assert "/" not in program, "the operation file's command is a bare name"
        inside = self.namespace.entered() if self.namespace else contextlib.nullcontext()
        with inside:
            run = Run(self.wrapper + argv, self.folder, self.environment, own_group=self.own_group,
                      extra_descriptors=self.extra_descriptors, user=self.user)
        self.runs.append(run)
        return run

    def wait_runs(self, count: int = 1, timeout: float = 10) -> list[Run]:
        wait_until(lambda: len(self.runs) >= count, timeout, f"{count} runs of the plugin")
        return self.runs

    def last(self, condition: Callable[[Run], bool] = lambda _run: True) -> Run:
        """A plugin may be seen in the cloud before its start has returned here."""
        return wait_until(lambda: [run for run in self.runs if condition(run)], 10, "a run")[-1]
