"""JupyterLab on the lessons, with every file it writes in the state folder."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import time
import webbrowser
from pathlib import Path

from rich.console import Console

from raglab import paths
from raglab.targets import Target, TargetError

START_LIMIT = 60.0  # seconds


def environment(target: Target) -> dict[str, str]:
    """The target's variables, and folders for Jupyter, IPython and matplotlib below the state folder."""
    home = paths.home() / "jupyter"
    folders = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
        "MPLCONFIGDIR": home / "matplotlib",
    }
    return os.environ | target.environment() | {name: str(folder) for name, folder in folders.items()}


def command() -> list[str]:
    """JupyterLab on loopback, offline: no update check, no news."""
    options = [
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={paths.NOTEBOOKS}",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdates",
        "--LabApp.news_url=None",
        "--log-level=WARNING",
    ]
    if os.geteuid() == 0:
        options.append("--allow-root")
    return [str(paths.programs() / "jupyter-lab"), *options]


def serve(target: Target, out: Console) -> None:
    """Run JupyterLab until Ctrl-C or until it ends. It gets a session of its own, so that Ctrl-C reaches only us."""
    variables = environment(target) | {"JUPYTER_TOKEN": secrets.token_urlsafe(24)}
    server = subprocess.Popen(command(), env=variables, start_new_session=True)
    signal.signal(signal.SIGTERM, _interrupt)  # `kill` ends the lab as tidily as Ctrl-C
    try:
        url = _address(server, Path(variables["JUPYTER_RUNTIME_DIR"]))
        out.print(
            f"\nJupyterLab: {url}\nStart with 00_start_here.ipynb. Ctrl-C here ends the lab.\n",
            soft_wrap=True,
        )
        if not os.environ.get("NO_BROWSER"):
            webbrowser.open(url)
        server.wait()
    except KeyboardInterrupt:
        out.print("\nEnding the lab")
    finally:
        server.terminate()
        server.wait(30)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _address(server: subprocess.Popen[bytes], runtime: Path) -> str:
    """The server's URL, from the file it writes once it listens."""
    file = runtime / f"jpserver-{server.pid}.json"
    deadline = time.monotonic() + START_LIMIT
    while not file.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise TargetError("JupyterLab did not start.", "Its messages are above; then try: raglab doctor")
        time.sleep(0.05)
    info = json.loads(file.read_text())
    return f"{info['url']}lab/tree/00_start_here.ipynb?token={info['token']}"
