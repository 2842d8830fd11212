"""Chart repositories made of folders: what a helm repository serves, built at the moment it is asked for.

Upstream charts that the pocket cluster replaces lie as ``REPOSITORY/CHART`` below one folder. Helm reaches them by
addresses such as ``pocket://prometheus-community`` through the downloader plugin beside this file, which runs
``python -m raglab.charts ADDRESS``. The same files always give the same bytes, so an archive keeps the digest
that an index named earlier. Format: https://helm.sh/docs/topics/chart_repository/.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from raglab import paths

SCHEME = "pocket"
PLUGINS = Path(__file__).with_name("plugins")
"""Folder of helm plugins, for ``HELM_PLUGINS``."""
UNDATED = "2000-01-01T00:00:00Z"
"""Folders have no date of publication, and helm wants one."""


class NoSuchChart(Exception):
    """The address names nothing that is there; the message says what is."""


def folder() -> Path:
    """Where the repositories lie: ``$RAGLAB_CHARTS``, or ``kubernetes-config/charts-pocket`` of the checkout."""
    chosen = os.environ.get("RAGLAB_CHARTS")
    return Path(chosen).absolute() if chosen else paths.CHECKOUT / "kubernetes-config" / "charts-pocket"


def get(root: Path, address: str) -> bytes:
    """The file at ``pocket://REPOSITORY/FILE``, an index or an archive. Raises `NoSuchChart`."""
    parts = urlsplit(address)
    charts = repository(root, parts.netloc)
    name = parts.path.removeprefix("/")
    if name == "index.yaml":
        return index(charts)
    if name not in charts:
        raise NoSuchChart(f"{address}: this repository has {', '.join(charts) or 'no charts'}")
    return archive(charts[name])


def repository(root: Path, name: str) -> dict[str, Path]:
    """The charts of a repository by the names of their archives, sorted. Raises `NoSuchChart`."""
    known = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    if name not in known:
        raise NoSuchChart(f"{SCHEME}://{name}: no such repository; there are {', '.join(known)}")
    charts = sorted(file.parent for file in (root / name).glob("*/Chart.yaml"))
    return {_archive_name(_about(chart)): chart for chart in charts}


def index(charts: dict[str, Path]) -> bytes:
    """The ``index.yaml`` of a repository."""
    entries: dict[str, list[dict[str, object]]] = {}
    for name, chart in charts.items():
        about = _about(chart)
        more: dict[str, object] = {
            "created": UNDATED,
            "digest": hashlib.sha256(archive(chart)).hexdigest(),
            "urls": [name],
        }
        entries.setdefault(about["name"], []).append({**about, **more})
    return yaml.safe_dump({"apiVersion": "v1", "entries": entries, "generated": UNDATED}).encode()


def archive(chart: Path) -> bytes:
    """A chart as ``.tgz``: every file below a folder with the chart's name, in order, without dates and owners."""
    packed, name = io.BytesIO(), _about(chart)["name"]
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0, filename="") as squeezed,
        tarfile.open(fileobj=squeezed, mode="w") as files,
    ):
        for file in sorted(path for path in chart.rglob("*") if path.is_file()):
            entry = tarfile.TarInfo(f"{name}/{file.relative_to(chart).as_posix()}")
            entry.size = file.stat().st_size
            files.addfile(entry, io.BytesIO(file.read_bytes()))
    return packed.getvalue()


def _about(chart: Path) -> dict[str, str]:
    about: dict[str, str] = yaml.safe_load((chart / "Chart.yaml").read_text("utf-8"))
    return about


def _archive_name(about: dict[str, str]) -> str:
    return f"{about['name']}-{about['version']}.tgz"
