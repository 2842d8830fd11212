"""What a simulated A100 80GB PCIe would show under a load: the one model behind `nvidia-smi` and the DCGM exporter.

Utilisation and memory are measured; everything here is derived from these two, without state and without chance. The
card's limits are those of its product brief (300 W, 1065 to 1410 MHz, memory at 1512 MHz); the figures between idle and
full load are set to what such cards commonly show, and no more is claimed for them:

* power: 45 W for a card nobody holds, 65 W once a process holds it, and with the utilisation up to 285 W;
* temperature: 27 °C of air, and 0.12 °C per watt, as it would be after some minutes of this load;
* clock: 210 MHz asleep, full boost as soon as a process holds the card;
* memory traffic: generating text reads all weights for every token, so memory is in use for 0.7 of the busy time.
"""

from __future__ import annotations

from dataclasses import dataclass

POWER_LIMIT = 300.0
"""Watts."""
SM_CLOCKS = (210, 1410)
"""MHz: asleep, boost."""
MEMORY_CLOCK = 1512
"""MHz."""
MIB = 1024 * 1024
RESERVED = 614 * MIB
"""Bytes of the card's memory that the driver keeps to itself."""
_ASLEEP, _HELD, _FULL = 45.0, 65.0, 285.0  # watts
_AIR, _WARMTH = 27.0, 0.12  # °C, and °C per watt
_TRAFFIC = 0.7  # share of the busy time in which memory is read or written
_FULL_PROCESS = 2048 * MIB


@dataclass(frozen=True, slots=True)
class State:
    """A card's derived readings."""

    power: float
    """Watts."""
    temperature: int
    """°C, of the chip."""
    memory_temperature: int
    """°C."""
    sm_clock: int
    """MHz."""
    memory_clock: int
    """MHz."""
    memory_utilisation: float
    """Share of the time, 0 to 1, in which memory was read or written."""
    performance_state: int
    """The n of Pn; data centre cards of this family stay at 0."""


def state(utilisation: float, memory: int) -> State:
    """The readings of a card with this `utilisation` (0 to 1) and bytes of `memory` held."""
    held = memory > 0 or utilisation > 0
    power = _HELD + (_FULL - _HELD) * utilisation if held else _ASLEEP
    temperature = round(_AIR + _WARMTH * power)
    return State(
        power=round(power, 2),
        temperature=temperature,
        memory_temperature=temperature + 4,
        sm_clock=SM_CLOCKS[held],
        memory_clock=MEMORY_CLOCK,
        memory_utilisation=_TRAFFIC * utilisation,
        performance_state=0,
    )


def device_memory(resident: int, total: int) -> int:
    """Bytes on a device of `total` bytes for a process with `resident` bytes in this machine's memory.

    The stand-ins' models are far smaller than those they stand for. The scale is one straight line: a process of
    2 GiB fills the card. The language model's server, of about 590 MiB, then shows 23 GiB: as much as 7 billion
    parameters of 16 bits (13 GiB) and a cache for their answers need; the embedding server, of 84 MiB, shows 3.3 GiB.
    """
    return min(total - RESERVED, resident * total // _FULL_PROCESS)
