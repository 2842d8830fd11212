"""Views of Kubernetes' own kinds."""

import pytest

from raglab.pocket.fields.views import Views
from raglab.pocket.kinds.schema import Schemas


@pytest.fixture(scope="session")
def views(tmp_path_factory):
    return Views(Schemas.load(tmp_path_factory.mktemp("schemas")))
