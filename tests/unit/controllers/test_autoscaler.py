"""Autoscalers on the real registry with every kind of metric, and what they say when something is missing.

`test_autoscaler_recordings` has the decisions over time; here each test is one look.
"""

import asyncio

import pytest

from raglab.pocket import bootstrap
from raglab.pocket.api.local import LocalClient
from raglab.pocket.api.registry import Registry
from raglab.pocket.clock import timestamp
from raglab.pocket.config import Settings
from raglab.pocket.control import reconcile
from raglab.pocket.controllers.hpa import Autoscaler
from raglab.pocket.errors import StatusError, conflict
from raglab.pocket.kinds import catalogue
from raglab.pocket.store import Store
from tests.unit.controllers.objects import deployment
from tests.unit.controllers.support import VirtualClock, settle

CUSTOM = "/apis/custom.metrics.k8s.io"
EXTERNAL = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default"
PODS = "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods"
BOTH = {"versions": [{"version": "v1beta1"}, {"version": "v1beta2"}]}
UNAVAILABLE = StatusError(503, "ServiceUnavailable", "the server is currently unable to handle the request")


class Scripted(LocalClient):
    """The API, with answers for the paths that others would serve. Paths that were asked are kept."""

    def __init__(self, registry, answers):
        super().__init__(registry)
        self.answers, self.asked = {CUSTOM: BOTH} | answers, []

    async def raw(self, path, query=None):
        if path not in self.answers:
            return await super().raw(path, query)
        self.asked.append((path, query))
        if isinstance(self.answers[path], Exception):
            raise self.answers[path]
        return self.answers[path]

    async def update(self, resource, obj, *, subresource=""):
        if subresource == "scale" and "scale" in self.answers:
            raise self.answers["scale"]
        return await super().update(resource, obj, subresource=subresource)


class Scene:
    """A Deployment ``web`` with running pods, an autoscaler, and one look at it."""

    def __init__(self, folder, schemas, answers):
        self.store, self.clock = Store(folder / "store.sqlite"), VirtualClock()
        registry = Registry(self.store, catalogue.load(), schemas, Settings(state=folder), self.clock)
        self.client = Scripted(registry, answers)

    async def look(self, *metrics, target=None, pods=2, replicas=2, name="web-hpa", **spec):
        """(new size, status) after one look."""
        await bootstrap.run(self.client, "127.0.0.1", 6443)
        await self.client.create("serviceaccounts", {"metadata": {"name": "default", "namespace": "default"}})
        await self.client.create("deployments", deployment(replicas=replicas))
        await self._run_pods(pods)
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"} | (target or {})
        body = {"scaleTargetRef": target, "maxReplicas": 10, "metrics": list(metrics)} | spec
        metadata = {"name": name, "namespace": "default"}
        await self.client.create("horizontalpodautoscalers", {"metadata": metadata, "spec": body})
        async with asyncio.TaskGroup() as tasks:
            informers = reconcile.Informers(self.client, self.clock, tasks)
            for resource in ("horizontalpodautoscalers", "pods"):
                await informers[resource].synced.wait()
            await settle()
            assert await Autoscaler(self.client, informers, self.clock).look(("default", name))
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
        found = await self.client.get("horizontalpodautoscalers", name, "default")
        size = (await self.client.get("deployments", "web", "default"))["spec"]["replicas"]
        return size, found["status"]

    async def _run_pods(self, count):
        await self.client.patch(
            "deployments", "web", "default", {"status": {"replicas": count}}, subresource="status"
        )
        resources = {"requests": {"cpu": "100m"}}
        containers = [{"name": name, "image": "a:1", "resources": resources} for name in ("c", "proxy")]
        past = timestamp(self.clock.time() - 1000)
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": past}
        for index in range(count):
            metadata = {"name": f"web-{index}", "namespace": "default", "labels": {"app": "web"}}
            pod = {"metadata": metadata, "spec": {"nodeName": "n", "containers": containers}}
            await self.client.create("pods", pod)
            status = {"phase": "Running", "startTime": past, "conditions": [ready]}
            await self.client.patch(
                "pods", f"web-{index}", "default", {"status": status}, subresource="status"
            )

    async def events(self):
        found = await self.client.list("events", "default")
        return [(item["type"], item["reason"], item["message"]) for item in found]


