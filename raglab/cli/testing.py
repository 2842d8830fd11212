"""``raglab test``: style, layers, types, unit and cluster tests, then every cell of every lesson."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from raglab import paths
from raglab.cli import doctor
from raglab.targets import Pocket, TargetError

out = Console(highlight=False)
PYTEST = [sys.executable, "-m", "pytest"]
SANITIZE = paths.CHECKOUT / "tests" / "lessons" / "sanitize.cfg"

STATIC = (
    ("style", [sys.executable, "-m", "ruff", "check", "."]),
    ("format", [sys.executable, "-m", "ruff", "format", "--check", "."]),
    ("layers", [str(paths.programs() / "lint-imports"), "--no-cache"]),
    ("types", [sys.executable, "-m", "mypy"]),
)


def run(arguments: list[str]) -> int:
    """Run everything, or only pytest with `arguments`; the exit code is 0 when all passed."""
    with _sandbox():
        if arguments:
            return _call("pytest", [*PYTEST, *arguments])
        results = [_call(name, command) for name, command in STATIC]
        results.append(_call("tests", [*PYTEST, "tests"]))
        results.append(_lessons())
    return int(any(results))


def _call(name: str, command: list[str]) -> int:
    out.rule(f"[bold]{name}")
    return subprocess.run(command, cwd=paths.CHECKOUT).returncode


def _lessons() -> int:
    """All notebooks in order on one fresh cluster, each cell executed and compared with its recording."""
    notebooks = [str(path) for path in sorted(paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))]
    options = [
        "--nbval",
        "--nbval-cell-timeout=240",
        f"--nbval-sanitize-with={SANITIZE}",
        "-p",
        "no:cacheprovider",
    ]
    target = Pocket()
    target.up(out.print)
    try:
        return _call("lessons", [*PYTEST, *options, "--timeout=600", *notebooks])
    finally:
        target.down(out.print)


@contextmanager
def _sandbox() -> Iterator[None]:
    """A state folder for this run only, so that tests never touch a learner's work; the models are shared."""
    if not doctor.ports(Pocket())[0] or Pocket().is_up():
        raise TargetError("The tests need the lab's node ports, and something uses them.", "Run: raglab down")
    models = str(paths.models())
    with tempfile.TemporaryDirectory(prefix="raglab-test-") as folder:
        os.environ |= {"RAGLAB_MODELS": models, "RAGLAB_HOME": str(Path(folder)), "RAGLAB_TARGET": "pocket"}
        os.environ |= Pocket().environment()
        yield
