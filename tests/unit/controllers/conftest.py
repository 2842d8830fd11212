import pytest
from controllers_support import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()
