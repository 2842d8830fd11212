import pytest

from raglab.pocket.kinds.schema import Schemas
from tests.unit.controllers.cluster import running
from tests.unit.controllers.support import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture(scope="session")
def schemas(tmp_path_factory):
    return Schemas.load(tmp_path_factory.mktemp("schemas"))


@pytest.fixture
async def cluster(tmp_path, schemas):
    """All controllers and the scheduler on a registry of their own, and a node that runs nothing."""
    async with running(tmp_path, schemas) as cluster:
        yield cluster
