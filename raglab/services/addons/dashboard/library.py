"""Which dashboards there are and where Prometheus is: from a folder and from labelled ConfigMaps, like Grafana."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from raglab.services.addons.dashboard.configmaps import ConfigMapsError, File, Reader, labelled
from raglab.services.addons.dashboard.timerange import seconds

log = logging.getLogger("raglab.dashboard")
FRESH = 2.0  # seconds for which what was read counts as true
DASHBOARDS, DATASOURCES = "grafana_dashboard", "grafana_datasource"


@dataclass(frozen=True)
class Dashboard:
    """One dashboard: Grafana's JSON and where it was found."""

    uid: str
    title: str
    source: str
    json: dict[str, Any]

    @property
    def slug(self) -> str:
        """The title in the form it has in Grafana's URLs."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")

    @property
    def url(self) -> str:
        return f"/d/{self.uid}/{self.slug}"


@dataclass
class Contents:
    """What was found; `problems` are sentences about what could not be used."""

    dashboards: dict[str, Dashboard] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    prometheus_url: str = ""
    interval: float = 15.0


class Library:
    """Reads on demand and at most every `FRESH` seconds, so that a changed ConfigMap shows without a restart."""

    def __init__(
        self,
        dashboards: Path,
        datasources: Path,
        api: Reader | None,
        defaults: Callable[[], Contents],
    ) -> None:
        self._folders = {DASHBOARDS: dashboards, DATASOURCES: datasources}
        self._api, self._defaults = api, defaults
        self._contents, self._read = Contents(), -FRESH

    async def contents(self) -> Contents:
        """Everything, not older than `FRESH` seconds."""
        if time.monotonic() - self._read >= FRESH:
            self._contents = await self._load()
            self._read = time.monotonic()
        return self._contents

    async def _load(self) -> Contents:
        found = self._defaults()
        for file in await self._files(DATASOURCES, found):
            _take_datasource(file, found)
        for file in await self._files(DASHBOARDS, found):
            _take_dashboard(file, found)
        for problem in found.problems:
            if problem not in self._contents.problems:
                log.warning(problem)
        return found

    async def _files(self, label: str, found: Contents) -> list[File]:
        files = list(_in_folder(self._folders[label]))
        if self._api:
            try:
                files += await labelled(self._api, label)
            except ConfigMapsError as error:
                found.problems.append(str(error))
        return files


def _in_folder(folder: Path) -> Iterable[File]:
    """Files below `folder`, but not those in the hidden folders through which Kubernetes swaps a mounted ConfigMap."""
    paths = (path for path in folder.rglob("*") if path.suffix in (".json", ".yaml", ".yml"))
    seen = sorted(
        path for path in paths if not any(part.startswith("..") for part in path.relative_to(folder).parts)
    )
    return (File(str(path.parent), path.name, path.read_text()) for path in seen)


def _take_dashboard(file: File, found: Contents) -> None:
    try:
        dashboard = json.loads(file.text)
        title = str(dashboard["title"])
    except (ValueError, KeyError, TypeError) as error:
        found.problems.append(f"{file.source}: {file.name} is no dashboard in Grafana's JSON ({error!r})")
        return
    uid = str(dashboard.get("uid") or Path(file.name).stem)
    if uid in found.dashboards:
        other = found.dashboards[uid].source
        found.problems.append(f"{file.source}: {file.name} has the uid {uid!r} of one from {other}")
        return
    found.dashboards[uid] = Dashboard(uid, title, file.source, dashboard)


def _take_datasource(file: File, found: Contents) -> None:
    """The default Prometheus of a datasource file (format: Grafana's provisioning)."""
    try:
        entries = (yaml.safe_load(file.text) or {}).get("datasources") or []
        entry = next(
            (one for one in entries if one.get("type") == "prometheus" and one.get("isDefault")), None
        )
        if entry:
            interval = (entry.get("jsonData") or {}).get("timeInterval")
            found.prometheus_url = str(entry["url"])
            found.interval = seconds(interval) if interval else found.interval
    except (yaml.YAMLError, ValueError, KeyError, AttributeError) as error:
        found.problems.append(f"{file.source}: {file.name} is no datasource file of Grafana ({error!r})")
