import pytest

from tests.unit.controllers.cluster import running
from tests.unit.controllers.support import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
async def cluster(tmp_path, schemas):
    """All controllers and the scheduler on a registry of their own, and a node that runs nothing."""
    async with running(tmp_path, schemas) as cluster:
        yield cluster
