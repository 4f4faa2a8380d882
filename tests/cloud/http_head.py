# SPDX-License-Identifier: Apache-2.0
"""HTTP/1.1 heads, as far as the WebSocket endpoints need them. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import SimpleCookie
from urllib.parse import parse_qsl, unquote, urlsplit

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

# What the real service sends with every answer (Spring Security's defaults).
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-xss-protection": "1; mode=block",
    "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
    "pragma": "no-cache",
    "expires": "0",
}


@dataclass
class Request:
    method: str
    target: str
    version: str
    headers: dict[str, str] = field(default_factory=dict)  # lower-case names
    faults: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def cookies(self) -> dict[str, str]:
        cookie = SimpleCookie(self.headers.get("cookie", ""))
        return {name: morsel.value for name, morsel in cookie.items()}


def parse_request(head: bytes) -> Request:
    """`head` without the empty line. Raises ValueError for what is no HTTP request."""
    lines = head.decode("latin-1").split("\r\n")
    method, target, version = lines[0].split(" ")
    request = Request(method, target, version)
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ValueError(f"no header: {line!r}")
        if name.lower() in request.headers:
            request.faults.append(f"header {name} given twice")
        request.headers[name.lower()] = value.strip()
    return request


def upgrade_faults(request: Request) -> list[str]:
    """What RFC 6455 section 4.2.1 asks of a client's handshake and this one does not give."""
    faults = list(request.faults)
    tokens = [one.strip().lower() for one in request.headers.get("connection", "").split(",")]
    try:
        key = request.headers.get("sec-websocket-key", "")
        key_length = len(base64.b64decode(key, validate=True))
    except binascii.Error:
        key_length = 0
    wanted = {
        "the method is not GET": request.method == "GET",
        "the version is not HTTP/1.1": request.version == "HTTP/1.1",
        "no Host": bool(request.headers.get("host")),
        "Upgrade is not websocket": request.headers.get("upgrade", "").lower() == "websocket",
        "Connection lacks upgrade": "upgrade" in tokens,
        "Sec-WebSocket-Version is not 13": request.headers.get("sec-websocket-version") == "13",
        "Sec-WebSocket-Key is not 16 bytes": key_length == 16,
    }
    return faults + [fault for fault, good in wanted.items() if not good]


def accept_value(key: str) -> str:
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


def format_head(status_line: str, headers: dict[str, str]) -> bytes:
    lines = [status_line, *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def status_line(status: int) -> str:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    return f"HTTP/1.1 {status} {phrase}"
