"""The kinds the cluster serves: those of ``catalogue.yaml``, and those that objects of the cluster define."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from raglab.pocket.kinds.custom import Custom

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
    custom: Custom | None = field(default=None, compare=False, repr=False)
    """Schema, columns and so on of a kind that a CustomResourceDefinition made; those of others are in tables."""

    @cached_property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def storage_key(self) -> str:
        """Name of the shelf in the store: ``apps/deployments``, ``/pods``."""
        return self.storage or f"{self.group}/{self.plural}"


class Catalogue:
    """Look-ups over all kinds. Kinds come from sources and go with them; what was looked up is never out of date."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._fixed = tuple(kinds)
        self._sources: dict[str, tuple[Kind, ...]] = {}
        self._index()

    def serve(self, source: str, kinds: Iterable[Kind]) -> None:
        """Serve `kinds` from now on, instead of those that `source` brought before."""
        self._sources[source] = tuple(kinds)
        self._index()

    def withdraw(self, source: str) -> None:
        """Serve the kinds of `source` no longer."""
        if self._sources.pop(source, None):
            self._index()

    def resource(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind served at ``/apis/{group}/{version}/{plural}``."""
        return self._by_resource.get((group, version, plural))

    def kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind of an object with these two fields."""
        return self._by_kind.get((api_version, kind))

    def plural(self, plural: str) -> Kind:
        """The preferred version of a resource, by ``plural`` or ``plural.group``; `KeyError` if there is none."""
        return self._by_plural[plural]

    def _index(self) -> None:
        added = (kind for kinds in self._sources.values() for kind in kinds)
        self.kinds = [*self._fixed, *sorted(added, key=_order)]
        self._by_resource = {(k.group, k.version, k.plural): k for k in self.kinds}
        self._by_kind = {(k.api_version, k.kind): k for k in self.kinds}
        self._by_plural: dict[str, Kind] = {}
        for kind in self.kinds:  # the first entry of a plural is its preferred version
            self._by_plural.setdefault(kind.plural, kind)
            self._by_plural.setdefault(f"{kind.plural}.{kind.group}", kind)


def _order(kind: Kind) -> tuple[str, tuple[int, ...], str, str]:
    return kind.group, version_order(kind.version), kind.version, kind.plural


def version_order(version: str) -> tuple[int, ...]:
    """Sorts versions as discovery lists them: v2, v1, v1beta2, v1beta1, v1alpha1, and other names at the end."""
    parts = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if parts is None:
        return (3,)
    return {None: 0, "beta": 1, "alpha": 2}[parts[2]], -int(parts[1]), -int(parts[3] or 0)


def load() -> Catalogue:
    """The catalogue that ships with the package."""
    raw = yaml.load(files(__package__).joinpath("catalogue.yaml").read_text(), Loader=yaml.CSafeLoader)
    listed = ("short_names", "categories", "verbs", "subresources")
    return Catalogue([Kind(**entry | {key: tuple(entry.get(key, ())) for key in listed}) for entry in raw])
