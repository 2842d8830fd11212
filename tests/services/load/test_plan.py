"""The arithmetic of LOAD_STAGES."""

from __future__ import annotations

import importlib.util

import pytest

from raglab.paths import CHECKOUT

_spec = importlib.util.spec_from_file_location("plan", CHECKOUT / "locust" / "plan.py")
plan = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plan)


def test_stages_follow_one_another():
    stages = plan.parse("60:5, 120:40:10,30:0")
    assert [plan.at(stages, seconds) for seconds in (0, 59.9, 60, 179, 180, 209, 210)] == [
        (5, 5.0),
        (5, 5.0),
        (40, 10.0),
        (40, 10.0),
        (0, 1.0),
        (0, 1.0),
        None,
    ]


@pytest.mark.parametrize("text", ["60", "a:b", "60:5:1:1", "0:5", "60:-1", "60:5:0", "60:5.5"])
def test_what_is_no_stage_is_named(text):
    with pytest.raises(ValueError, match=f"stage '{text}'"):
        plan.parse(f"10:1,{text}")


def test_nothing_is_over_at_once():
    assert plan.at(plan.parse(""), 0) is None
