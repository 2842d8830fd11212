"""The first command on a bare machine: what it refuses, and what it shows while it works.

A whole installation, interrupted and resumed, is in ``tests/newcomer``.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from raglab import bootstrap
from raglab.paths import CHECKOUT


def begin(preparation: str) -> subprocess.CompletedProcess[str]:
    """Run the bootstrap in a Python where `preparation` was executed first."""
    script = f"import sys, shutil\n{preparation}\nfrom raglab import bootstrap\nbootstrap.main()"
    return subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=CHECKOUT, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 15, 0)])
def test_unfit_python_is_refused_with_the_way_out(version: tuple[int, int, int]):
    result = begin(f"sys.version_info = {version}")
    assert result.returncode == 1
    assert f"Python 3.11 to 3.14 is needed, this is {'.'.join(map(str, version))}" in result.stderr
    assert "make lab PYTHON=" in result.stderr and "Traceback" not in result.stderr


def test_full_disk_is_refused(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "DISK_NEEDED_GB", 10**9)
    with pytest.raises(bootstrap.Stop, match="GB of disk are free"):
        bootstrap.check_machine()


def test_failing_pip_shows_what_it_said(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "PYTHON", sys.executable)
    with pytest.raises(bootstrap.Stop, match="no-such-file"):
        bootstrap.pip("install", "-r", "no-such-file.txt")


def test_progress_counts_packages_and_then_what_has_arrived(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    progress = bootstrap.Progress(2)
    progress.follow("Collecting one==1.0 (from -r requirements.txt (line 1))\n")
    assert progress.share() == pytest.approx(bootstrap.COLLECTING / 2)
    progress.follow("Processing /wheels/two-2.0-py3-none-any.whl\n")
    progress.follow("  Downloading two-2.0-py3-none-any.whl\n")
    progress.follow("Installing collected packages: one, two\n")
    assert progress.share() == pytest.approx(bootstrap.COLLECTING)
    (tmp_path / "lib" / "python3.11" / "site-packages" / "One_X-1.0.dist-info").mkdir(parents=True)
    assert progress.share() == pytest.approx((bootstrap.COLLECTING + 1) / 2)
    assert bootstrap.installed() == {"one-x"}
