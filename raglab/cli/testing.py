"""``raglab test``: style, layers, types, unit and cluster tests, then every cell of every lesson."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raglab import paths
from raglab.cli.screen import out
from raglab.pocket.kinds.schema import Schemas
from raglab.services.prometheus import install
from raglab.targets import Pocket, TargetError
from raglab.targets.network import reserved

PYTEST = [sys.executable, "-m", "pytest"]
WORKERS = (os.cpu_count() or 1) + 1
PARALLEL = [f"--numprocesses={WORKERS}", "--dist=loadfile", "--no-loadscope-reorder"]
"""Most tests wait for a process most of the time. A file stays in one worker, whose tests share a cluster and servers;
files begin in their order, as those that take minutes come early."""
SANITIZE = paths.CHECKOUT / "tests" / "lessons" / "sanitize.cfg"
NBVAL = (
    "--nbval",
    "--nbval-cell-timeout=240",
    f"--nbval-sanitize-with={SANITIZE}",
    "--timeout=600",
    "-p",
    "no:cacheprovider",
)
BESIDE = ("00", "01", "02", "03", "04", "07")
"""Lessons that run in a lab beside that of the others, which takes longer: the second half of 06, which compares loads,
has the machine for itself."""

STATIC = (
    ("style", [sys.executable, "-m", "ruff", "check", "."]),
    ("format", [sys.executable, "-m", "ruff", "format", "--check", "."]),
    ("layers", [str(paths.programs() / "lint-imports"), "--no-cache"]),
    ("types", [sys.executable, "-m", "mypy"]),
)


def run(arguments: list[str]) -> int:
    """Run everything, or only pytest with `arguments`; the exit code is 0 when all passed."""
    if not (paths.CHECKOUT / "tests").is_dir():
        raise TargetError("The tests are not here: raglab was not installed from a checkout.", "make test")
    with _sandbox():
        if arguments:
            return _call("pytest", [*PYTEST, *arguments])
        results = {name: _call(name, command) for name, command in STATIC}
        results["tests"] = _call("tests", [*PYTEST, *PARALLEL, "tests"])
        results["lessons"] = _lessons()
    failed = [name for name, code in results.items() if code]
    out.rule()
    out.print(f"[red]Failed: {', '.join(failed)}[/red]" if failed else "[green]All passed[/green]")
    return int(bool(failed))


def _call(name: str, command: list[str]) -> int:
    out.rule(f"[bold]{name}")
    started = time.monotonic()
    code = subprocess.run(command, cwd=paths.CHECKOUT).returncode
    out.print(f"{name}: {'failed' if code else 'passed'} after {time.monotonic() - started:.0f} s")
    return code


def _lessons() -> int:
    """Every cell of every lesson, executed and compared with its recording, on two fresh clusters.

    Their cells mostly wait, so two labs run side by side; what those in `BESIDE` print comes afterwards.
    """
    lessons = {path.name[:2]: str(path) for path in sorted(paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
    beside = [lessons.pop(number) for number in BESIDE]
    command = [sys.executable, "-m", "raglab.cli", "test", *NBVAL, *beside]
    with tempfile.TemporaryFile("w+") as told:
        other = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT)
        try:
            code = _call("lessons", [*PYTEST, *NBVAL, *lessons.values()])
            code = other.wait() or code
        except BaseException:
            other.terminate()
            other.wait()
            raise
        told.seek(0)
        out.print(told.read(), markup=False, soft_wrap=True)
    return code


@contextmanager
def _sandbox() -> Iterator[None]:
    """State and addresses for this run only: learners' work is safe, and a lab may run beside.

    Models and Prometheus are shared.
    """
    models, prometheus = str(paths.models()), str(install.place(paths.home()))
    with tempfile.TemporaryDirectory(prefix="raglab-test-") as folder, reserved() as network:
        os.environ |= {"RAGLAB_MODELS": models, "RAGLAB_HOME": str(Path(folder)), "RAGLAB_TARGET": "pocket"}
        os.environ["RAGLAB_PROMETHEUS"] = prometheus
        os.environ.pop("RAGLAB_CLASS", None)  # what tests pass is no learner's progress
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # thousands of processes would compile the same files
        os.environ["RAGLAB_NETWORK"] = str(network.number)
        os.environ |= Pocket().environment()
        Schemas.load(Pocket.schema_cache())  # once for all clusters and tests
        try:
            yield
        finally:
            Pocket().down(lambda line: None)
