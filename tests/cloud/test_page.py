# SPDX-License-Identifier: Apache-2.0
"""The page's port without a browser: who is let in, what is shown, how SSH and sessions end.
In a browser: ../e2e/test_page.py."""

from __future__ import annotations

import getpass
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket

from cloud import Cloud
from cloud.page import Page
from cloud.reference_device import ReferenceDevice
from e2e.harness.services import ssh_server

pytestmark = pytest.mark.timeout(40)


@pytest.fixture
def page(cloud: Cloud) -> Iterator[Page]:
    with Page(cloud) as one:
        yield one


class User:
    """What a browser does, by hand."""

    def __init__(self, cloud: Cloud, page: Page) -> None:
        self.page, self.device = page, cloud.device.id
        self.origin = page.url.rstrip("/")
        self.http = requests.Session()
        login = {"grant_type": "PASSWORD", "username": cloud.user, "password": cloud.password}
        assert self.http.post(f"{page.url}tenant/oauth", login, timeout=10).ok
        self.token = self.http.cookies["XSRF-TOKEN"]
        self.browsers: list[websocket.WebSocket] = []

    def snapshot(self) -> dict[str, Any]:
        with self.http.get(f"{self.page.url}events", params={"XSRF-TOKEN": self.token},
                           stream=True, timeout=10) as events:
            line = next(one for one in events.iter_lines() if one)
        shown: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
        return shown

    def open(self, configuration: dict[str, Any], **changed: Any) -> websocket.WebSocket:
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        url = f"{self.page.url}session/{self.device}/{configuration['id']}"
        query = f"?columns=80&rows=24&XSRF-TOKEN={changed.pop('token', self.token)}"
        options = {"origin": self.origin, "cookie": cookie, "timeout": 15, **changed}
        browser = websocket.create_connection(url.replace("http:", "ws:") + query, **options)
        self.browsers.append(browser)
        return browser


@pytest.fixture
def user(cloud: Cloud, page: Page) -> Iterator[User]:
    one = User(cloud, page)
    yield one
    for browser in one.browsers:
        browser.shutdown()  # type: ignore[no-untyped-call]


def messages(browser: websocket.WebSocket) -> Iterator[dict[str, Any]]:
    while (text := browser.recv()) and isinstance(text, str):
        yield json.loads(text)


def state(browser: websocket.WebSocket) -> dict[str, Any]:
    return next(one for one in messages(browser) if "state" in one)


def read_until(browser: websocket.WebSocket, wanted: bytes) -> None:
    data = b""
    while wanted not in data:
        piece = browser.recv()
        assert piece, data
        data += piece if isinstance(piece, bytes) else piece.encode()


def test_another_host_name_and_another_origin_are_refused(page: Page, user: User) -> None:
    for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"},
                    {"Origin": "null"}):
        assert user.http.get(page.url, headers=headers, timeout=10).status_code == 403


@pytest.mark.parametrize("changed, status", [
    ({"origin": "http://evil.example"}, 403), ({"suppress_origin": True}, 403),
    ({"token": "wrong"}, 401), ({"cookie": ""}, 401)],
    ids=["foreign origin", "no origin", "foreign form", "no login"])
def test_a_session_is_the_logged_in_pages_only(
        cloud: Cloud, user: User, changed: dict[str, Any], status: int) -> None:
    configuration = cloud.add_configuration("Shell", "127.0.0.1", 22, "SSH")
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        user.open(configuration, **changed)
    assert refused.value.status_code == status
    assert cloud.operations == []


def test_nothing_but_the_files_is_there_without_a_login(page: Page) -> None:
    for path, status in (("", 200), ("page/page.js", 200), ("page/novnc/core/rfb.js", 200),
                         ("page/novnc/..%2f..%2f..%2fetc%2fpasswd", 404),
                         ("events", 401), ("user/currentUser", 401), ("session/1/1", 403)):
        upgrade = {"Upgrade": "websocket"} if path.startswith("session") else {}
        answer = requests.get(page.url + path, headers=upgrade, timeout=10)
        assert answer.status_code == status, path
        assert "WWW-Authenticate" not in answer.headers  # no dialog of the browser's
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_snapshot_holds_no_secret(cloud: Cloud, user: User) -> None:
    cloud.add_configuration("Shell", "127.0.0.1", 22, "SSH", credentialsType="USER_PASS",
                            username="admin", password="hush-hush")
    operation = cloud.create_operation("127.0.0.1", 22, delivery=None)
    shown = user.snapshot()
    assert shown["devices"][0]["endpoints"][0]["login"] == "admin with password"
    assert shown["operations"][0]["id"] == operation.id
    for secret in ("hush-hush", operation.key, cloud.password):
        assert secret not in json.dumps(shown)


