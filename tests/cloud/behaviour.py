# SPDX-License-Identifier: Apache-2.0
"""The knobs: how the cloud behaves. Values only; each is read at the moment of its use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Connection:
    """What becomes of one TCP connection, before any HTTP."""

    kind: Literal["serve", "reset", "close", "silent", "close_in_hello", "junk_in_hello"] = "serve"
    certificate: str | None = None  # overrides Cloud.certificate
    delay: float = 0  # seconds before TLS
    receive_buffer: int | None = None  # SO_RCVBUF, to see back-pressure early
    send_buffer: int | None = None  # SO_SNDBUF
    tls: Literal["1.1", "1.2", "1.3"] | None = None  # speak this version only
    farewell: float = 3  # seconds for the last bytes and the device's end of TLS, then it is cut


@dataclass
class Upgrade:
    """How one request for a device WebSocket is answered."""

    kind: Literal["answer", "junk", "endless_head", "silent", "close", "reset"] = "answer"
    status: int = 101
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    status_line: str | None = None  # verbatim, instead of "HTTP/1.1 101 Switching Protocols"
    delay: float = 0
    byte_interval: float | None = None  # the head leaves one byte at a time
    head_padding: int = 0  # bytes of additional headers
    wrong_accept: bool = False
    subprotocol: str | None = "binary"
    glued: bytes = b""  # payload of a frame in the same write as the 101
    glue_early: bool = False  # so is what the operator sent before the device came
    then: Literal["close", "reset", "drop"] | None = None  # right after the 101
    close_code: int = 1000
    close_reason: str = ""


@dataclass
class Behaviour:
    """Everything a test may turn. README.md groups and explains the fields."""

    # Consumed one entry per event; then the default below holds.
    connections: list[Connection] = field(default_factory=list)
    connection: Connection = field(default_factory=Connection)
    upgrades: list[Upgrade] = field(default_factory=list)
    upgrade: Upgrade = field(default_factory=Upgrade)

    single_use_key: bool = True
    key_lifetime: float | None = None
    bad_key_status: int = 404

    jwt_delay: float = 0
    jwt_silent: bool = False
    jwt_garbage: list[str] = field(default_factory=list)
    jwt_wrong: int = 0
    jwt_fresh: bool = False
    jwt_lifetime: float = 3600
    reject_tokens: int = 0

    ping_interval: float | None = None
    ping_payload: bytes = b"cloud"
    message_size: int | None = None
    fragment_size: int | None = None
    as_text: bool = False

    answer_pings: bool = True
    max_message: int | None = None
    refuse_text: bool = True

    last_words: bytes = b""
    close_answer_delay: float = 0
    answer_close: bool = True
    close_timeout: float = 5
    idle_timeout: float | None = None
    join_timeout: float = 60

    delivery: Literal["smartrest", "json", "both"] | None = "smartrest"

    def next_connection(self) -> Connection:
        return self.connections.pop(0) if self.connections else self.connection

    def next_upgrade(self) -> Upgrade:
        return self.upgrades.pop(0) if self.upgrades else self.upgrade
