"""Replays a recording of a real autoscaler: the same workload, pods and metric values at the same virtual times.

``data/autoscaler.json`` keeps what was seen of kube-controller-manager 1.36 and a scripted metrics API, by scenario.
Times are seconds. ``series`` is what the API answered: a value per running pod, ``{"total": x}`` shared by them,
``{"pods": {...}}`` only those, null 404, "empty" no items, ``{"err": 500}``. ``rows`` are the evaluations: time,
replicas before, pods with a value, their average, replicas after, ``desiredReplicas``, and (holds, reason) of the
conditions AbleToScale, ScalingActive and ScalingLimited. Conditions of ``statuses`` are indexes of ``conditions``.
"""

import asyncio
import itertools
import json
from collections import deque
from pathlib import Path

from raglab.pocket import bootstrap
from raglab.pocket.api.local import LocalClient
from raglab.pocket.api.registry import Registry
from raglab.pocket.client import WatchEvent
from raglab.pocket.clock import timestamp
from raglab.pocket.config import Settings
from raglab.pocket.control import reconcile
from raglab.pocket.controllers import hpa
from raglab.pocket.errors import StatusError
from raglab.pocket.kinds import catalogue
from raglab.pocket.store import Store
from tests.unit.controllers.objects import deployment, stateful_set
from tests.unit.controllers.support import VirtualClock, settle

DATA = json.loads((Path(__file__).parent / "data" / "autoscaler.json").read_text())
SCENARIOS = DATA["scenarios"]
METRICS = "/apis/custom.metrics.k8s.io"
START = 1_800_000_000.0
NAME, WORKLOAD = "nemollm-inference-hpa", "nemollm-inference"


class MetricsClient(LocalClient):
    """The API, with a custom metrics API that answers as recorded, and latencies as recorded."""

    def __init__(self, registry, clock, scenario):
        super().__init__(registry)
        self.clock, self.series, self.served = clock, scenario["series"], []
        self.latencies = deque(latencies(scenario["rows"]))

    async def raw(self, path, query=None):
        if path == METRICS:
            return {"versions": [{"version": "v1beta1"}], "preferredVersion": {"version": "v1beta1"}}
        if path.startswith(METRICS):
            return await self._values()
        if path.endswith("/scale") and self.latencies:
            await self.clock.sleep(self.latencies.popleft())
        return await super().raw(path, query)

    async def _values(self):
        now = self.clock.time() - START
        (value,) = [value for since, value in self.series if since <= now][-1:]
        if value is None:
            text = "the server could not find the metric nemollm_inference_gpu_avg for pods"
            raise StatusError(404, "NotFound", text)
        if isinstance(value, dict) and "err" in value:
            raise StatusError(500, "InternalError", "boom")
        pods = [pod["metadata"]["name"] for pod in await self.list("pods", fields="status.phase=Running")]
        values = {} if value == "empty" else shared(value, pods)
        self.served = list(values.values())
        return {"items": [item(pod, amount, self.clock.time()) for pod, amount in values.items()]}


def shared(value, pods):
    """The value of each pod."""
    if isinstance(value, dict):
        return value["pods"] if "pods" in value else {pod: value["total"] / len(pods) for pod in pods}
    return dict.fromkeys(pods, value)


def item(pod, amount, now):
    about = {"kind": "Pod", "name": pod}
    return {"describedObject": about, "value": f"{round(amount * 1000)}m", "timestamp": timestamp(now)}


def latencies(rows):
    """How long each evaluation took to read its target: recorded evaluations are a bit more than 15 s apart."""
    yield 0.0
    for (before, *_), (after, *_) in itertools.pairwise(rows):
        steps = round((after - before) / hpa.PERIOD)  # a few rows were not recorded
        yield from [(after - before) / steps - hpa.PERIOD] * steps
    yield from [0.012] * 10


