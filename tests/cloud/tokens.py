# SPDX-License-Identifier: Apache-2.0
"""Who may come in: the accounts, the JWTs given out, and the check of a request's credentials."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field


@dataclass
class Tokens:
    """JWTs of the platform's shape. Good are those given out here, not expired, not revoked."""

    tenant: str
    _secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    _good: dict[str, tuple[float, str, str]] = field(default_factory=dict)  # expiry, user, xsrf
    _current: dict[str, str] = field(default_factory=dict)

    def issue(self, user: str, lifetime: float, *, fresh: bool) -> str:
        """The same token again in the first half of its lifetime, as the platform does."""
        current = self._current.get(user)
        if not fresh and current in self._good:
            if self._good[current][0] - time.time() > lifetime / 2:
                return current
        xsrf = secrets.token_hex(10)
        token = self.make(user, lifetime, xsrf)
        self._good[token] = (time.time() + lifetime, user, xsrf)
        self._current[user] = token
        return token

    def make(self, user: str, lifetime: float, xsrf: str = "") -> str:
        """Signed but not registered, so nobody accepts it."""
        now = int(time.time())
        claims = {"aud": "127.0.0.1", "exp": now + int(lifetime), "iat": now, "iss": "127.0.0.1",
                  "jti": secrets.token_hex(8), "nbf": now, "sub": user, "tci": "0",
                  "ten": self.tenant, "tfa": False, "xsrfToken": xsrf}
        header = {"alg": "HS256", "typ": "JWT"}
        signed = f"{_encode(json.dumps(header))}.{_encode(json.dumps(claims))}"
        signature = hmac.new(self._secret, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def check(self, token: str) -> str | None:
        """The user whose token this is."""
        expiry, user, _ = self._good.get(token, (0.0, "", ""))
        return user if expiry > time.time() else None

    def xsrf(self, token: str) -> str:
        return self._good[token][2]

    def revoke_all(self) -> None:
        self._good.clear()
        self._current.clear()


def _encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


class Gate:
    """Takes a Bearer or Basic header, the cookies of OAuth, or the query of the web UI."""

    def __init__(self, tenant: str, tokens: Tokens) -> None:
        self.tenant = tenant
        self.tokens = tokens
        self.accounts: dict[str, str] = {}  # user without the tenant → password

    def password_is(self, user: str, password: str) -> bool:
        name = user.removeprefix(f"{self.tenant}/")
        return name in self.accounts and hmac.compare_digest(
            self.accounts[name].encode(), password.encode())

    def header_user(self, authorization: str) -> str | None:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return self.tokens.check(value.strip())
        if scheme.lower() == "basic":
            return self._basic_user(value.strip())
        return None

    def _basic_user(self, value: str) -> str | None:
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except ValueError:
            return None
        return user if self.password_is(user, password) else None

    def user(self, authorization: str, cookies: dict[str, str], xsrf_header: str,
             query: dict[str, str]) -> str | None:
        """Whoever comes to the REST surface or the user's WebSocket."""
        if authorization:
            return self.header_user(authorization)
        if "token" in query:
            return self.tokens.check(query["token"]) or self._basic_user(query["token"])
        cookie = cookies.get("authorization", "")
        user = self.tokens.check(cookie)
        # A cookie alone could come from a foreign page: the XSRF token must prove otherwise.
        if user and self.tokens.xsrf(cookie) in (xsrf_header, query.get("XSRF-TOKEN")):
            return user
        return None
