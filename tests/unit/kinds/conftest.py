from collections.abc import Callable
from typing import Any

import pytest

from raglab.pocket.kinds import catalogue, defaults
from raglab.pocket.kinds.catalogue import Catalogue, Kind, Object
from raglab.pocket.kinds.schema import Schemas


@pytest.fixture(scope="session")
def kinds() -> Catalogue:
    return catalogue.load()


@pytest.fixture
def kind_of(kinds: Catalogue) -> Callable[[Object], Kind]:
    def find(obj: Object) -> Kind:
        found = kinds.kind(obj["apiVersion"], obj["kind"])
        assert found, f"{obj['apiVersion']} {obj['kind']} is not served"
        return found

    return find


@pytest.fixture
def complete(kind_of: Any, schemas: Schemas) -> Callable[..., Object]:
    """What would be stored: normalised, with defaults."""

    def run(given: Object, old: Object | None = None) -> Object:
        obj, unknown = schemas.normalise(kind_of(given), given)
        assert not unknown
        defaults.apply(kind_of(given), obj)
        defaults.settle(kind_of(given), obj, old)
        return obj

    return run
