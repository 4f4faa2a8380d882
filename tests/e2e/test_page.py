# SPDX-License-Identifier: Apache-2.0
"""The operator's page in a real headless Chromium; the real plugin between it and real services."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from cloud import Cloud
from cloud.c8ylp_command import c8ylp
from cloud.page import Page

from .harness.browser import Browser
from .harness.device import Device
from .harness.drawing import STRIPES
from .harness.operator_page import (  # noqa: F401  fixtures too
    NEWEST, OPERATION, browser, chrome, log_in, operator, page, see, start)
from .harness.services import (VNC_PASSWORD, SshServer, free_port, running, ssh_server,
                               telnet_server, vnc_server)
from .harness.targets import Target, deaf_port, refusing_port
from .harness.waiting import wait_until

pytestmark = pytest.mark.release_only  # about the page; what it drives has tests of its own

# Whoever finds the port while the test runs shall not be root.
NO_LOGIN = "/bin/sh" if os.geteuid() else "/sbin/runuser -u nobody -- /bin/sh"
COLUMNS = "return document.querySelector('.session .xterm-rows > div').childElementCount"


@contextlib.contextmanager
def ssh_endpoint(cloud: Cloud, folder: Path) -> Iterator[SshServer]:
    with ssh_server(folder) as server:
        cloud.add_configuration("Shell", "127.0.0.1", server.port, "SSH",
                                credentialsType="KEY_PAIR", username=getpass.getuser(),
                                privateKey=server.key.read_text())
        yield server


@contextlib.contextmanager
def telnet_endpoint(cloud: Cloud, folder: Path) -> Iterator[Target]:
    with telnet_server(NO_LOGIN) as server:
        cloud.add_configuration("Shell", "127.0.0.1", server.port, "TELNET")
        yield server


@pytest.mark.parametrize("endpoint", [ssh_endpoint, telnet_endpoint], ids=["ssh", "telnet"])
def test_a_terminal_in_the_browser(
        tmp_path: Path, cloud: Cloud, device: Device, operator: Browser,
        endpoint: Callable[[Cloud, Path], contextlib.AbstractContextManager[object]]) -> None:
    with endpoint(cloud, tmp_path / "service"):
        start(operator, "Shell")
        operator.wait_text(f"{NEWEST} .state", "open")
        operator.type("PS1='device$ '; clear; echo $((6*7)); stty size\n")
        see(operator, "42\n")
        see(operator, f" {operator.script(COLUMNS)}\ndevice$")
        operator.wait_text(f"{OPERATION} .session", "open")
        assert "PENDING" in operator.text(f"{OPERATION} .steps")
        assert "EXECUTING" in operator.text(f"{OPERATION} .steps")
        assert operator.text(f"{OPERATION} .status") == "SUCCESSFUL"
        operator.type(Keys.F6)
        operator.type(Keys.ENTER)  # the button has the focus now
        operator.wait_text(f"{NEWEST} .state", "ended: closed by you")
        device.journal.wait_for("closed by the operator")
        assert operator.script("return window.sameLoad")
    assert cloud.operations[0].statuses == ["PENDING", "EXECUTING", "SUCCESSFUL"]


def test_a_phone_has_no_sideways_scrolling_and_the_shell_its_width(
        tmp_path: Path, cloud: Cloud, device: Device, operator: Browser) -> None:
    with telnet_endpoint(cloud, tmp_path):
        start(operator, "Shell")
        operator.wait_text(f"{NEWEST} .state", "open")
        operator.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True})
        try:
            wait_until(lambda: operator.script("return innerWidth") == 360, 5)
            operator.wait_text("#operations", "SUCCESSFUL")
            assert operator.script("return document.documentElement.scrollWidth") == 360
            wait_until(lambda: int(str(operator.script(COLUMNS))) < 45, 5, "a narrower terminal")
            operator.type("clear; stty size\n")
            see(operator, f" {operator.script(COLUMNS)}\n")
            operator.keep_picture("phone", tmp_path)
        finally:
            operator.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("login", [False, True], ids=["open", "with a password"])
def test_a_vnc_viewer_shows_what_is_drawn_on_the_device(
        tmp_path: Path, cloud: Cloud, device: Device, operator: Browser, login: bool) -> None:
    with vnc_server(tmp_path / "vnc", "panel", "320x200", login=login) as port:
        cloud.add_configuration("Panel", "127.0.0.1", port, "VNC")
        start(operator, "Panel")
        if login:
            operator.fill(f"{NEWEST} [name=password]", VNC_PASSWORD + Keys.ENTER)
        wait_until(lambda: set(STRIPES) <= operator.colours(".session canvas"), 15,
                   "all stripes on the canvas")
        operator.find(f"{NEWEST} .end").click()
        operator.wait_text(f"{OPERATION} .session", "ended")
        if login:
            start(operator, "Panel")
            operator.fill(f"{NEWEST} [name=password]", "wrong" + Keys.ENTER)
            operator.wait_text(f"{NEWEST} .state", "ended: the VNC server refused")
            operator.complaints()  # noVNC has one, too


def test_a_refused_target_shows_its_reason(
        cloud: Cloud, device: Device, operator: Browser) -> None:
    with refusing_port() as port:
        cloud.add_configuration("Nobody", "127.0.0.1", port, "SSH", username="anybody")
        start(operator, "Nobody")
        reason = f"target 127.0.0.1:{port}: connection refused"
        operator.wait_text(f"{NEWEST} .state", f"failed: {reason}")
        operator.wait_text(f"{OPERATION} .reason", reason)
        assert operator.text(f"{OPERATION} .status") == "FAILED"


def test_the_status_is_live(cloud: Cloud, device: Device, operator: Browser) -> None:
    device.own('limits.connect = "2s"\n')
    with deaf_port() as port:
        operation = cloud.create_operation("127.0.0.1", port, delivery=None)
        operator.wait_text(f"{OPERATION} .status", "PENDING")
        cloud.deliver(operation, "smartrest")
        operator.wait_text(f"{OPERATION} .status", "EXECUTING")
        operator.wait_text(f"{OPERATION} .reason", f"target 127.0.0.1:{port}: ")
        assert operator.text(f"{OPERATION} .status") == "FAILED"
    assert operator.script("return window.sameLoad")


def test_a_closed_tab_ends_its_session(
        tmp_path: Path, cloud: Cloud, device: Device, page: Page, operator: Browser) -> None:
    with telnet_endpoint(cloud, tmp_path) as target:
        first = operator.driver.current_window_handle
        operator.driver.switch_to.new_window("tab")
        operator.driver.get(page.url)  # still logged in
        start(operator, "Shell")
        operator.wait_text(f"{NEWEST} .state", "open")
        operator.driver.close()
        operator.driver.switch_to.window(first)
        target.wait_ended()
        operator.wait_text(f"{OPERATION} .session", "ended")
        assert operator.text(f"{OPERATION} .status") == "SUCCESSFUL"


def test_an_endpoint_is_added_and_its_command_line_works(
        tmp_path: Path, cloud: Cloud, device: Device, operator: Browser) -> None:
    with ssh_server(tmp_path / "sshd") as server:
        operator.find("#devices > article > details > summary").click()
        operator.fill("#devices [name=name]", "My service")
        operator.find("#devices [name=protocol]").send_keys("PASSTHROUGH")
        operator.fill("#devices [name=port]", f"{server.port}{Keys.ENTER}")
        operator.wait_text(".endpoints", "My service")
        operator.find(".endpoints summary").click()
        operator.find(".endpoints .copy").click()
        operator.wait_text(".endpoints .copied", "copied")
        command = shlex.split(operator.text(".endpoints .command"))
        assert command[:2] == ["c8ylp", "server"]
        port = str(free_port())
        command[command.index("2222")] = port
        argv, environment = c8ylp(cloud, tmp_path / "home", command[1:])
        client = [*server.client("ssh", int(port)), f"{getpass.getuser()}@127.0.0.1", "echo here"]
        with subprocess.Popen(argv, env=environment, stdin=subprocess.DEVNULL) as proxy:
            try:
                wait_until(lambda: subprocess.run(client, capture_output=True, timeout=30,
                                                  check=False).stdout == b"here\n", 20, "c8ylp")
            finally:
                proxy.kill()
    operator.wait_text(f"{OPERATION} .status", "SUCCESSFUL")


def test_an_endpoint_is_edited_and_what_is_not_typed_again_stays(
        cloud: Cloud, operator: Browser) -> None:
    cloud.add_configuration("Shell", "127.0.0.1", 22, "SSH", credentialsType="USER_PASS",
                            username="admin", password="hush", hostKey="ssh-ed25519 AAAA")
    stored = cloud.device.configurations

    def save(field: str, value: str, shown: str) -> dict[str, object]:
        operator.find("[aria-label^='Edit ']").click()
        operator.fill(f".endpoints [name={field}]", value)
        operator.find(".endpoints form button").click()
        wait_until(lambda: not operator.all(".endpoints form"), 5, "the form is gone")
        operator.wait_text(".endpoints", shown)
        return dict(stored[0]["credentials"])

    kept = save("name", "My shell", "My shell")
    assert (kept["type"], kept["username"], kept["password"], kept["hostKey"]) == (
        "USER_PASS", "admin", "hush", "ssh-ed25519 AAAA")
    assert save("port", "2222", "127.0.0.1:2222")["hostKey"] is None  # another service's
    assert save("hostKey", "ssh-ed25519 BBBB", "admin")["hostKey"] == "ssh-ed25519 BBBB"
    replaced = save("privateKey", "a private key", "admin with private key")
    assert (replaced["type"], replaced["password"]) == ("KEY_PAIR", None)
    assert replaced["privateKey"] == "a private key"


def test_an_endpoint_is_removed_when_that_is_meant(cloud: Cloud, operator: Browser) -> None:
    cloud.add_configuration("Shell", "127.0.0.1", 22, "SSH")
    remove = operator.find("[aria-label='Remove Shell']")
    remove.click()
    operator.driver.switch_to.alert.dismiss()
    assert len(cloud.device.configurations) == 1
    remove.click()
    operator.driver.switch_to.alert.accept()
    wait_until(lambda: not operator.all(".endpoints > li"), 5, "the endpoint is gone")
    assert cloud.device.configurations == []
    assert operator.script("return document.activeElement.textContent") == "Add an endpoint"


def test_a_session_that_ended_is_opened_again_in_its_place(
        tmp_path: Path, cloud: Cloud, device: Device, operator: Browser) -> None:
    with telnet_endpoint(cloud, tmp_path):
        start(operator, "Shell")
        operator.wait_text(f"{NEWEST} .state", "open")
        operator.type("exit\n")
        operator.wait_text(f"{NEWEST} .state", "ended: ")
        operator.find(f"{NEWEST} .again").click()
        operator.wait_text(f"{NEWEST} .state", "open")
        assert len(operator.all("#sessions > article")) == 1
        operator.type("PS1='again$ '; clear; echo $((6*7))\n")
        see(operator, "42\nagain$")


def test_a_cloud_that_is_gone_is_told_and_found_again(
        tmp_path: Path, cloud: Cloud, device: Device, chrome: Browser) -> None:
    with telnet_endpoint(cloud, tmp_path):
        with Page(cloud) as page:
            chrome.driver.get(page.url)
            log_in(chrome, cloud.user, cloud.password)
            start(chrome, "Shell")
            chrome.wait_text(f"{NEWEST} .state", "open")
        chrome.wait_text(f"{NEWEST} .state", "ended: the cloud stops")
        chrome.wait_text("#live", "not connected")
        chrome.find(f"{NEWEST} .again").click()
        chrome.wait_text(f"{NEWEST} .state", "the cloud did not open it")
        with Page(cloud, page.port):
            chrome.wait_text("#live", "live")
            chrome.find(f"{NEWEST} .again").click()
            chrome.wait_text(f"{NEWEST} .state", "open")
    chrome.complaints()  # the browser has some, too


def test_the_demo_leads_to_a_shell_in_the_browser(tmp_path: Path, chrome: Browser) -> None:
    """As the README promises: one command, its address and its login; one more, the doctor."""
    argv = [sys.executable, "-m", "demo", "--stay"]
    log = tmp_path / "demo.log"
    with running(argv, log) as demo:
        said = wait_until(lambda: re.search(
            r"(http://127\.0\.0\.1:\d+/)\n.*\b(\w+) with the password (\S+)", log.read_text()), 30,
            "the address and the login")
        assert demo.poll() is None and said
        chrome.driver.set_window_size(1200, 1000)
        chrome.driver.get(said[1])
        log_in(chrome, said[2], said[3])
        start(chrome, "Shell")
        chrome.wait_text(f"{NEWEST} .state", "open")
        chrome.type("PS1='device$ '; clear; head -n 2 /etc/os-release; echo $((6*7))\n")
        see(chrome, "42\ndevice$")
        chrome.keep_picture("demo", tmp_path)
        doctor = re.search(r"^  (.* check --config-dir .*)$", log.read_text(), re.M)
        assert doctor
        found = subprocess.run(shlex.split(doctor[1]), capture_output=True, text=True, timeout=30,
                               check=False)
        assert found.returncode == 0 and "\nA session can be served" in found.stdout, found.stdout
        demo.send_signal(signal.SIGINT)
        assert demo.wait(20) == 0


def test_a_wrong_password_is_told_and_opens_nothing(cloud: Cloud, browser: Browser) -> None:
    log_in(browser, cloud.user, "wrong")
    browser.wait_text("#login .problem", "Bad credentials")
    assert browser.text("#devices") == ""


def test_the_page_is_dark_where_the_system_is(browser: Browser) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = browser.script(ground)
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    try:
        assert browser.script(ground) != light
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
