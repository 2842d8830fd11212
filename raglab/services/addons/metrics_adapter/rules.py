"""A rule at work: which series it takes, what they are called in the API, and the query that gives their values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from raglab.services.addons.metrics_adapter.config import ConfigError, Filter, Naming, RuleConfig
from raglab.services.addons.metrics_adapter.resources import NAMESPACES, Catalogue, GroupResource, Labels
from raglab.services.addons.metrics_adapter.selectors import Requirement
from raglab.services.addons.metrics_adapter.templates import Template

_QUERY_FIELDS = frozenset({"Series", "LabelMatchers", "LabelValuesByName", "GroupBy", "GroupBySlice"})
_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


@dataclass(frozen=True)
class Rule:
    """One rule, compiled."""

    series_query: str
    filters: tuple[tuple[re.Pattern[str], bool], ...]
    matches: re.Pattern[str]
    name: str
    labels: Labels
    template: Template
    namespaced: bool

    @classmethod
    def from_config(cls, config: RuleConfig, catalogue: Catalogue) -> Rule:
        """Raises `ConfigError` naming what is wrong with the rule."""
        matches = _compile(config.name.matches or ".*")
        filters = [_filter(item) for item in config.series_filters]
        return cls(
            config.series_query,
            tuple(filters + ([(matches, True)] if config.name.matches else [])),
            matches,
            config.name.as_ or _default_name(config.name, matches),
            Labels.from_config(config.resources, catalogue),
            Template(config.metrics_query, _QUERY_FIELDS),
            config.resources.namespaced,
        )

    def takes(self, series: str) -> bool:
        """Whether a series with this name passes the filters; the series query selects beforehand."""
        return all(bool(pattern.search(series)) == wanted for pattern, wanted in self.filters)

    def metric(self, series: str) -> str:
        """The name in the API; raises `LookupError` for a series that the rule cannot name."""
        match = self.matches.search(series)
        if match is None:
            raise LookupError(
                f"series name {series!r} did not match expected pattern {self.matches.pattern!r}"
            )
        return _expand(self.name, match)

    def query(
        self,
        series: str,
        resource: GroupResource,
        namespace: str,
        selector: Sequence[Requirement],
        names: Sequence[str],
    ) -> str:
        """PromQL for one metric of some objects; `LookupError` or `SelectorError` where there is none."""
        label = self.labels.label_for(resource)
        conditions = [*selector, *self._in_namespace(namespace)]
        conditions.append(Requirement(label, "in" if len(names) > 1 else "=", tuple(names)))
        return self._render(series, conditions, [label])

    def external_query(self, series: str, namespace: str, selector: Sequence[Requirement]) -> str:
        """PromQL for an external metric; `namespaced: false` in the rule ignores the request's namespace."""
        return self._render(
            series, [*selector, *self._in_namespace(namespace if self.namespaced else "")], []
        )

    def _in_namespace(self, namespace: str) -> list[Requirement]:
        return [Requirement(self.labels.label_for(NAMESPACES), "=", (namespace,))] if namespace else []

    def _render(self, series: str, conditions: Sequence[Requirement], group_by: list[str]) -> str:
        values: Mapping[str, object] = {
            "Series": series,
            "LabelMatchers": ",".join(condition.matcher() for condition in conditions),
            "LabelValuesByName": {condition.key: "|".join(condition.values) for condition in conditions},
            "GroupBy": ",".join(group_by),
            "GroupBySlice": group_by,
        }
        query = self.template.render(values)
        if not query:
            raise LookupError("empty query produced by metrics query template")
        return query


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"unable to compile {pattern!r}: {error}") from error


def _filter(config: Filter) -> tuple[re.Pattern[str], bool]:
    if bool(config.is_) == bool(config.is_not):
        raise ConfigError("a series filter needs either `is` or `isNot`, and not both")
    return _compile(config.is_ or config.is_not), bool(config.is_)


def _default_name(naming: Naming, matches: re.Pattern[str]) -> str:
    """The whole name, or the one group; with more groups there is no obvious choice."""
    if matches.groups > 1:
        raise ConfigError(f"must specify an 'as' value for name matcher {naming.matches!r}")
    return "$1" if matches.groups else "$0"


def _expand(text: str, match: re.Match[str]) -> str:
    """``$1``, ``${1}`` and ``$name`` as in Go; a group that does not exist is empty."""

    def group(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        key = reference[2] or reference[3]
        try:
            return match[int(key) if key.isdigit() else key] or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(group, text)
