"""HorizontalPodAutoscaler: looks at its metrics every 15 seconds and sets the size of a workload.

It keeps to the clock, not to changes, as a real one does: a new autoscaler says nothing for 15 seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict

from raglab.pocket import selectors
from raglab.pocket.client import Client, Object
from raglab.pocket.clock import Clock
from raglab.pocket.control.demand import tolerance
from raglab.pocket.control.mapping import NoSuchKind, resource_of
from raglab.pocket.control.measuring import Measured, Measuring, Unmeasurable, Workload
from raglab.pocket.control.metrics import Metrics
from raglab.pocket.control.reconcile import Informers, Plan, Worker
from raglab.pocket.control.restraint import Memory
from raglab.pocket.control.scaling import Evaluation, Scale
from raglab.pocket.errors import StatusError
from raglab.pocket.events import EventRecorder
from raglab.pocket.informer import Key, key_of
from raglab.pocket.objects import labels_of
from raglab.pocket.workqueue import WorkQueue

NAME = "horizontal-pod-autoscaler"
PERIOD = 15.0
"""Seconds between two looks (kube-controller-manager's default)."""
WORKERS = 5
"""Autoscalers that are looked at at the same time: a metrics API may take its time."""

log = logging.getLogger(__name__)


async def run(client: Client, informers: Informers, clock: Clock) -> None:
    """Scale workloads until cancelled."""
    queue, autoscaler = WorkQueue(clock), Autoscaler(client, informers, clock)
    for resource in ("horizontalpodautoscalers", "pods"):
        await informers[resource].synced.wait()

    def changed(before: Object | None, after: Object | None) -> None:
        queue.add_after(key_of(after or before or {}), PERIOD)

    informers["horizontalpodautoscalers"].on_change(changed)
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WORKERS):
                tasks.create_task(_work(queue, autoscaler), name=NAME)
    finally:
        queue.close()


async def _work(queue: WorkQueue, autoscaler: Autoscaler) -> None:
    while True:
        key = await queue.get()
        try:
            exists = await autoscaler.look(key)
        except StatusError as error:
            log.info("%s: %s/%s will be looked at again: %s", NAME, *key, error)
            exists = True
        except Exception:
            log.exception("%s: %s/%s will be looked at again", NAME, *key)
            exists = True
        if exists:
            queue.add_after(key, PERIOD)


class Autoscaler:
    """Everything known about all autoscalers between two looks."""

    def __init__(self, client: Client, informers: Informers, clock: Clock) -> None:
        self._client, self._informers, self._clock = client, informers, clock
        self._metrics = Metrics(client)
        self._worker = Worker(client, informers, EventRecorder(client, NAME, clock))
        self._memories: dict[Key, Memory] = defaultdict(Memory)
        self._selectors: dict[Key, selectors.Selector] = {}

    async def look(self, key: Key) -> bool:
        """Evaluate one autoscaler; False if there is none any more."""
        hpa = self._informers["horizontalpodautoscalers"].get(key[1], key[0])
        if hpa is None:
            self._memories.pop(key, None)
            self._selectors.pop(key, None)
            return False
        evaluation = Evaluation(hpa, self._clock.time())
        try:
            scale = await self._scale(hpa)
        except (StatusError, NoSuchKind) as error:
            await self._worker.carry_out(evaluation.without_scale(error))
        else:
            await self._decide(key, evaluation, scale)
        return True

    async def _scale(self, hpa: Object) -> Scale:
        target, namespace = hpa["spec"]["scaleTargetRef"], hpa["metadata"]["namespace"]
        found = await resource_of(self._client, target.get("apiVersion", ""), target["kind"])
        return Scale(found.plural, await self._client.raw(found.path(namespace, target["name"], "scale")))

    async def _decide(self, key: Key, evaluation: Evaluation, scale: Scale) -> None:
        memory = self._memories[key]
        if not memory.wanted:
            memory.want(evaluation.now, scale.replicas)
        size = evaluation.with_scale(scale)
        metrics: list[Object] = []
        if size is None:
            answer = await self._ask(key, evaluation, scale)
            if isinstance(answer, Plan):
                await self._worker.carry_out(answer)
                return
            chosen, metrics = answer
            size = evaluation.restrained(chosen, memory, scale.replicas)
        try:
            await self._worker.carry_out(evaluation.go(scale, size, metrics))
        except StatusError as error:
            evaluation.refused(error)
        else:
            if "behavior" in evaluation.spec and size.replicas != scale.replicas:
                memory.change(evaluation.now, size.replicas - scale.replicas)
        await self._worker.carry_out(evaluation.reported())

    async def _ask(
        self, key: Key, evaluation: Evaluation, scale: Scale
    ) -> tuple[Measured, list[Object]] | Plan:
        """The metric that decides and the statuses of all; a plan that tells why there is none."""
        text = scale.obj["status"].get("selector", "")
        if not text:
            return evaluation.without_selector(scale)
        self._selectors[key] = selectors.parse(text)
        pods = self._pods(key)
        if len(rivals := self._rivals(key[0], pods)) > 1:
            return evaluation.ambiguous(scale, text, rivals)
        workload = Workload(key[0], text, scale.replicas, scale.obj["status"].get("replicas", 0), pods)
        exact = tolerance(evaluation.spec.get("behavior") or {})
        measuring = Measuring(self._metrics, workload, exact, self._clock.time())
        results = [await _measured(measuring, metric) for metric in evaluation.spec["metrics"]]
        statuses = [item.status if isinstance(item, Measured) else {"type": ""} for item in results]
        chosen = evaluation.choose(results, scale.replicas)
        return evaluation.stay(scale, statuses, chosen) if isinstance(chosen, str) else (chosen, statuses)

    def _pods(self, key: Key) -> list[Object]:
        pods = self._informers["pods"].list(key[0])
        return [pod for pod in pods if selectors.matches(self._selectors[key], labels_of(pod))]

    def _rivals(self, namespace: str, pods: list[Object]) -> list[str]:
        """All autoscalers that some of these pods belong to."""
        return sorted(
            f"{key[0]}/{key[1]}"
            for key, selector in self._selectors.items()
            if key[0] == namespace and any(selectors.matches(selector, labels_of(pod)) for pod in pods)
        )


async def _measured(measuring: Measuring, metric: Object) -> Measured | Unmeasurable:
    try:
        return await measuring.measure(metric)
    except Unmeasurable as error:
        return error