@pytest.fixture
def scene(tmp_path, schemas):
    made = []

    def make(**answers):
        made.append(Scene(tmp_path, schemas, answers.pop("answers", {})))
        return made[-1]

    yield make
    for one in made:
        one.store.close()


def told(status, type):
    (found,) = (item for item in status["conditions"] if item["type"] == type)
    return found["status"], found["reason"], found["message"]


def values(*amounts):
    """A MetricValueList or ExternalMetricValueList."""
    items = []
    for index, value in enumerate(amounts):
        about = {"kind": "Pod", "name": f"web-{index}"}
        items.append({"describedObject": about, "value": value, "timestamp": "2027-01-15T08:00:00Z"})
    return {"items": items}


def usage(*containers):
    """A PodMetricsList; one map of cpu by container name for each pod."""
    items = []
    for index, used in enumerate(containers):
        listed = [{"name": name, "usage": {"cpu": cpu, "memory": "10Mi"}} for name, cpu in used.items()]
        metadata = {"name": f"web-{index}", "namespace": "default"}
        items.append(
            {
                "metadata": metadata,
                "timestamp": "2027-01-15T08:00:00Z",
                "window": "15.5s",
                "containers": listed,
            }
        )
    return {"items": items}


def of_object(**target):
    about = {"apiVersion": "v1", "kind": "Service", "name": "web"}
    source = {"describedObject": about, "metric": {"name": "hits"}, "target": target}
    return {"type": "Object", "object": source}


def external(selector=None, **target):
    metric = {"name": "queue"} | ({"selector": {"matchLabels": selector}} if selector else {})
    return {"type": "External", "external": {"metric": metric, "target": target}}


def cpu(percent=None, container="", **target):
    target = (
        {"type": "Utilization", "averageUtilization": percent}
        if percent
        else {"type": "AverageValue"} | target
    )
    source = {"name": "cpu", "target": target} | ({"container": container} if container else {})
    kind = "ContainerResource" if container else "Resource"
    return {"type": kind, kind[0].lower() + kind[1:]: source}


def of_pods(selector=None):
    metric = {"name": "load"} | ({"selector": {"matchLabels": selector}} if selector else {})
    return {
        "type": "Pods",
        "pods": {"metric": metric, "target": {"type": "AverageValue", "averageValue": "10"}},
    }


FOUND = "the HPA was able to successfully calculate a replica count from"
HITS = f"{CUSTOM}/v1beta2/namespaces/default/services/web/hits"
QUEUE = f"{EXTERNAL}/queue"
LOADS = [f"{CUSTOM}/{version}/namespaces/default/pods/*/load" for version in ("v1beta2", "v1beta1")]


