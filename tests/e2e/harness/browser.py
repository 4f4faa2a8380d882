# SPDX-License-Identifier: Apache-2.0
"""A real headless Chromium of Debian's, over WebDriver; nothing of it goes to the network."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from .services import program
from .waiting import wait_until

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--window-size=1200,900"]


class Browser:
    """The page as its user sees it: found by CSS selectors, waited for with deadlines."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver

    def all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def find(self, selector: str, timeout: float = 10) -> WebElement:
        """The first that is to be seen."""
        return wait_until(
            lambda: next((one for one in self.all(selector) if one.is_displayed()), None),
            timeout, selector)  # type: ignore[return-value]

    def text(self, selector: str) -> str:
        """Of all that match, in one script: an element may be replaced between two questions."""
        found = self.driver.execute_script(
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText).join('\\n')",
            selector)
        return str(found).replace("\xa0", " ")

    def screen(self) -> str:
        """The lines of the newest terminal; xterm.js puts each cell into an element of its own."""
        return str(self.driver.execute_script(
            "return [...document.querySelectorAll('.session:first-child .xterm-rows > div')]"
            ".map(row => row.textContent.trimEnd()).join('\\n')"))

    def type(self, keys: str) -> None:
        """Into whatever has the focus."""
        self.driver.switch_to.active_element.send_keys(keys)

    def wait_text(self, selector: str, wanted: str, timeout: float = 10) -> None:
        try:
            wait_until(lambda: wanted in self.text(selector), timeout)
        except TimeoutError:
            raise TimeoutError(f"no {wanted!r} in {selector} within {timeout} s: "
                               f"{self.text(selector)!r}") from None

    def fill(self, selector: str, value: str) -> None:
        field = self.find(selector)
        field.clear()
        field.send_keys(value)

    def script(self, code: str, *arguments: object) -> object:
        return self.driver.execute_script(code, *arguments)

    def colours(self, canvas: str) -> set[int]:
        """Of the picture, as 0xRRGGBB."""
        found = self.driver.execute_script("""
            const canvas = document.querySelector(arguments[0]);
            if (!canvas || !canvas.width) return [];
            const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            return [...new Set(new Uint32Array(data.buffer))];""", canvas)
        return {int.from_bytes(one.to_bytes(4, "little")[:3], "big") for one in found}

    def keep_picture(self, name: str, otherwise: Path) -> None:
        """In $REMOTE_ACCESS_WORK/screenshots, or in the folder `otherwise`."""
        work = os.environ.get("REMOTE_ACCESS_WORK")
        folder = Path(work) / "screenshots" if work else otherwise
        folder.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(folder / f"{name}.png"))

    def complaints(self) -> list[str]:
        """What the browser's console has against the page since the last question."""
        log = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in log if entry["level"] == "SEVERE"]


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    folder.mkdir(parents=True)
    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium")
    for flag in [*FLAGS, f"--user-data-dir={folder / 'profile'}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(program("chromedriver"),
                                      log_output=str(folder / "driver.log"))
    driver = webdriver.Chrome(options, service)
    try:
        driver.set_page_load_timeout(20)
        driver.set_script_timeout(10)
        yield Browser(driver)
    finally:
        driver.quit()
