# SPDX-License-Identifier: Apache-2.0
"""How to call the real user client `c8ylp` against this cloud."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .cloud import Cloud


def c8ylp(cloud: Cloud, home: Path, arguments: list[str], *,
          password: str | None = None) -> tuple[list[str], dict[str, str]]:
    """`arguments`: ["server", DEVICE, …] or ["connect", "ssh", DEVICE, …]; options before "--".
    Gives argv and environment. Login is by user and password: a token does not work with a private
    CA (its check builds a client that ignores --ignore-ssl-validate). `home` gets the log files."""
    split = arguments.index("--") if "--" in arguments else len(arguments)
    options = ["--ignore-ssl-validate", "--disable-prompts"]
    argv = [sys.executable, "-P", "-m", "c8ylp", *arguments[:split], *options, *arguments[split:]]
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("C8Y", "C8YLP"))}
    environment.update({
        "HOME": str(home), "C8Y_HOST": cloud.url, "C8Y_USER": cloud.user,
        "C8Y_PASSWORD": password or cloud.password, "C8Y_TENANT": cloud.tenant,
        "PYTHONWARNINGS": "ignore", "PYTHONUNBUFFERED": "1"})
    home.mkdir(parents=True, exist_ok=True)
    return argv, environment
