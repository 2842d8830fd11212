"""Views of Kubernetes' own kinds."""

import pytest

from raglab.pocket.fields.views import Views


@pytest.fixture(scope="session")
def views(schemas):
    return Views(schemas)