@pytest.mark.parametrize(
    ("metric", "path", "answer", "size", "name", "current"),
    [
        (of_object(type="Value", value="10"), HITS, values("15"), 3, "Service metric hits", {"value": "15"}),
        (of_object(type="AverageValue", averageValue="10"), HITS, values("35"), 4, "external metric hits(nil)",
         {"averageValue": "17500m"}),
        (external(type="Value", value="10"), QUEUE, values("10", "5"), 3, "external metric queue(nil)",
         {"value": "15"}),
        (external({"a": "b"}, type="AverageValue", averageValue="10"), QUEUE, values("35"), 4,
         "external metric queue(&LabelSelector{MatchLabels:map[string]string{a: b,},"
         "MatchExpressions:[]LabelSelectorRequirement{},})", {"averageValue": "17500m"}),
        (cpu(50), PODS, usage({"c": "150m", "proxy": "0"}, {"c": "200m", "proxy": "10m"}), 4,
         "cpu resource utilization (percentage of request)", {"averageUtilization": 90, "averageValue": "180m"}),
        (cpu(averageValue="100m"), PODS, usage({"c": "150m", "proxy": "0"}, {"c": "200m", "proxy": "10m"}), 4,
         "cpu resource", {"averageValue": "180m"}),
        (cpu(50, "c"), PODS, usage({"c": "50m", "proxy": "1"}, {"c": "100m", "proxy": "1"}), 3,
         "cpu container resource utilization (percentage of request)",
         {"averageUtilization": 75, "averageValue": "75m"}),
        (of_pods(), f"{CUSTOM}/v1beta2/namespaces/default/pods/*/load", values("15", "20"), 4, "pods metric load",
         {"averageValue": "17500m"}),
    ],
)  # fmt: skip
async def test_every_kind_of_metric(scene, metric, path, answer, size, name, current):
    stage = scene(answers={path: answer})
    new, status = await stage.look(metric, maxReplicas=5)
    assert told(status, "ScalingActive") == ("True", "ValidMetricFound", f"{FOUND} {name}")
    assert new == size
    source = {key: value for key, value in metric.items() if key != "type"}
    (part,) = source
    shown = {key: value for key, value in source[part].items() if key != "target"}
    assert status["currentMetrics"] == [{"type": metric["type"], part: shown | {"current": current}}]
    assert await stage.events() == [
        ("Normal", "SuccessfulRescale", f"New size: {size}; reason: {name} above target")
    ]


async def test_selectors_are_passed_on(scene):
    path = f"{CUSTOM}/v1beta2/namespaces/default/pods/*/load"
    stage = scene(answers={path: values("10", "10"), QUEUE: values("10")})
    await stage.look(of_pods({"gpu": "a"}), external({"a": "b"}, type="Value", value="10"))
    assert stage.client.asked[1:] == [
        (path, {"labelSelector": "app=web", "metricLabelSelector": "gpu=a"}),
        (QUEUE, {"labelSelector": "a=b"}),
    ]


async def test_the_older_version_answers_when_the_newer_one_does_not(scene):
    stage = scene(answers={LOADS[0]: UNAVAILABLE, LOADS[1]: values("20", "20")})
    size, _ = await stage.look(of_pods())
    assert size == 4


async def test_the_metric_that_asks_for_most_wins(scene):
    path = f"{CUSTOM}/v1beta2/namespaces/default/pods/*/load"
    stage = scene(answers={path: values("15", "15"), QUEUE: values("40")})
    size, status = await stage.look(of_pods(), external(type="Value", value="10"))
    assert size == 4  # 8, as far as one step goes
    assert told(status, "ScalingActive")[2] == f"{FOUND} external metric queue(nil)"
    assert told(status, "ScalingLimited")[:2] == ("True", "ScaleUpLimit")


NOT_SERVED = "the server could not find the requested resource"


