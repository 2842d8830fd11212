import json

import pytest

from raglab.pocket.kinds import columns
from raglab.pocket.kinds.duration import seconds

from .cases import DATA, load

NOW = seconds("2026-11-21T12:00:30Z")
RECORDED = json.loads((DATA / "tables.json").read_text())


@pytest.mark.parametrize(("plural", "recorded"), load("columns.yaml").items())
def test_columns_are_those_of_a_real_server(plural, recorded, kinds):
    shown = []
    for column in columns.table(kinds.plural(plural), [], NOW)[0]:
        facts = [column["name"], *([column["type"]] if column["type"] != "string" else [])]
        shown.append("|".join([*facts, *(["wide"] if column["priority"] else [])]))
        assert column["format"] == ("name" if column["name"] == "Name" else "")
    assert shown == recorded


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["object"]["kind"])
def test_cells_are_those_of_a_real_server(case, kind_of):
    _, rows = columns.table(kind_of(case["object"]), [case["object"]], case["now"])
    assert rows == [case["cells"]]


@pytest.mark.parametrize("case", load("pods.yaml"), ids=lambda case: case["says"][1])
def test_pods(case, kinds):
    def statuses(given, prefix):
        return [{"name": f"{prefix}{index}"} | item for index, item in enumerate(given or ())]

    status = {key: case[key] for key in ("phase", "reason") if key in case}
    status |= {
        "containerStatuses": statuses(case.get("containers"), "c"),
        "initContainerStatuses": statuses(case.get("init"), "i"),
    }
    pod = {
        "metadata": {"name": "p", "creationTimestamp": "2026-11-21T12:00:00Z"}
        | ({"deletionTimestamp": "2026-11-21T12:00:29Z"} if case.get("deleted") else {}),
        "spec": {
            "containers": [{"name": "c0"}, {"name": "c1"}],
            "initContainers": [{"name": "i0"}, {"name": "i1"}],
        },
        "status": status,
    }
    _, [row] = columns.table(kinds.plural("pods"), [pod], NOW)
    assert row[1:4] == case["says"]


def test_events_of_both_groups_look_the_same(kinds):
    meta = {"name": "e", "namespace": "rag"}
    core = {
        "metadata": meta,
        "involvedObject": {"kind": "Pod", "name": "p"},
        "message": "Started\n",
        "count": 3,
        "firstTimestamp": "2026-11-21T12:00:00Z",
        "lastTimestamp": "2026-11-21T12:00:20Z",
        "source": {"component": "kubelet", "host": "minikube"},
        "type": "Normal",
        "reason": "Started",
    }
    newer = {
        "metadata": meta,
        "regarding": core["involvedObject"],
        "note": "Started\n",
        "deprecatedCount": 3,
        "deprecatedFirstTimestamp": "2026-11-21T12:00:00Z",
        "deprecatedLastTimestamp": "2026-11-21T12:00:20Z",
        "deprecatedSource": core["source"],
        "type": "Normal",
        "reason": "Started",
    }
    expected = ["10s", "Normal", "Started", "pod/p", "", "kubelet, minikube", "Started", "30s", 3, "e"]
    assert columns.table(kinds.plural("events"), [core], NOW)[1] == [expected]
    kind = kinds.resource("events.k8s.io", "v1", "events")
    assert columns.table(kind, [newer], NOW)[1] == [expected]


def test_other_kinds_show_name_and_age(kinds):
    obj = {"metadata": {"name": "builder", "creationTimestamp": "2026-11-21T11:00:30Z"}}
    definitions, rows = columns.table(kinds.plural("serviceaccounts"), [obj], NOW)
    assert [item["name"] for item in definitions] == ["Name", "Age"]
    assert rows == [["builder", "60m"]]
