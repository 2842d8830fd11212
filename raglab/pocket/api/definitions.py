"""CustomResourceDefinitions at work: whatever is stored of them decides at once which kinds the API serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from raglab.pocket.client import Object
from raglab.pocket.kinds import custom
from raglab.pocket.kinds.catalogue import Catalogue

SHELF = "apiextensions.k8s.io/customresourcedefinitions"


class Definitions:
    """Keeps a catalogue in step with the stored definitions."""

    def __init__(self, kinds: Catalogue, stored: Iterable[Object], wake: Callable[[str], None]) -> None:
        """`wake` is called with a shelf whose kinds may be served no longer."""
        self._kinds, self._wake = kinds, wake
        for definition in stored:
            self.record(definition, None)

    def record(self, new: Object, old: Object | None) -> None:
        """`new` has been stored."""
        self._kinds.serve(new["metadata"]["name"], custom.kinds(new))
        self._end_watches(new)

    def release(self, definition: Object) -> None:
        """The definition is gone, and its kinds with it."""
        self._kinds.withdraw(definition["metadata"]["name"])
        self._end_watches(definition)

    def _end_watches(self, definition: Object) -> None:
        spec = definition["spec"]
        self._wake(f"{spec['group']}/{spec['names']['plural']}")
