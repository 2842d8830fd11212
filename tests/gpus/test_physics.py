"""The model behind power, temperature and clocks: within the card's limits, and monotone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raglab.gpus import inventory, physics

SHARES = st.floats(0, 1)
TOTAL = inventory.load().memory


def test_a_card_nobody_holds_is_asleep() -> None:
    idle = physics.state(0, 0)
    assert (idle.power, idle.sm_clock, idle.memory_utilisation) == (45.0, 210, 0.0)
    assert physics.state(0, 1).sm_clock == 1410


@given(SHARES, SHARES, st.integers(0, TOTAL))
def test_more_load_means_more_power_and_heat_within_the_limits(one: float, other: float, memory: int) -> None:
    low, high = (physics.state(share, memory) for share in sorted((one, other)))
    assert low.power <= high.power <= physics.POWER_LIMIT
    assert low.temperature <= high.temperature < 90
    assert 0 <= low.memory_utilisation <= high.memory_utilisation <= 1


@given(st.integers(0, 2**40))
def test_memory_on_the_device_never_exceeds_it(resident: int) -> None:
    assert 0 <= physics.device_memory(resident, TOTAL) <= TOTAL - physics.RESERVED


def test_a_process_of_2_gib_fills_the_card() -> None:
    assert physics.device_memory(2**31, TOTAL) == TOTAL - physics.RESERVED
    assert physics.device_memory(2**30, TOTAL) == TOTAL // 2