@pytest.mark.parametrize(
    ("metric", "answers", "reason", "text", "told_as"),
    [
        (of_pods(), {CUSTOM: StatusError(404, "NotFound", NOT_SERVED)}, "FailedGetPodsMetric",
         "unable to get metric load: unable to fetch metrics from custom metrics API: "
         "no custom metrics API (custom.metrics.k8s.io) registered", "failed to get pods metric value: "),
        (of_pods(), dict.fromkeys(LOADS, UNAVAILABLE), "FailedGetPodsMetric",
         "unable to get metric load: unable to fetch metrics from custom metrics API: "
         "no known available metric versions found", "failed to get pods metric value: "),
        (of_pods(), {CUSTOM: {"versions": [{"version": "v9"}]}}, "FailedGetPodsMetric",
         "unable to get metric load: unable to fetch metrics from custom metrics API: "
         "no known available metric versions found", "failed to get pods metric value: "),
        (cpu(50), {}, "FailedGetResourceMetric",
         "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource "
         f"metrics API: {NOT_SERVED} (get pods.metrics.k8s.io)", "failed to get cpu resource metric value: "),
        (cpu(50), {PODS: UNAVAILABLE}, "FailedGetResourceMetric",
         "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics from resource "
         "metrics API: the server is currently unable to handle the request (get pods.metrics.k8s.io)",
         "failed to get cpu resource metric value: "),
        (cpu(50), {PODS: {"items": []}}, "FailedGetResourceMetric",
         "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource "
         "metrics API", "failed to get cpu resource metric value: "),
        (cpu(50, "nosuch"), {PODS: usage({"c": "1"})}, "FailedGetContainerResourceMetric",
         "failed to get cpu utilization: unable to get metrics for resource cpu: failed to get container metrics: "
         "container nosuch not present in metrics for pod default/web-0", "failed to get cpu container metric value: "),
        (external(type="AverageValue", averageValue="1"), {}, "FailedGetExternalMetric",
         "unable to get external metric default/queue/nil: unable to fetch metrics from external metrics API: "
         f"{NOT_SERVED} (get queue.external.metrics.k8s.io)",
         "failed to get queue external metric value: failed to get queue external metric: "),
        (of_object(type="Value", value="1"), {HITS: {"items": []}}, "FailedGetObjectMetric",
         "unable to get metric hits: no metrics returned from custom metrics API on Service default/web",
         "failed to get object metric value: "),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_told(scene, metric, answers, reason, text, told_as):
    stage = scene(answers=answers)
    size, status = await stage.look(metric)
    assert (size, status["currentReplicas"], status["desiredReplicas"]) == (2, 2, 0)
    assert status["currentMetrics"] == [{"type": ""}]
    message = f"the HPA was unable to compute the replica count: {text}"
    assert told(status, "ScalingActive") == ("False", reason, message)
    assert await stage.events() == [
        ("Warning", reason, text),
        ("Warning", "FailedComputeMetricsReplicas",
         f"invalid metrics (1 invalid out of 1), first error is: {told_as}{text}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ({"name": "nosuch"}, 'deployments.apps "nosuch" not found'),
        ({"kind": "Nosuch"}, 'no matches for kind "Nosuch" in group "apps"'),
        ({"apiVersion": "nosuch/v1"}, 'no matches for kind "Deployment" in group "nosuch"'),
        ({"apiVersion": "a/b/c"}, "unexpected GroupVersion string: a/b/c"),
        ({"apiVersion": ""}, 'no matches for kind "Deployment" in group ""'),
        ({"kind": "DaemonSet"}, "the server could not find the requested resource"),
    ],
)
async def test_a_target_without_a_size(scene, target, text):
    stage = scene()
    _, status = await stage.look(of_pods(), target=target)
    message = f"the HPA controller was unable to get the target's current scale: {text}"
    assert told(status, "AbleToScale") == ("False", "FailedGetScale", message)
    assert await stage.events() == [("Warning", "FailedGetScale", text)]


async def test_a_size_that_is_refused_is_told_and_tried_again(scene):
    path = f"{CUSTOM}/v1beta2/namespaces/default/pods/*/load"
    refusal = conflict("deployments", "apps", "web")
    stage = scene(answers={path: values("15", "15"), "scale": refusal})
    size, status = await stage.look(of_pods())
    assert (size, status["currentReplicas"], status["desiredReplicas"]) == (2, 2, 0)
    assert "lastScaleTime" not in status
    message = f"the HPA controller was unable to update the target scale: {refusal}"
    assert told(status, "AbleToScale") == ("False", "FailedUpdateScale", message)
    text = f"New size: 3; reason: pods metric load above target; error: {refusal}"
    assert await stage.events() == [("Warning", "FailedRescale", text)]


async def test_a_size_outside_the_range_needs_no_metrics(scene):
    stage = scene()
    size, status = await stage.look(of_pods(), replicas=6, maxReplicas=5)
    assert (size, status["currentReplicas"], status["desiredReplicas"]) == (5, 6, 5)
    assert stage.client.asked == []
    text = "New size: 5; reason: Current number of replicas above Spec.MaxReplicas"
    assert await stage.events() == [("Normal", "SuccessfulRescale", text)]
