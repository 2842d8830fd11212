"""The rule file, in the real adapter's format: `rules` for custom metrics, `externalRules` for external ones.

Unknown keys are errors, as there. `resourceRules` (CPU and memory for ``kubectl top``) are refused: the cluster has
its own source for these.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


class ConfigError(Exception):
    """The rule file cannot be used; the message says why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_means_left_out(cls, data: Any) -> Any:
        """As Go reads YAML: ``seriesFilters:`` with nothing behind it is an empty list."""
        return (
            {key: value for key, value in data.items() if value is not None}
            if isinstance(data, dict)
            else data
        )


class Filter(_Part):
    """Keeps series whose name matches `is`, or does not match `isNot`; exactly one of them is given."""

    is_: str = Field("", alias="is")
    is_not: str = Field("", alias="isNot")


class Target(_Part):
    """A kind of Kubernetes object, in the singular or the plural."""

    group: str = ""
    resource: str


class Resources(_Part):
    """Which labels name which objects: by a template such as ``<<.Resource>>``, and label by label."""

    template: str = ""
    overrides: dict[str, Target] = {}
    namespaced: bool = True


class Naming(_Part):
    """How a series is called in the API: the pattern its name must match, and the name made from its groups."""

    matches: str = ""
    as_: str = Field("", alias="as")


class RuleConfig(_Part):
    """One rule as written."""

    series_query: str = Field("", alias="seriesQuery")
    series_filters: list[Filter] = Field([], alias="seriesFilters")
    resources: Resources = Resources()
    name: Naming = Field(default_factory=lambda: Naming.model_validate({}))
    metrics_query: str = Field("", alias="metricsQuery")


class Config(_Part):
    """The whole file."""

    rules: list[RuleConfig] = []
    external_rules: list[RuleConfig] = Field([], alias="externalRules")


def load(path: Path) -> Config:
    """Read the rule file; raises `ConfigError`."""
    try:
        data = yaml.safe_load(path.read_text()) or {}
    except OSError as error:
        raise ConfigError(f"unable to load metrics discovery config file: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"unable to parse metrics discovery config: {error}") from error
    if isinstance(data, dict) and data.get("resourceRules"):
        raise ConfigError(
            "resourceRules are not part of this stand-in: the cluster serves metrics.k8s.io itself"
        )
    try:
        return Config.model_validate(data)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise ConfigError(f"unable to parse metrics discovery config: {'; '.join(lines)}") from error
