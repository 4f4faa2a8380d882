# SPDX-License-Identifier: Apache-2.0
"""Real HTTP proxies: tinyproxy, and stunnel before it for https://. Nothing of the machine's own
configuration, private ports."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .services import free_port, program, running, wait_listening


@dataclass
class TinyProxy:
    port: int
    log: Path

    def connects(self) -> list[str]:
        """What it was asked to connect to."""
        return re.findall(r"CONNECT (\S+) HTTP/1\.1", self.log.read_text(errors="replace"))


@contextlib.contextmanager
def tinyproxy(folder: Path, connect_port: int, *, login: tuple[str, str] | None = None,
              more: str = "") -> Iterator[TinyProxy]:
    """Lets through to `connect_port` alone, of any host."""
    folder.mkdir()
    proxy = TinyProxy(free_port(), folder / "tinyproxy.log")
    config = folder / "tinyproxy.conf"
    basic = f"BasicAuth {login[0]} {login[1]}\n" if login else ""
    config.write_text(f"Port {proxy.port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\n"
                      f"LogLevel Connect\nConnectPort {connect_port}\n{basic}{more}")
    with running([program("tinyproxy"), "-d", "-c", str(config)], proxy.log) as process:
        wait_listening(process, proxy.port, proxy.log)
        yield proxy


@contextlib.contextmanager
def stunnel(folder: Path, certificate: Path, port: int) -> Iterator[int]:
    """Takes TLS off with `certificate` and passes on to `port`; the result is its own."""
    folder.mkdir()
    own = free_port()
    config, log = folder / "stunnel.conf", folder / "stunnel.log"
    config.write_text(f"foreground = yes\npid =\nsyslog = no\n[proxy]\naccept = 127.0.0.1:{own}\n"
                      f"connect = 127.0.0.1:{port}\ncert = {certificate}\n")
    with running([program("stunnel4"), str(config)], log) as process:
        wait_listening(process, own, log)
        yield own
