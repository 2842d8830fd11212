"""JupyterLab as learners get it, in a headless browser: opens lessons without kernels and looks at what they show."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import requests

from raglab import paths
from raglab.cli import jupyter
from tests.browser.page import Page

LIMIT = 60.0  # seconds for JupyterLab to start and to open a lesson
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of sight are laid out too
    "docmanager-extension/plugin": {"autosave": False},  # looking never writes to a lesson
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
TOKEN = "looking-at-lessons"
FOLDERS = ("CONFIG", "DATA", "RUNTIME")
PANEL = "document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)')"


@dataclass
class Server:
    """A JupyterLab on the checkout, with all files that it writes in one folder."""

    process: subprocess.Popen[bytes]
    url: str

    @classmethod
    def start(cls, folder: Path) -> Server:
        """Start it with the lab's own options and wait until it answers."""
        for name, content in SETTINGS.items():
            file = folder / "config" / "lab" / "user-settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(content))
        own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in FOLDERS}
        variables = os.environ | own | {"JUPYTER_TOKEN": TOKEN, "IPYTHONDIR": str(folder), "NO_BROWSER": "1"}
        command = [*jupyter.command(), "--LabApp.expose_app_in_browser=True"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env=variables, stdout=log, stderr=log, start_new_session=True)
        return cls(process, _address(process, folder))

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(LIMIT)


def _address(process: subprocess.Popen[bytes], folder: Path) -> str:
    told, deadline = folder / "runtime" / f"jpserver-{process.pid}.json", time.monotonic() + LIMIT
    while True:
        try:
            url = json.loads(told.read_text())["url"]
            requests.get(f"{url}api", timeout=LIMIT).raise_for_status()
            return url
        except (OSError, ValueError):
            log = (folder / "log").read_text()
            assert process.poll() is None and time.monotonic() < deadline, f"no JupyterLab: {log}"
            time.sleep(0.05)


def enter(page: Page, server: Server) -> Page:
    """Open an empty JupyterLab."""
    page.open(f"{server.url}lab?reset&token={TOKEN}").until("window.jupyterapp", LIMIT)
    page.run("jupyterapp.restored.then(() => 0)")
    return page


def command(page: Page, name: str, **arguments: object) -> None:
    """Run one of JupyterLab's commands and wait for its end."""
    page.run(f"jupyterapp.commands.execute('{name}', {json.dumps(arguments)}).then(() => 0)")


NO_KERNEL = {"shouldStart": False, "canStart": False, "shouldReuse": False, "autoStartDefault": False}
KERNEL = {"name": "python3", "shouldStart": True, "canStart": True}


def show(page: Page, lesson: Path, pictures: int, kernel: dict[str, object] = NO_KERNEL) -> None:
    """Open a lesson until all its cells are drawn and `pictures` images have ended loading."""
    path = str(lesson.relative_to(paths.CHECKOUT))
    cells = len(json.loads(lesson.read_text())["cells"])
    command(page, "docmanager:open", path=path, kernelPreference=kernel)
    page.until(f"{PANEL}?.querySelectorAll('.jp-Cell').length === {cells}", LIMIT)
    page.until(f"!{PANEL}.querySelector('.jp-MarkdownCell:not(.jp-mod-rendered)')", LIMIT)
    page.until(f"{PANEL}.querySelectorAll('.jp-Cell img').length >= {pictures}", LIMIT)
    page.until(f"[...{PANEL}.querySelectorAll('.jp-Cell img')].every((one) => one.complete)", LIMIT)


# JupyterLab leaves out the alternative text that a notebook has for a picture in an output, so the line below counts.
WRONG = f"""(() => {{
  const wrong = [], panel = {PANEL};
  [...panel.querySelectorAll('.jp-Cell')].forEach((cell, number) => {{
    const say = (words) => wrong.push(`cell ${{number}}: ${{words}}`);
    const right = cell.getBoundingClientRect().right + 1;
    for (const one of cell.querySelectorAll('img')) {{
      if (!one.naturalWidth) say(`picture not loaded: ${{one.getAttribute('src').slice(0, 80)}}`);
      const drawn = one.closest('.jp-OutputArea-child');
      const below = drawn?.nextElementSibling?.innerText ?? '';
      if (!one.alt && !below.includes('Figure: ')) say('picture without a description');
    }}
    for (const one of cell.querySelectorAll('img, svg, table, pre, p, li, iframe, canvas')) {{
      const box = one.getBoundingClientRect();
      if (!one.closest('.cm-editor') && box.width && box.right > right)
        say(`${{one.tagName}} is ${{Math.round(box.right - right)}} px wider than the cell`);
    }}
    for (const one of cell.querySelectorAll('.jp-OutputArea-output, .jp-RenderedMarkdown, .cm-scroller'))
      if (one.scrollWidth > one.clientWidth + 1)
        say(`${{one.className.split(' ')[0]}} scrolls sideways, by ${{one.scrollWidth - one.clientWidth}} px`);
    if (/Error displaying widget|Loading widget|Error rendering|JavaScript Error/.test(cell.innerText))
      say(cell.innerText.slice(-200));
  }});
  return wrong;
}})()"""


def faults(page: Page) -> list[str]:
    """What is wrong in the lesson that is open: pictures, widths, widgets."""
    return page.run(WRONG)
