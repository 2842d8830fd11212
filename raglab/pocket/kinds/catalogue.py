"""The kinds the cluster serves, read from ``catalogue.yaml``: one entry per resource, facts only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

import yaml

Object = dict[str, Any]
"""A Kubernetes object as decoded JSON."""


@dataclass(frozen=True)
class Kind:
    """One resource type, e.g. ``Kind("apps", "v1", "Deployment", "deployments", ...)``."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    """``status``, ``scale``, and those answered elsewhere (``log``, ``exec``, ``token``, ``eviction`` ...)."""
    storage: str = ""
    """Where objects live when several versions share them: ``group/plural`` (default: its own)."""

    @cached_property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def storage_key(self) -> str:
        """Name of the shelf in the store: ``apps/deployments``, ``/pods``."""
        return self.storage or f"{self.group}/{self.plural}"


class Catalogue:
    """Look-ups over all kinds."""

    def __init__(self, kinds: list[Kind]) -> None:
        self.kinds = kinds
        self._by_resource = {(k.group, k.version, k.plural): k for k in kinds}
        self._by_kind = {(k.api_version, k.kind): k for k in kinds}
        self._by_plural: dict[str, Kind] = {}
        for kind in kinds:  # the first entry of a plural is its preferred version
            self._by_plural.setdefault(kind.plural, kind)

    def resource(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind served at ``/apis/{group}/{version}/{plural}``."""
        return self._by_resource.get((group, version, plural))

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind of an object with these two fields."""
        return self._by_kind.get((api_version, kind))

    def plural(self, plural: str) -> Kind:
        """The preferred version of a resource; `KeyError` if there is none."""
        return self._by_plural[plural]


def load() -> Catalogue:
    """The catalogue that ships with the package."""
    raw = yaml.load(files(__package__).joinpath("catalogue.yaml").read_text(), Loader=yaml.CSafeLoader)
    listed = ("short_names", "categories", "verbs", "subresources")
    return Catalogue([Kind(**entry | {key: tuple(entry.get(key, ())) for key in listed}) for entry in raw])