def test_the_first_host_key_is_kept_and_another_one_refused(
        tmp_path: Path, cloud: Cloud, device: ReferenceDevice, user: User) -> None:
    with ssh_server(tmp_path / "first") as first, ssh_server(tmp_path / "second") as second:
        stored = cloud.add_configuration(
            "Shell", "127.0.0.1", first.port, "SSH", credentialsType="KEY_PAIR",
            username=getpass.getuser(), privateKey=first.key.read_text())
        browser = user.open(stored)
        assert state(browser) == {"state": "open"}
        browser.send_binary(b"exit\n")
        while browser.connected and browser.recv():
            pass
        kept = stored["credentials"]["hostKey"]
        assert kept.split()[:2] == first.host_key.split()[:2]
        stored["port"] = second.port
        assert state(user.open(stored)) == {
            "state": "failed",
            "reason": "the device's SSH host key is another one than the stored one"}


def test_a_login_that_the_ssh_server_refuses_is_told(
        tmp_path: Path, cloud: Cloud, device: ReferenceDevice, user: User) -> None:
    with ssh_server(tmp_path / "sshd") as server:
        stored = cloud.add_configuration(
            "Shell", "127.0.0.1", server.port, "SSH", credentialsType="USER_PASS",
            username=getpass.getuser(), password="wrong")
        assert state(user.open(stored)) == {
            "state": "failed", "reason": "the device's SSH server refused the stored login"}


def test_what_is_no_ssh_server_is_told(
        cloud: Cloud, device: ReferenceDevice, user: User, echo_port: int) -> None:
    stored = cloud.add_configuration("Shell", "127.0.0.1", echo_port, "SSH", username="anybody")
    said = state(user.open(stored))
    assert said["state"] == "failed"
    assert said["reason"].startswith("SSH with the device: ")


def test_a_browser_that_leaves_before_the_device_came_takes_the_key_with_it(
        cloud: Cloud, user: User) -> None:
    stored = cloud.add_configuration("Panel", "127.0.0.1", 5900, "VNC")
    browser = user.open(stored)
    assert "operation" in next(messages(browser))
    tunnel = next(iter(cloud.hub.tunnels.values()))
    browser.send_binary(b"typed too early")
    browser.close()
    deadline = time.monotonic() + 10
    while not tunnel.over.is_set() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not tunnel.claim()


def test_a_browser_that_does_not_read_stops_the_device(
        cloud: Cloud, device: ReferenceDevice, user: User) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stored = cloud.add_configuration("Panel", "127.0.0.1", listener.getsockname()[1], "VNC")
        browser = user.open(stored)
        target, _ = listener.accept()
        with target:
            assert state(browser) == {"state": "open"}
            target.settimeout(1)
            sent = 0
            with pytest.raises(TimeoutError):
                while sent < 256 * 1024 * 1024:
                    sent += target.send(bytes(65536))
            assert sent < 32 * 1024 * 1024, "the buffers on the way are small"
        received = 0
        while received < sent:
            received += len(browser.recv())
        assert received == sent


def test_the_cloud_that_stops_says_so(
        cloud: Cloud, device: ReferenceDevice, echo_port: int) -> None:
    with Page(cloud) as page:
        stored = cloud.add_configuration("Panel", "127.0.0.1", echo_port, "VNC")
        browser = User(cloud, page).open(stored)
        assert state(browser) == {"state": "open"}
        browser.send_binary(b"hello")
        read_until(browser, b"hello")
    opcode, data = browser.recv_data()
    assert (opcode, data[2:]) == (websocket.ABNF.OPCODE_CLOSE, b"the cloud stops")
