# SPDX-License-Identifier: Apache-2.0
"""SmartREST text to records and back, with Cumulocity's quoting. Pure."""

from __future__ import annotations

NEEDS_QUOTES = set('",\n\r\t')


def format_field(value: str) -> str:
    """Quotes as the platform does: inner quotes become backslash-quote, not doubled ones."""
    if value and not (NEEDS_QUOTES & set(value)) and value == value.strip():
        return value
    return value if not value else '"' + value.replace('"', '\\"') + '"'


def format_record(fields: list[str]) -> str:
    return ",".join(format_field(field) for field in fields)


def parse(text: str) -> list[list[str]]:
    """Every record of one message. ValueError: a quote left open, or text after a closed one."""
    records: list[list[str]] = []
    position = 0
    while position < len(text):
        record, position = _parse_record(text, position)
        if record != [""]:
            records.append(record)
    return records


def _parse_record(text: str, position: int) -> tuple[list[str], int]:
    fields: list[str] = []
    while True:
        if position < len(text) and text[position] == '"':
            field, position = _parse_quoted(text, position + 1)
        else:
            start = position
            while position < len(text) and text[position] not in ",\n":
                position += 1
            field = text[start:position].rstrip("\r")
        fields.append(field)
        if position < len(text) and text[position] == ",":
            position += 1
            continue
        return fields, position + 1


def _parse_quoted(text: str, position: int) -> tuple[str, int]:
    value: list[str] = []
    while position < len(text):
        char, following = text[position], text[position + 1:position + 2]
        if char == "\\" and following == '"' or char == '"' and following == '"':
            value.append('"')
            position += 2
        elif char == '"':
            position += 1
            if text[position:position + 1] == "\r":
                position += 1
            if text[position:position + 1] not in ("", ",", "\n"):
                raise ValueError(f"text after a closing quote at character {position}")
            return "".join(value), position
        else:
            value.append(char)
            position += 1
    raise ValueError("a quote is not closed")
