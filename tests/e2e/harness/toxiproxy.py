# SPDX-License-Identifier: Apache-2.0
"""Toxiproxy between the device and an end: a wire that is long, thin, cut, or silent.

A wire accepts on 127.0.0.1 and passes on to its upstream; `up` is what the device sends, `down`
what it hears. Toxiproxy's own limits: it accepts before it has connected, so a wire's connecting
is always quick; an end of stream closes both directions; what a toxic changes is the bytes, while
the kernel goes on acknowledging.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from .services import free_port, running
from .waiting import wait_until

Stream = Literal["up", "down"]
BOTH: tuple[Stream, ...] = ("up", "down")
FOR_EVER = 3_600_000  # milliseconds


class Wire:
    """Toxics hold for new connections and for those that are open, unless a method says more."""

    def __init__(self, api: int, name: str, upstream: int) -> None:
        self._api, self._path = api, f"/proxies/{name}"
        self._toxics = 0
        made = self._ask("POST", "/proxies", {
            "name": name, "listen": "127.0.0.1:0", "upstream": f"127.0.0.1:{upstream}"})
        self.port = int(made["listen"].rpartition(":")[2])

    def _ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self._api, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        assert answer.status < 300, (path, body, text)
        return dict(json.loads(text))

    def _add(self, kind: str, streams: tuple[Stream, ...], toxicity: float = 1,
             **attributes: int) -> Wire:
        for stream in streams:
            self._toxics += 1
            self._ask("POST", f"{self._path}/toxics", {
                "name": str(self._toxics), "type": kind, "stream": stream + "stream",
                "toxicity": toxicity, "attributes": attributes})
        return self

    def latency(self, milliseconds: int, jitter: int = 0) -> Wire:
        return self._add("latency", BOTH, latency=milliseconds, jitter=jitter)

    def bandwidth(self, kilobytes: int) -> Wire:
        """A second, each way."""
        return self._add("bandwidth", BOTH, rate=kilobytes)

    def slices(self, size: int = 1, pause: int = 0) -> Wire:
        """Packets of `size` bytes, each way, with microseconds between them."""
        return self._add("slicer", BOTH, average_size=size, size_variation=0, delay=pause)

    def silence(self, *streams: Stream) -> Wire:
        """What is sent from now on is taken, and lost. Without names: both ways."""
        return self._add("timeout", streams or BOTH, timeout=0)

    def stalls(self) -> Wire:
        """Nothing is taken any more, and nothing passes, both ways; the window closes."""
        return self._add("bandwidth", BOTH, rate=0)

    def ends_after(self, size: int, stream: Stream) -> Wire:
        """An end of stream behind so many more bytes of each connection."""
        return self._add("limit_data", (stream,), bytes=size)

    def silent_after(self, size: int, stream: Stream) -> Wire:
        """After so many more bytes nothing is taken any more, and no end of stream is said."""
        self.ends_after(size, stream)
        return self._add("slow_close", (stream,), delay=FOR_EVER)

    def slow_close(self, stream: Stream) -> Wire:
        """Everything passes but the end of the stream."""
        return self._add("slow_close", (stream,), delay=FOR_EVER)

    def resets(self) -> Wire:
        """Whatever ends on this wire ends with RST, at both its ends. For new connections only: it
        is the toxic reset_peer for its SO_LINGER alone, which counts whatever its toxicity is."""
        return self._add("reset_peer", ("down",), toxicity=0, timeout=0)

    def cut(self) -> None:
        """All connections end, and new ones are refused."""
        self._ask("POST", self._path, {"enabled": False})

    def mend(self) -> None:
        self._ask("POST", self._path, {"enabled": True})


class Toxiproxy:
    def __init__(self, api: int) -> None:
        self._api = api
        self._wires = 0

    def wire(self, upstream: int) -> Wire:
        """A new wire to a port of 127.0.0.1."""
        self._wires += 1
        return Wire(self._api, f"wire{self._wires}", upstream)


@contextlib.contextmanager
def toxiproxy_server(folder: Path) -> Iterator[Toxiproxy]:
    server = Path(sys.prefix, "bin", "toxiproxy-server")
    assert server.exists(), f"{server} is missing; tests/setup.sh builds it: make_toxiproxy"
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(_started(server, folder / "toxiproxy.log"))
        yield Toxiproxy(api)


@contextlib.contextmanager
def _started(server: Path, log: Path) -> Iterator[int]:
    """It cannot find itself a free port, and someone else may take the one found for it."""
    for _ in range(5):
        port = free_port()
        argv = [str(server), "-host", "127.0.0.1", "-port", str(port), "-seed", "1"]
        with running(argv, log) as process:
            if wait_until(lambda: _state(process, port), 10, "toxiproxy's API") == "up":
                yield port
                return
    raise AssertionError(log.read_text())


def _state(process: subprocess.Popen[bytes], port: int) -> Literal["up", "over", ""]:
    if process.poll() is not None:
        return "over"
    with contextlib.suppress(OSError, http.client.HTTPException):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        with contextlib.closing(connection):
            connection.request("GET", "/version")
            connection.getresponse().read()
        return "up"
    return ""
