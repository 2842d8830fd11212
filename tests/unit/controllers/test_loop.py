"""The work queue and the loop around a plan, in virtual time."""

import asyncio

import pytest

from raglab.pocket.control import reconcile
from raglab.pocket.control.reconcile import Controller, Plan
from raglab.pocket.errors import conflict
from raglab.pocket.workqueue import WorkQueue
from tests.unit.controllers.support import ScriptedClient, settle

KEY = ("ns", "a")


@pytest.fixture
async def queue(clock):
    queue = WorkQueue(clock)
    yield queue
    queue.close()


async def drained(queue):
    """Everything that is ready to be handed out."""
    found = []
    while True:
        try:
            found.append(await asyncio.wait_for(queue.get(), 0.01))
        except TimeoutError:
            return found


async def test_key_is_handed_out_once_however_often_added(queue):
    for key in (KEY, ("ns", "b"), KEY):
        queue.add(key)
    assert await drained(queue) == [KEY, ("ns", "b")]


async def test_earliest_of_several_delays_counts(queue, clock):
    queue.add_after(KEY, 30)
    queue.add_after(KEY, 10)
    queue.add_after(KEY, 20)
    await clock.advance(9)
    assert await drained(queue) == []
    await clock.advance(1)
    assert await drained(queue) == [KEY]
    await clock.advance(60)
    assert await drained(queue) == []


async def test_retries_wait_longer_each_time_until_success(queue, clock):
    waits = []
    for _ in range(14):
        queue.retry(KEY)
        start = clock.now
        while not await drained(queue):
            await clock.advance(queue._timers[KEY][0] - clock.now if KEY in queue._timers else 0.01)
        waits.append(round(clock.now - start, 2))
    assert waits[:4] == [0.01, 0.02, 0.04, 0.08] and waits[-1] == 30
    queue.forget(KEY)
    queue.retry(KEY)
    await clock.advance(0.011)
    assert await drained(queue) == [KEY]


async def test_what_fails_for_ever_is_retried_for_ever(queue, clock):
    for _ in range(3000):
        queue.retry(KEY)
    await clock.advance(31)
    assert await drained(queue) == [KEY]


class Api(ScriptedClient):
    """Counts creates; the first `refusals` of them conflict."""

    def __init__(self, *scripts, refusals=0):
        super().__init__(*scripts)
        self.created, self.refusals = 0, refusals

    async def create(self, resource, obj):
        if resource == "events":
            return obj
        if self.refusals:
            self.refusals -= 1
            raise conflict(resource, "", "x")
        self.created += 1
        return obj


@pytest.fixture
async def run_loop(clock):
    tasks = []

    async def start(plan, client):
        async def everything():
            async with asyncio.TaskGroup() as group:
                informers = reconcile.Informers(client, clock, group)
                controller = Controller(
                    "test", plan, {"things": lambda _, obj: [("", obj["metadata"]["name"])]}
                )
                await reconcile.run(controller, client, informers, clock)

        tasks.append(asyncio.create_task(everything()))
        await settle()

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


THINGS = [
    ("ADDED", {"metadata": {"name": "a", "resourceVersion": "1"}}),
    ("BOOKMARK", {"metadata": {"resourceVersion": "1"}}),
]


async def test_everything_that_exists_is_looked_at_when_the_loop_starts(run_loop):
    seen = []

    def plan(view, key, now):
        seen.append(key)
        return Plan()

    await run_loop(plan, Api(THINGS))
    assert seen == [("", "a")]


async def test_refused_plan_is_made_again_later(run_loop, clock):
    client = Api(THINGS, refusals=3)

    def plan(view, key, now):
        result = Plan()
        result.create("others", {"metadata": {"name": "x"}})
        return result

    await run_loop(plan, client)
    assert client.created == 0
    await clock.advance(1)
    assert client.created == 1


async def test_error_in_a_plan_is_logged_and_the_loop_goes_on(run_loop, clock, caplog):
    looks = []

    def plan(view, key, now):
        looks.append(now)
        if len(looks) == 1:
            raise KeyError("spec")
        return Plan()

    await run_loop(plan, Api(THINGS))
    await clock.advance(1)
    assert len(looks) == 2 and "KeyError" in caplog.text


async def test_plan_can_ask_to_look_again(run_loop, clock):
    looks = []

    def plan(view, key, now):
        looks.append(now)
        return Plan(again=60)

    await run_loop(plan, Api(THINGS))
    await clock.advance(125)
    assert [round(now - looks[0]) for now in looks] == [0, 60, 120]
