# SPDX-License-Identifier: Apache-2.0
"""Reads an operation file and makes the command line as thin-edge does (facts/thin-edge.md §3)."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class OperationFile:
    command: str
    topic: str
    on_message: str | None
    on_fragment: str | None
    skip_status_update: bool

    @staticmethod
    def read(path: Path, prefix: str) -> OperationFile:
        execute = tomllib.loads(path.read_text())["exec"]
        known = {"command", "topic", "on_message", "on_fragment", "skip_status_update", "timeout"}
        assert set(execute) <= known, f"thin-edge does not know {set(execute) - known}"
        assert ("on_message" in execute) != ("on_fragment" in execute)
        topic = execute.get("topic", "c8y/devicecontrol/notifications")
        topic = topic.replace("c8y/", prefix + "/")
        return OperationFile(execute["command"], topic, execute.get("on_message"),
                             execute.get("on_fragment"), execute.get("skip_status_update", False))

    def commands(self, payload: bytes, device: str) -> list[list[bytes]]:
        """The command lines for one MQTT message: one for each record or object that is meant."""
        text = payload.decode("utf-8", "surrogateescape")
        if self.on_message is not None:
            records = [record for record in split_records(text)
                       if record.split(",")[:2] == [self.on_message, device]]
            # The command is split before the message is appended: nothing in it is interpreted.
            return [encode([*shlex.split(self.command), record]) for record in records]
        objects = [json.loads(line) for line in text.splitlines() if line.strip()]
        return [encode(self._substituted(operation)) for operation in objects
                if self._is_meant(operation, device)]

    def _is_meant(self, operation: dict[str, Any], device: str) -> bool:
        return (self.on_fragment in operation and isinstance(operation.get("id"), str)
                and isinstance(operation.get("status"), str)
                and operation.get("externalSource", {}).get("externalId") == device)

    def _substituted(self, operation: dict[str, Any]) -> list[str]:
        def value(match: re.Match[str]) -> str:
            found: Any = operation
            for name in filter(None, match["path"].split(".")):
                found = found.get(name, "") if isinstance(found, dict) else ""
            return found if isinstance(found, str) else json.dumps(
                found, separators=(",", ":"), ensure_ascii=False)

        return [re.sub(r"\$\{\.payload(?P<path>[^}]*)\}", value, word)
                for word in shlex.split(self.command)]


def split_records(text: str) -> list[str]:
    """SmartREST records: one a line, but a newline in quotes does not end one; \\" becomes "."""
    records, record, quoted, index = [], "", False, 0
    while index < len(text):
        character = text[index]
        if text.startswith('\\"', index):
            record += '"'
            index += 2
            continue
        if character == '"':
            quoted = not quoted
        if character == "\n" and not quoted:
            records.append(record)
            record = ""
        else:
            record += character
        index += 1
    return [record for record in [*records, record] if record]


def encode(words: list[str]) -> list[bytes]:
    return [word.encode("utf-8", "surrogateescape") for word in words]
