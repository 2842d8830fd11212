"""Refusals as the real adapter words them."""

from __future__ import annotations

from raglab.services.addons.extension.errors import StatusError
from raglab.services.addons.metrics_adapter.resources import GroupResource


def not_found(resource: GroupResource | str, metric: str, name: str = "") -> StatusError:
    """The metric is not known, or no object with a value was meant."""
    who = f"{resource} {name}" if name else str(resource)
    return StatusError(404, "NotFound", f"the server could not find the metric {metric} for {who}")


def internal(what: str) -> StatusError:
    """Something behind the adapter failed; its log says what, clients are not told."""
    causes = {"causes": [{"message": what}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {what}", causes)
