# SPDX-License-Identifier: Apache-2.0
"""The operator's page as tests use it: fixtures, and what an operator does with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from cloud import Cloud
from cloud.page import Page

from .browser import Browser, chromium
from .waiting import wait_until

NEWEST = ".session:first-child"
OPERATION = "#operations > li:first-child"


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium") / "browser") as browser:
        yield browser


@pytest.fixture
def page(cloud: Cloud) -> Iterator[Page]:
    with Page(cloud) as served:
        yield served


@pytest.fixture
def browser(request: pytest.FixtureRequest, tmp_path: Path, chrome: Browser,
            page: Page) -> Iterator[Browser]:
    """Shows the page; takes a picture at the end and wants a console without complaints."""
    chrome.driver.set_window_size(1200, 900)
    chrome.driver.get(page.url)
    chrome.complaints()
    yield chrome
    chrome.keep_picture(request.node.name, tmp_path)
    assert [text for text in chrome.complaints() if "401 (Unauthorized)" not in text] == []


@pytest.fixture
def operator(cloud: Cloud, browser: Browser) -> Browser:
    """Logged in, and marked: a page that was loaded again has lost the mark."""
    log_in(browser, cloud.user, cloud.password)
    browser.wait_text("#devices", "device-1")
    browser.script("window.sameLoad = true")
    return browser


def log_in(browser: Browser, user: str, password: str) -> None:
    browser.fill("#login [name=username]", user)
    browser.fill("#login [name=password]", password + Keys.ENTER)


def start(browser: Browser, name: str) -> None:
    browser.find(f"[aria-label='Open {name}']").click()


def see(browser: Browser, wanted: str) -> None:
    try:
        wait_until(lambda: wanted in browser.screen(), 10)
    except TimeoutError:
        raise TimeoutError(f"no {wanted!r} on the screen:\n{browser.screen()}") from None
