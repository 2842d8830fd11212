"""Events as they are written: form, counting, and what happens when they cannot be written."""

import pytest

from raglab.pocket.errors import StatusError, already_exists, not_found
from raglab.pocket.events import EventRecorder

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p", "namespace": "ns", "uid": "u", "resourceVersion": "7"},
}


class Notebook:
    """Keeps what is written; `refuse` is raised once per entry."""

    def __init__(self, *refuse):
        self.events, self.patches, self.refuse = {}, [], list(refuse)

    async def create(self, resource, obj):
        if self.refuse:
            raise self.refuse.pop(0)
        self.events[obj["metadata"]["name"]] = obj

    async def patch(self, resource, name, namespace, patch, **_):
        if name not in self.events:
            raise not_found("events", "", name)
        self.patches.append((name, patch))


@pytest.fixture
def notebook():
    return Notebook()


async def test_controllers_and_kubelets_write_the_older_form(notebook, clock):
    recorder = EventRecorder(notebook, "kubelet", clock, host="minikube")
    await recorder.event(POD, "Normal", "Started", "Container started", field_path="spec.containers{c}")
    (event,) = notebook.events.values()
    assert event["metadata"] == {"name": f"p.{int(clock.now * 1e9):x}", "namespace": "ns"}
    assert event["source"] == {"component": "kubelet", "host": "minikube"}
    assert event["count"] == 1 and event["firstTimestamp"] == event["lastTimestamp"]
    assert event["involvedObject"]["fieldPath"] == "spec.containers{c}"
    assert event["involvedObject"]["resourceVersion"] == "7"


async def test_an_action_asks_for_the_newer_form(notebook, clock):
    recorder = EventRecorder(notebook, "default-scheduler", clock)
    for _ in range(2):
        await recorder.event(POD, "Normal", "Scheduled", "assigned", action="Binding")
    (event,) = notebook.events.values()
    assert (event["action"], event["reportingComponent"], event["source"]) == (
        "Binding",
        "default-scheduler",
        {},
    )
    assert "count" not in event and event["eventTime"].endswith("Z")
    ((_, patch),) = notebook.patches
    assert patch["series"]["count"] == 2


async def test_repetition_is_counted_and_difference_is_not(notebook, clock):
    recorder = EventRecorder(notebook, "kubelet", clock)
    for message in ("a", "a", "b", "a"):
        clock.now += 1
        await recorder.event(POD, "Warning", "BackOff", message)
    assert len(notebook.events) == 2
    assert [patch["count"] for _, patch in notebook.patches] == [2, 3]


async def test_names_grow_even_when_the_clock_stands_still(notebook, clock):
    recorder = EventRecorder(notebook, "kubelet", clock)
    for message in "abc":
        await recorder.event(POD, "Normal", "R", message)
    assert [event["message"] for _, event in sorted(notebook.events.items())] == ["a", "b", "c"]


async def test_expired_event_is_written_anew(notebook, clock):
    recorder = EventRecorder(notebook, "kubelet", clock)
    await recorder.event(POD, "Normal", "R", "m")
    notebook.events.clear()
    await recorder.event(POD, "Normal", "R", "m")
    (event,) = notebook.events.values()
    assert event["count"] == 1


async def test_taken_name_is_avoided_and_a_refusal_is_survived(clock, caplog):
    notebook = Notebook(already_exists("events", "", "p"))
    await EventRecorder(notebook, "one", clock).event(POD, "Normal", "R", "m")
    assert len(notebook.events) == 1
    notebook = Notebook(StatusError(403, "Forbidden", "namespace is being terminated"))
    with caplog.at_level("INFO"):
        await EventRecorder(notebook, "one", clock).event(POD, "Normal", "R", "m")
    assert not notebook.events and "being terminated" in caplog.text


async def test_many_that_differ_only_in_their_message_become_one(notebook, clock):
    recorder = EventRecorder(notebook, "replicaset-controller", clock)
    for number in range(12):
        await recorder.event(POD, "Warning", "FailedCreate", f"no room for pod {number}")
    told = [event["message"] for event in notebook.events.values()]
    assert told[8:] == ["no room for pod 8", "(combined from similar events): no room for pod 9"]
    assert [(patch["count"], patch["message"]) for _, patch in notebook.patches] == [
        (2, "(combined from similar events): no room for pod 10"),
        (3, "(combined from similar events): no room for pod 11"),
    ]
    clock.now += 601
    await recorder.event(POD, "Warning", "FailedCreate", "no room for pod 12")
    assert list(notebook.events.values())[-1]["message"] == "no room for pod 12"
