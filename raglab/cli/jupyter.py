"""JupyterLab on the lessons, with every file it writes in the state folder."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import time
from pathlib import Path

import psutil

from raglab import paths
from raglab.cli.screen import out, working
from raglab.targets import Target, TargetError, processes

START_LIMIT = 60.0  # seconds
STOP_LIMIT = 20.0  # seconds; JupyterLab ends its kernels first
FIRST = "notebooks/00_start_here.ipynb"
"""Where the course begins, seen from the server's root: the checkout, for notebooks show pictures of ``figures``."""
NOTIFICATIONS = Path("lab/user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings")
"""JupyterLab asks on its first start whether to fetch news, unless this says so already."""


def folder() -> Path:
    """Where JupyterLab, IPython and matplotlib keep their files; readable by the owner only."""
    home = paths.home() / "jupyter"
    home.mkdir(mode=0o700, exist_ok=True)
    return home


def record() -> Path:
    """The file that tells which process is the server."""
    return folder() / "server.json"


def server() -> psutil.Process | None:
    """The running server."""
    return processes.recall(record())


def environment(target: Target) -> dict[str, str]:
    """The target's variables, and folders for Jupyter, IPython and matplotlib below the state folder."""
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "IPYTHONDIR": "ipython",
        "MPLCONFIGDIR": "matplotlib",
    }
    own = {name: str(folder() / place) for name, place in folders.items()}
    return os.environ | target.environment() | own


def command() -> list[str]:
    """JupyterLab on loopback, offline: no update check, no news, no extension catalogue."""
    options = [
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.root_dir={paths.CHECKOUT}",
        f"--LabApp.default_url=/lab/tree/{FIRST}",
        "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
        "--LabApp.news_url=None",
        "--LabApp.extension_manager=readonly",
        "--LabApp.log_level=ERROR",
        "--ServerApp.log_level=ERROR",
        "--LanguageServerManager.node_roots=[]",  # asking npm for them would write to the home folder
    ]
    if not _browser():
        options.append("--no-browser")
    if os.geteuid() == 0:
        options.append("--allow-root")
    return [str(paths.programs() / "jupyter-lab"), *options]


def refuse_second() -> None:
    """Raise `TargetError` if JupyterLab runs already: ending the second one would end the first one's cluster."""
    server = processes.recall(record())
    if server is not None:
        raise TargetError(
            f"The lab is open already: {_url(server.pid)}", "open that address, or: raglab down"
        )


def serve(target: Target) -> None:
    """Run JupyterLab until Ctrl-C or until it ends. It gets a session of its own: Ctrl-C reaches only us."""
    _ask_nothing()
    variables = environment(target) | {"JUPYTER_TOKEN": secrets.token_urlsafe(24)}
    child = subprocess.Popen(command(), env=variables, start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        processes.remember(record(), child.pid)
        with working("Starting JupyterLab"):
            url = _wait_for_url(child)
        out.print(
            f"\nJupyterLab: {url}\nStart with {FIRST}. Ctrl-C here ends the lab.\n",
            markup=False,
            soft_wrap=True,
        )
        child.wait()
    except KeyboardInterrupt:
        out.print("\nEnding the lab")
    finally:
        stop()


def _ask_nothing() -> None:
    """Answer JupyterLab's question about news with no, once; what the learner sets later stays."""
    file = folder() / "config" / NOTIFICATIONS
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))


def stop() -> None:
    """End JupyterLab with its kernels, if it runs."""
    if (running := server()) is not None:
        processes.end(running, STOP_LIMIT)
    record().unlink(missing_ok=True)


def _browser() -> bool:
    """Whether there is a browser to open; a text browser in this terminal would be none."""
    screens = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME")
    return not os.environ.get("NO_BROWSER") and any(os.environ.get(name) for name in screens)


def _url(pid: int) -> str | None:
    """The address with its token, once the server listens there: it writes its file a little earlier."""
    try:
        info = json.loads((folder() / "runtime" / f"jpserver-{pid}.json").read_text())
        socket.create_connection((info["hostname"], info["port"]), timeout=1).close()
    except (OSError, ValueError):
        return None
    return f"{info['url']}lab/tree/{FIRST}?token={info['token']}"


def _wait_for_url(child: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + START_LIMIT
    while (url := _url(child.pid)) is None:
        if child.poll() is not None or time.monotonic() > deadline:
            raise TargetError("JupyterLab did not start; its messages are above.", "raglab doctor")
        time.sleep(0.05)
    return url
