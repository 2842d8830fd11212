"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# How long one example takes depends on what else the machine does; pytest's own time limit bounds the whole test.
settings.register_profile("raglab", deadline=None)
settings.load_profile("raglab")
