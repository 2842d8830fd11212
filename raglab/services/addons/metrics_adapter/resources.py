"""Kinds of Kubernetes objects, and which label of a series names an object of which kind.

A `Catalogue` holds what the API server lists; it is the stand-in's RESTMapper. `Labels` are one rule's mapping between
labels and kinds, by template, by overrides, or both (overrides win).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from raglab.services.addons.metrics_adapter.config import ConfigError, Resources
from raglab.services.addons.metrics_adapter.templates import Template

_TEMPLATE_FIELDS = frozenset({"Group", "Resource"})


class GroupResource(NamedTuple):
    """``pods``, ``jobs.batch``: the plural name and the API group."""

    resource: str
    group: str = ""

    def __str__(self) -> str:
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @classmethod
    def parse(cls, text: str) -> GroupResource:
        """From the form that paths and discovery use."""
        resource, _, group = text.partition(".")
        return cls(resource, group)


NAMESPACES = GroupResource("namespaces")
ROOT_SCOPED = frozenset({NAMESPACES, GroupResource("nodes"), GroupResource("persistentvolumes")})
"""Kinds that the adapter never counts as living in a namespace."""


@dataclass(frozen=True)
class Kind:
    """One kind as the API server lists it."""

    resource: GroupResource
    version: str
    singular: str
    kind: str

    @property
    def api_version(self) -> str:
        """As the adapter writes it in ``describedObject``: the core group has an empty name, hence ``/v1``."""
        return f"{self.resource.group}/{self.version}"


class Catalogue:
    """All kinds, in the order of discovery: the first that fits wins."""

    def __init__(self, kinds: Iterable[Kind] = ()) -> None:
        self._kinds = tuple(kinds)

    def find(self, wanted: GroupResource) -> Kind | None:
        """The kind with that plural or singular name; a group may be left out or shortened."""
        for kind in self._kinds:
            if wanted.resource in (kind.resource.resource, kind.singular) and kind.resource.group.startswith(
                wanted.group
            ):
                return kind
        return None


@dataclass
class Labels:
    """One rule's mapping. Only labels seen in overrides or fitting the template name objects."""

    catalogue: Catalogue
    overrides: Mapping[str, GroupResource]
    template: Template | None
    pattern: re.Pattern[str] | None
    _by_resource: dict[GroupResource, str] = field(default_factory=dict)

    @classmethod
    def from_config(cls, config: Resources, catalogue: Catalogue) -> Labels:
        """Raises `ConfigError` for an override of an unknown kind or a template without ``<<.Resource>>``."""
        overrides = {}
        for label, target in config.overrides.items():
            kind = catalogue.find(GroupResource(target.resource, target.group))
            if kind is None:
                raise ConfigError(f"label {label}: the cluster has no resource {target.resource!r}")
            overrides[label] = kind.resource
        template = Template(config.template, _TEMPLATE_FIELDS) if config.template else None
        pattern = _pattern(template, config.template) if template else None
        return cls(
            catalogue, overrides, template, pattern, {kind: label for label, kind in overrides.items()}
        )

    def of_series(self, labels: Iterable[str]) -> tuple[list[GroupResource], bool]:
        """The kinds that a series' labels name, and whether its metrics live in a namespace.

        As in the real adapter, any label that is not one of `ROOT_SCOPED` makes them live in one.
        """
        found: list[GroupResource] = []
        namespaced = False
        for label in labels:
            kind = self._kind(label)
            if kind:
                found.append(kind)
            elif self.pattern and self.pattern.fullmatch(label):
                continue  # has the template's form, but the cluster has no such kind
            namespaced = namespaced or kind not in ROOT_SCOPED
        return found, namespaced

    def label_for(self, resource: GroupResource) -> str:
        """The label that names objects of this kind; raises `LookupError` where the rule has none."""
        if resource in self._by_resource:
            return self._by_resource[resource]
        kind = self.catalogue.find(resource)
        if self.template is None or kind is None:
            raise LookupError(f"unable to convert resource {resource} into label")
        group = resource.group.replace(".", "_").replace("-", "_")
        label = self.template.render({"Resource": kind.singular, "Group": group})
        return self._by_resource.setdefault(resource, label)

    def _kind(self, label: str) -> GroupResource | None:
        if label in self.overrides:
            return self.overrides[label]
        match = self.pattern.fullmatch(label) if self.pattern else None
        if match is None:
            return None
        kind = self.catalogue.find(GroupResource(match["resource"], match.groupdict().get("group") or ""))
        return kind.resource if kind else None


def _pattern(template: Template, text: str) -> re.Pattern[str]:
    """The template read backwards: which labels it could have made."""
    expression = template.render({"Resource": "(?P<resource>.+?)", "Group": "(?P<group>.+?)"})
    if "(?P<resource>" not in expression:
        raise ConfigError(f"resources.template {text!r} must contain <<.Resource>>")
    return re.compile(expression)
