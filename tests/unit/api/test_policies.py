"""What admission makes of quotas and limits: texts, what counts, what is filled in."""

import pytest

from tests.unit.api.test_writes import refused


def pod(name, limits=None, requests=None, **spec):
    resources = {"limits": limits or {}, "requests": requests or {}}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": resources}]} | spec,
    }


def quota(api, hard, name="q", **spec):
    api.create("resourcequotas", {"metadata": {"name": name}, "spec": {"hard": hard} | spec})


def limit(api, *limits):
    api.create("limitranges", {"metadata": {"name": "l"}, "spec": {"limits": list(limits)}})


def said(api, resource, obj):
    return refused(403, api.create, resource, obj).message


def test_number_of_pods(api):
    quota(api, {"pods": "1", "count/pods": "2"})
    api.create("pods", pod("a"))
    assert said(api, "pods", pod("b")) == (
        'pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1'
    )
    api.patch("pods", "a", {"status": {"phase": "Succeeded"}}, subresource="status")
    api.create("pods", pod("b"))
    assert said(api, "pods", pod("c")).endswith(
        "exceeded quota: q, requested: count/pods=1,pods=1, used: count/pods=2,pods=1, limited: count/pods=2,pods=1"
    )


def test_what_all_containers_ask_for(api):
    quota(api, {"requests.cpu": "1", "limits.memory": "1Gi", "requests.example.com/gpu": "2"})
    gpus = {"cpu": "400m", "memory": "256Mi", "example.com/gpu": "1"}
    api.create("pods", pod("a", gpus))
    api.create("pods", pod("b", gpus))
    assert said(api, "pods", pod("c", gpus)) == (
        'pods "c" is forbidden: exceeded quota: q, requested: requests.cpu=400m,requests.example.com/gpu=1, '
        "used: requests.cpu=800m,requests.example.com/gpu=2, limited: requests.cpu=1,requests.example.com/gpu=2"
    )
    assert said(api, "pods", pod("d", {"cpu": "1"})) == (
        'pods "d" is forbidden: failed quota: q: must specify limits.memory for: c'
    )
    api.delete("pods", "a")
    api.create("pods", pod("c", gpus))


def test_objects_of_any_kind(api, deployment):
    quota(api, {"count/deployments.apps": "1", "configmaps": "1", "services.nodeports": "1"})
    again = {"metadata": {"name": "again"}, "spec": deployment["spec"]}
    assert said(api, "deployments", again).endswith(
        "requested: count/deployments.apps=1, used: count/deployments.apps=1, limited: count/deployments.apps=1"
    )
    api.create("configmaps", {"metadata": {"name": "a"}})
    assert said(api, "configmaps", {"metadata": {"name": "b"}}).startswith(
        'configmaps "b" is forbidden: exceeded'
    )
    ports = [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]
    api.create("services", {"metadata": {"name": "s"}, "spec": {"ports": ports}})
    change = {"spec": {"type": "NodePort"}}
    assert refused(403, api.patch, "services", "s", change).message == (
        'services "s" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, '
        "limited: services.nodeports=1"
    )


def test_claims_by_class(api):
    prefix = "fast.storageclass.storage.k8s.io/"
    quota(api, {"requests.storage": "10Gi", f"{prefix}requests.storage": "5Gi"})

    def claim(name, size, storage_class):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
        return {"metadata": {"name": name}, "spec": spec | {"storageClassName": storage_class}}

    api.create("persistentvolumeclaims", claim("a", "4Gi", "fast"))
    api.create("persistentvolumeclaims", claim("b", "4Gi", "slow"))
    assert said(api, "persistentvolumeclaims", claim("c", "2Gi", "fast")).endswith(
        f"exceeded quota: q, requested: {prefix}requests.storage=2Gi, used: {prefix}requests.storage=4Gi, "
        f"limited: {prefix}requests.storage=5Gi"
    )