class Replay:
    """One scenario and what was seen while it ran."""

    def __init__(self, folder, schemas, name):
        self.name, self.scenario, self.clock = name, SCENARIOS[name], VirtualClock(START)
        self.store = Store(folder / "store.sqlite")
        registry = Registry(self.store, catalogue.load(), schemas, Settings(state=folder), self.clock)
        self.client = MetricsClient(registry, self.clock, self.scenario)
        self.namespace, self.target = f"hpa-{name.replace('_', '-')}", self.scenario["spec"]["scaleTargetRef"]
        self.resource = self.target["kind"].lower() + "s"
        self.rows, self.statuses, self.events = [], [], []

    async def run(self):
        await bootstrap.run(self.client, "127.0.0.1", 6443)
        await self.client.create("namespaces", {"metadata": {"name": self.namespace}})
        account = {"name": "default", "namespace": self.namespace}
        await self.client.create("serviceaccounts", {"metadata": account})
        await self._make_workload()
        async with asyncio.TaskGroup() as tasks:
            informers = reconcile.Informers(self.client, self.clock, tasks)
            watching = [tasks.create_task(work) for work in (self._follow_status(), self._follow_events())]
            running = tasks.create_task(hpa.run(self.client, informers, self.clock))
            await settle()
            for time, act in self._agenda():
                await self.clock.advance(time - self._now())
                await act()
                await settle()
            for task in (*watching, running, *asyncio.all_tasks() - {asyncio.current_task()}):
                task.cancel()
        self.store.close()

    def _now(self):
        return self.clock.time() - START

    def _agenda(self):
        """What happens when: everything that is not the autoscaler's own doing."""
        scenario, rows = self.scenario, self.scenario["rows"]
        agenda = [(rows[0][0] - hpa.PERIOD, lambda: self._make_autoscaler(NAME))]
        agenda += [
            (time, lambda name=name, state=state: self._set_pod(name, *state))
            for time, name, *state in scenario["pods"]
        ]
        agenda += [(time, lambda count=count: self._report(count)) for time, count in scenario["reported"]]
        agenda += [
            (time, lambda what=what, more=more: self._act(what, *more))
            for time, what, *more in scenario["actions"]
        ]
        agenda += [(row[0] + 0.002, self._look) for row in rows]
        last = max([rows[-1][0], *(entry[0] for entry in scenario["statuses"] + scenario["events"])])
        agenda += [(last + 0.5, settle)]
        return sorted(agenda, key=lambda entry: entry[0])

    async def _make_workload(self):
        make = stateful_set if self.target["kind"] == "StatefulSet" else deployment
        made = make(WORKLOAD, replicas=self.scenario["replicas"])
        made["metadata"]["namespace"] = self.namespace
        await self.client.create(self.resource, made)

    async def _make_autoscaler(self, name):
        metadata = {"name": name, "namespace": self.namespace}
        await self.client.create(
            "horizontalpodautoscalers", {"metadata": metadata, "spec": self.scenario["spec"]}
        )

    async def _act(self, what, change=None):
        match what.split():
            case ["delete"]:
                await self.client.delete("horizontalpodautoscalers", NAME, self.namespace)
            case ["create", *name]:
                await self._make_autoscaler(name[0] if name else NAME)
            case ["patch"]:
                await self.client.patch("horizontalpodautoscalers", NAME, self.namespace, {"spec": change})

    async def _report(self, replicas):
        patch = {"status": {"replicas": replicas}}
        await self.client.patch(self.resource, WORKLOAD, self.namespace, patch, subresource="status")

    async def _set_pod(self, name, phase=None, ready=None, ending=False):
        if phase is None:
            await self.client.delete("pods", name, self.namespace, grace=0)
            return
        if ending:
            await self.client.delete("pods", name, self.namespace, grace=30)
        elif all(pod["metadata"]["name"] != name for pod in await self.client.list("pods", self.namespace)):
            container = {"name": "nim", "image": "nim:1"}
            metadata = {"name": name, "namespace": self.namespace, "labels": {"app": WORKLOAD}}
            await self.client.create(
                "pods", {"metadata": metadata, "spec": {"nodeName": "n", "containers": [container]}}
            )
        stamp = {"lastTransitionTime": timestamp(self.clock.time())}
        conditions = [{"type": "Ready", "status": ready} | stamp] if ready else []
        status = {"phase": phase, "conditions": conditions, "startTime": timestamp(START)}
        await self.client.patch("pods", name, self.namespace, {"status": status}, subresource="status")

    async def _look(self):
        """One row: what the evaluation that has just ended made of it."""
        found = await self.client.get("horizontalpodautoscalers", NAME, self.namespace)
        status = found.get("status", {})
        told = {
            item["type"]: [item["status"] == "True", item["reason"]] for item in status.get("conditions", ())
        }
        workload = await self.client.get(self.resource, WORKLOAD, self.namespace)
        served, self.client.served = self.client.served, []
        self.rows.append(
            [
                len(served),
                round(sum(served) / len(served), 4) if served else None,
                workload["spec"]["replicas"],
                status.get("desiredReplicas", 0),
                *(told.get(type) for type in ("AbleToScale", "ScalingActive", "ScalingLimited")),
            ]
        )

    async def _follow_status(self):
        """Every change of the status: replicas, metrics, conditions with their messages."""
        before = None
        async for event in self.client.watch("horizontalpodautoscalers", self.namespace):
            status = event.object.get("status")
            if event.type in ("ADDED", "MODIFIED") and event.object["metadata"]["name"] == NAME:
                if status != before and "conditions" in status:
                    self.statuses.append([self._now(), *self._shown(status)])
                before = status

    def _shown(self, status):
        conditions = [
            [item[key] for key in ("type", "status", "reason", "message")] for item in status["conditions"]
        ]
        return (
            status.get("currentReplicas"),
            status["desiredReplicas"],
            status.get("currentMetrics"),
            conditions,
        )

    async def _follow_events(self):
        event: WatchEvent
        async for event in self.client.watch("events", self.namespace):
            if event.type in ("ADDED", "MODIFIED"):
                found = event.object
                self.events.append([self._now(), found["reason"], found["message"], found["count"]])
