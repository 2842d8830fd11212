"""Drives a headless Chromium through its DevTools protocol (https://chromedevtools.github.io/devtools-protocol).

A driver of this size instead of a driver package: the packages weigh 30 to 170 MB, and tests here need only to open
pages, ask and click in them, and look at what the page requested and complained about.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import websocket

KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39}
LIMIT = 30.0  # seconds for anything a page is waited for
OPTIONS = (
    "--headless",
    "--remote-debugging-port=0",
    "--no-sandbox",  # tests run as root, also in containers; the pages are our own
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--no-first-run",
    "--lang=en",
)


class PageError(AssertionError):
    """The page did not do what a test waits for."""


@dataclass
class Browser:
    """A running Chromium. Each `page` is a tab with storage of its own."""

    process: subprocess.Popen[bytes]
    profile: Path
    address: str

    @classmethod
    def start(cls, program: Path, environment: dict[str, str], profile: Path) -> Browser:
        """Start `program` with a profile folder of its own; it listens on a free port of 127.0.0.1."""
        command = [str(program), *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        log = (profile.parent / "chromium.log").open("wb")
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=log, stderr=log, start_new_session=True
        )
        told, deadline = profile / "DevToolsActivePort", time.monotonic() + LIMIT
        while not (told.exists() and told.read_text().count("\n")):
            if process.poll() is not None or time.monotonic() > deadline:
                raise PageError(f"Chromium did not start:\n{Path(log.name).read_text()[-2000:]}")
            time.sleep(0.02)
        port, path = told.read_text().splitlines()[:2]
        return cls(process, profile, f"ws://127.0.0.1:{port}{path}")

    def page(self) -> Page:
        """A new empty tab."""
        return Page(self.address)

    def stop(self) -> None:
        """End the browser and its helper processes."""
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)


@dataclass
class Page:
    """One tab. `complaints` are console errors, exceptions and failed loads; `requests` all addresses asked for."""

    address: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._socket = websocket.create_connection(self.address, timeout=LIMIT, suppress_origin=True)
        self._number, self._session = 0, ""
        self._context = self._send("Target.createBrowserContext")["browserContextId"]
        target = {"url": "about:blank", "browserContextId": self._context}
        self._target = self._send("Target.createTarget", **target)["targetId"]
        attached = self._send("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self._send(f"{domain}.enable")

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self._session = ""
        self._send("Target.disposeBrowserContext", browserContextId=self._context)
        self._socket.close()

    def look(self, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        """Set the window's size in CSS pixels, and whether the person prefers a dark page."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._send("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._send("Emulation.setEmulatedMedia", features=[scheme])
        return self

    def open(self, url: str) -> Page:
        """Go to `url` and wait until its document and scripts are loaded."""
        answer = self._send("Page.navigate", url=url)
        if "errorText" in answer:
            raise PageError(f"{url}: {answer['errorText']}")
        return self.until("document.readyState === 'complete'")

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; promises are awaited."""
        answer = self._send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def until(self, script: str, limit: float = LIMIT) -> Page:
        """Wait until a JavaScript expression is true."""
        deadline = time.monotonic() + limit
        while not self.run(f"Boolean({script})"):
            if time.monotonic() > deadline:
                shown = self.run("document.body.innerText.slice(0, 1500)")
                raise PageError(
                    f"not within {limit} s: {script}\nThe page shows:\n{shown}\n{self.complaints}"
                )
            time.sleep(0.03)
        return self

    def texts(self, selector: str) -> list[str]:
        """The visible text of every element that a CSS selector finds."""
        return self.run(
            f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.innerText.trim())"
        )

    def select(self, selector: str, value: str) -> None:
        """Choose a value of a ``<select>`` as a person does, with its events."""
        self.run(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)}); one.value = {json.dumps(value)};"
            "one.dispatchEvent(new Event('input', {bubbles: true}));"
            "one.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def click(self, selector: str) -> None:
        """Click the first element that a CSS selector finds."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def press(self, key: str, shift: bool = False) -> None:
        """Press a key on the keyboard, for example ``Tab``; Enter also types its line break."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown" if text else "rawKeyDown", "keyUp"):
            code = KEYS.get(key, 0)
            event = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift}
            self._send("Input.dispatchKeyEvent", type=kind, **event, **(text if kind == "keyDown" else {}))

    def type(self, text: str) -> None:
        """Put text where the focus is, as a keyboard does."""
        self._send("Input.insertText", text=text)

    def choose(self, selector: str, *files: Path) -> None:
        """Choose files in an ``<input type=file>``."""
        found = self._send("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        place = {"objectId": found["result"]["objectId"]}
        self._send("DOM.setFileInputFiles", files=[str(file) for file in files], **place)

    def violations(self) -> list[str]:
        """What axe-core finds wrong: names, roles, contrast and more (https://github.com/dequelabs/axe-core)."""
        spec = find_spec("axe_playwright_python")
        assert spec and spec.origin
        self.run(f"{Path(spec.origin).with_name('axe.min.js').read_text()};0")
        return self.run(
            "axe.run().then((all) => all.violations.map((one) => `${one.id} (${one.impact}) ${one.nodes[0].html}`))"
        )

    def screenshot(self, file: Path) -> None:
        """Write a picture of the whole page."""
        picture = self._send("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(picture["data"]))

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": self._session} if self._session else {})))
        while (answer := json.loads(self._socket.recv())).get("id") != self._number:
            if handle := _EVENTS.get(answer.get("method", "")):
                handle(self, answer["params"])
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']['message']}")
        return answer["result"]


def _requested(page: Page, event: dict[str, Any]) -> None:
    page.requests.append(event["request"]["url"])


def _console(page: Page, event: dict[str, Any]) -> None:
    if event["type"] in ("error", "warning", "assert"):
        page.complaints.append(
            " ".join(str(one.get("value", one.get("description"))) for one in event["args"])
        )


def _thrown(page: Page, event: dict[str, Any]) -> None:
    details = event["exceptionDetails"]
    page.complaints.append(details.get("exception", {}).get("description") or details["text"])


def _logged(page: Page, event: dict[str, Any]) -> None:
    if event["entry"]["level"] in ("error", "warning"):
        page.complaints.append(f"{event['entry']['text']} {event['entry'].get('url', '')}")


_EVENTS: dict[str, Callable[[Page, dict[str, Any]], None]] = {
    "Network.requestWillBeSent": _requested,
    "Runtime.consoleAPICalled": _console,
    "Runtime.exceptionThrown": _thrown,
    "Log.entryAdded": _logged,
}
