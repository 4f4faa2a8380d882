# SPDX-License-Identifier: Apache-2.0
"""Telnet's client end, byte by byte."""

from __future__ import annotations

import pytest

from cloud.page.telnet import Telnet

SIZE = bytes([255, 250, 31, 0, 80, 0, 24, 255, 240])


@pytest.mark.parametrize("received, text, answer", [
    (b"plain", b"plain", b""),
    (b"a\xff\xffb", b"a\xffb", b""),
    (b"a\r\0b\r\nc", b"a\rb\r\nc", b""),
    (b"\xff\xfb\x01", b"", b"\xff\xfd\x01"),            # WILL ECHO: DO
    (b"\xff\xfb\x01\xff\xfb\x01", b"", b"\xff\xfd\x01"),  # asked twice, answered once
    (b"\xff\xfb\x05", b"", b"\xff\xfe\x05"),            # WILL STATUS: DONT
    (b"\xff\xfd\x05", b"", b"\xff\xfc\x05"),            # DO STATUS: WONT
    (b"\xff\xfe\x1f", b"", b""),                        # DONT what we do not do anyway
    (b"\xff\xfd\x1f", b"", b"\xff\xfb\x1f" + SIZE),     # DO NAWS: WILL, and the size
    (b"\xff\xfa\x18\x01\xff\xf0x", b"x", b"\xff\xfa\x18\0xterm-256color\xff\xf0"),
    (b"\xff\xfa\x05a\xff\xff\xf0b\xff\xf0x", b"x", b""),  # IAC inside, doubled
    (b"a\xff\xf1b", b"ab", b""),                        # NOP
], ids=repr)
def test_what_is_received_becomes_text_and_answers(
        received: bytes, text: bytes, answer: bytes) -> None:
    assert Telnet(80, 24).receive(received) == (text, answer)
    telnet, seen, said = Telnet(80, 24), b"", b""
    for number in range(len(received)):  # the same in single bytes
        more, reply = telnet.receive(received[number:number + 1])
        seen, said = seen + more, said + reply
    assert (seen, said) == (text, answer)


def test_an_option_that_the_server_ends_may_begin_again() -> None:
    telnet = Telnet(80, 24)
    assert telnet.receive(b"\xff\xfb\x01")[1] == b"\xff\xfd\x01"
    assert telnet.receive(b"\xff\xfc\x01")[1] == b"\xff\xfe\x01"
    assert telnet.receive(b"\xff\xfb\x01")[1] == b"\xff\xfd\x01"


def test_typed_bytes_are_quoted_and_enter_is_cr_nul() -> None:
    telnet = Telnet(80, 24)
    assert telnet.send(b"ls\r\xff") == b"ls\r\0\xff\xff"
    telnet.receive(b"\xff\xfd\x00")  # DO BINARY
    assert telnet.send(b"\r") == b"\r"


def test_the_size_is_sent_once_the_server_wants_it() -> None:
    telnet = Telnet(80, 24)
    assert telnet.resize(100, 30) == b""
    assert telnet.receive(b"\xff\xfd\x1f")[1].endswith(bytes([31, 0, 100, 0, 30, 255, 240]))
    assert telnet.resize(255, 30) == bytes([255, 250, 31, 0, 255, 255, 0, 30, 255, 240])


def test_a_subnegotiation_without_an_end_is_an_error() -> None:
    with pytest.raises(ValueError, match="without an end"):
        Telnet(80, 24).receive(b"\xff\xfa\x18" + bytes(1000))