@pytest.mark.parametrize(
    ("scope", "inside", "outside"),
    [
        ({"scopes": ["BestEffort"]}, pod("in"), pod("out", {"cpu": "1"})),
        ({"scopes": ["NotBestEffort"]}, pod("in", {"cpu": "1"}), pod("out")),
        ({"scopes": ["Terminating"]}, pod("in", activeDeadlineSeconds=5), pod("out")),
        (
            {
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["hi"]}]
                }
            },
            pod("in", priorityClassName="hi"),
            pod("out"),
        ),
    ],
)
def test_scopes(api, scope, inside, outside):
    api.create("priorityclasses", {"metadata": {"name": "hi"}, "value": 5}, "")
    quota(api, {"pods": "0"}, **scope)
    api.create("pods", outside)
    assert "exceeded quota: q" in said(api, "pods", inside)


def test_the_container_defaults_of_a_namespace(api):
    limit(
        api,
        {"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m", "memory": "1Mi"}},
    )
    made = api.create("pods", pod("a"))
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m"}, "requests": {"cpu": "100m", "memory": "1Mi"},
    }  # fmt: skip
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == (
        "LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c"
    )
    assert made["status"]["qosClass"] == "Burstable"
    limited = api.create("pods", pod("b", {"cpu": "2"}))
    assert limited["spec"]["containers"][0]["resources"]["requests"] == {"cpu": "2", "memory": "1Mi"}


@pytest.mark.parametrize(
    ("limits", "asked", "complaint"),
    [
        ({"max": {"memory": "1Gi"}}, {"limits": {"memory": "1536Mi"}},
         "maximum memory usage per Container is 1Gi, but limit is 1536Mi"),
        ({"min": {"cpu": "100m"}}, {"requests": {"cpu": "50m"}},
         "minimum cpu usage per Container is 100m, but request is 50m"),
        ({"type": "Pod", "max": {"cpu": "1"}}, {}, "maximum cpu usage per Pod is 1.  No limit is specified"),
        ({"maxLimitRequestRatio": {"cpu": "2"}}, {"limits": {"cpu": "1"}, "requests": {"cpu": "250m"}},
         "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000"),
        ({"max": {"cpu": "1", "memory": "1Gi"}}, {"limits": {"cpu": "2", "memory": "2Gi"}},
         "[maximum cpu usage per Container is 1, but limit is 2, maximum memory usage per Container is 1Gi, "
         "but limit is 2Gi]"),
    ],
)  # fmt: skip
def test_limits(api, limits, asked, complaint):
    limit(api, {"type": "Container"} | limits)
    assert said(api, "pods", pod("p", **asked)) == f'pods "p" is forbidden: {complaint}'


def test_limits_of_claims(api):
    limit(api, {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}})
    for size, what in (
        ("512Mi", "minimum storage usage per PersistentVolumeClaim is 1Gi"),
        ("3Gi", "maximum storage usage per PersistentVolumeClaim is 2Gi"),
    ):
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
        made = {"metadata": {"name": "c"}, "spec": spec}
        assert said(api, "persistentvolumeclaims", made) == (
            f'persistentvolumeclaims "c" is forbidden: {what}, but request is {size}'
        )


def test_priority_comes_from_the_class(api):
    classes = {
        "urgent": {"value": 1000},
        "usual": {"value": 10, "globalDefault": True, "preemptionPolicy": "Never"},
    }
    assert api.create("pods", pod("before"))["spec"]["priority"] == 0
    for name, more in classes.items():
        api.create("priorityclasses", {"metadata": {"name": name}} | more, "")
    made = api.create("pods", pod("a", priorityClassName="urgent"))["spec"]
    assert (made["priority"], made["preemptionPolicy"]) == (1000, "PreemptLowerPriority")
    made = api.create("pods", pod("b"))["spec"]
    assert (made["priorityClassName"], made["priority"], made["preemptionPolicy"]) == ("usual", 10, "Never")
    assert said(api, "pods", pod("c", priorityClassName="no")) == (
        'pods "c" is forbidden: no PriorityClass with name no was found'
    )
    assert said(api, "pods", pod("d", priority=7)) == (
        'pods "d" is forbidden: the integer value of priority (7) must not be provided in pod spec; priority admission '
        "controller computed 10 from the given PriorityClass name"
    )
    second = {"metadata": {"name": "second"}, "value": 1, "globalDefault": True}
    assert refused(403, api.create, "priorityclasses", second, "").message == (
        'priorityclasses.scheduling.k8s.io "second" is forbidden: PriorityClass usual is already marked as default. '
        "Only one default can exist"
    )
