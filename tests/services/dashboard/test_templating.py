"""Variables: what they offer, what counts as chosen, and how they enter queries."""

from __future__ import annotations

import pytest

from raglab.services.addons.dashboard.templating import ALL, Scope, VariableError, resolve

GPU = {
    "type": "query",
    "name": "gpu",
    "query": {"query": 'label_values(DCGM_FI_DEV_GPU_TEMP{instance=~"$instance"}, gpu)'},
    "multi": True,
    "includeAll": True,
}
INSTANCE = {"type": "query", "name": "instance", "query": "label_values(instance)", "includeAll": True}
FOUND = {"gpu": ["0", "1", "10", "2"], "instance": ["a.b:9400", "c:9400"]}


async def scope(*definitions, asked: list | None = None, **chosen):
    async def ask(label: str, selector: str) -> list[str]:
        (asked if asked is not None else []).append((label, selector))
        return FOUND[label]

    found = Scope({"__range": "15m"})
    await resolve(definitions, chosen, found, ask)
    return found


async def test_values_are_in_natural_order():
    gpu = (await scope(INSTANCE, GPU)).variables["gpu"]
    assert list(gpu.options) == ["0", "1", "2", "10"]


async def test_all_is_chosen_where_nothing_else_is_and_becomes_a_pattern():
    found = await scope(INSTANCE, GPU)
    assert found.variables["gpu"].chosen == (ALL,)
    assert found.fill('{gpu=~"$gpu"}') == '{gpu=~"(0|1|2|10)"}'


async def test_a_later_variable_asks_with_the_choice_of_an_earlier_one():
    asked: list = []
    await scope(INSTANCE, GPU, asked=asked, instance=["a.b:9400"])
    assert asked[1] == ("gpu", 'DCGM_FI_DEV_GPU_TEMP{instance=~"a\\\\.b:9400"}')


async def test_several_values_become_alternatives_and_one_stays_plain():
    assert (await scope(INSTANCE, GPU, gpu=["1", "2"])).fill("$gpu") == "(1|2)"
    assert (await scope(INSTANCE, GPU, gpu=["2"])).fill("$gpu") == "2"


async def test_a_value_that_is_not_offered_falls_back_to_the_own_choice():
    assert (await scope(INSTANCE, GPU, gpu=["99"])).variables["gpu"].chosen == (ALL,)


async def test_all_has_its_own_value_where_the_dashboard_gives_one():
    assert (await scope(INSTANCE | {"allValue": ".*"})).fill("$instance") == ".*"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${gpu}", "(1|2)"),
        ("[[gpu]]", "(1|2)"),
        ("${gpu:csv}", "1,2"),
        ("${gpu:pipe}", "1|2"),
        ("${gpu:text}", "1 + 2"),
        ("$gpux $gpu", "$gpux (1|2)"),
        ("$__range", "15m"),
        ("$__unknown", "$__unknown"),
    ],
)
async def test_every_way_to_write_a_reference(text, filled):
    assert (await scope(INSTANCE, GPU, gpu=["1", "2"])).fill(text) == filled


async def test_custom_values_may_have_names():
    window = {"type": "custom", "name": "window", "query": "short : 1m, long : 10m"}
    found = await scope(window, window=["10m"])
    assert found.variables["window"].options == {"1m": "short", "10m": "long"}
    assert found.fill("[$window]") == "[10m]"


async def test_a_regular_expression_takes_its_group():
    host = INSTANCE | {"regex": "/(.*):9400/"}
    assert list((await scope(host)).variables["instance"].options) == ["a.b", "c"]


async def test_a_text_box_takes_any_text():
    box = {"type": "textbox", "name": "filter", "query": "a"}
    assert (await scope(box)).fill("$filter") == "a"
    assert (await scope(box, filter=["other"])).fill("$filter") == "other"


@pytest.mark.parametrize(
    "definition", [{"type": "adhoc", "name": "x"}, {"type": "query", "name": "x", "query": "metrics(a)"}]
)
async def test_what_cannot_be_filled_says_so_and_leaves_the_others(definition):
    found = await scope(definition, INSTANCE, GPU)
    assert found.variables["x"].error
    assert found.fill("$gpu") == "(0|1|2|10)"


async def test_a_prometheus_that_fails_is_told_at_the_variable():
    async def ask(label: str, selector: str) -> list[str]:
        raise VariableError("Prometheus is away")

    found = Scope()
    await resolve([GPU], {}, found, ask)
    assert found.variables["gpu"].error == "Prometheus is away"
