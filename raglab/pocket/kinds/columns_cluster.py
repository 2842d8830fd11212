"""The columns of nodes, events, quotas and permissions."""

from __future__ import annotations

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.cells import AGE, NAME, NONE, UNKNOWN, Cell, Column, field, wide
from raglab.pocket.kinds.duration import since
from raglab.pocket.kinds.paths import find, get

_ROLE = "node-role.kubernetes.io/"


def _node_status(node: Object, now: float) -> str:
    ready = [item.get("status") for item in find(node, "status.conditions[]") if item.get("type") == "Ready"]
    words = [("Ready" if ready[0] == "True" else "NotReady") if ready else "Unknown"]
    return ",".join([*words, "SchedulingDisabled"] if get(node, "spec.unschedulable") else words)


def _roles(node: Object, now: float) -> str:
    given = node["metadata"].get("labels") or {}
    roles = {key.removeprefix(_ROLE) for key in given if key.startswith(_ROLE)} - {""}
    roles |= {given["kubernetes.io/role"]} if given.get("kubernetes.io/role") else set()
    return ",".join(sorted(roles)) or NONE


def _address(kind: str) -> Cell:
    def cell(node: Object, now: float) -> str:
        return next((a["address"] for a in find(node, "status.addresses[]") if a.get("type") == kind), NONE)

    return cell


def _kernel(node: Object, now: float) -> str:
    info = get(node, "status.nodeInfo") or {}
    if not info.get("kernelVersion"):
        return UNKNOWN
    return (
        f"{info['kernelVersion']} ({info['architecture']})"
        if info.get("architecture")
        else info["kernelVersion"]
    )


NODE = [
    NAME,
    Column("Status", _node_status),
    Column("Roles", _roles),
    AGE,
    Column("Version", field("status.nodeInfo.kubeletVersion")),
    wide("Internal-IP", _address("InternalIP")),
    wide("External-IP", _address("ExternalIP")),
    wide("OS-Image", field("status.nodeInfo.osImage", UNKNOWN)),
    wide("Kernel-Version", _kernel),
    wide("Container-Runtime", field("status.nodeInfo.containerRuntimeVersion", UNKNOWN)),
]


_EVENT_FIELDS = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}


def core_event(event: Object) -> Object:
    """An ``events.k8s.io`` event with the field names of the core group."""
    return {_EVENT_FIELDS.get(key, key): value for key, value in event.items()}


def _first_seen(event: Object, now: float) -> str:
    return since(event.get("firstTimestamp") or event.get("eventTime"), now)


def _last_seen(event: Object, now: float) -> str:
    latest = get(event, "series.lastObservedTime") or event.get("lastTimestamp")
    return since(latest, now) if latest else _first_seen(event, now)


def _event_object(event: Object, now: float) -> str:
    about = event.get("involvedObject") or {}
    kind = about.get("kind", "").lower()
    return f"{kind}/{about['name']}" if about.get("name") else kind


def _source(event: Object, now: float) -> str:
    source = event.get("source") or {}
    component = source.get("component") or event.get("reportingComponent") or ""
    host = source.get("host") or event.get("reportingInstance") or ""
    return f"{component}, {host}" if host else component


def _times(event: Object, now: float) -> int:
    return get(event, "series.count") or event.get("count") or 1


EVENT = [
    Column("Last Seen", _last_seen),
    Column("Type", field("type")),
    Column("Reason", field("reason")),
    Column("Object", _event_object),
    wide("Subobject", field("involvedObject.fieldPath")),
    wide("Source", _source),
    Column("Message", lambda event, now: event.get("message", "").strip()),
    wide("First Seen", _first_seen),
    wide("Count", _times),
    Column("Name", field("metadata.name"), priority=1, format="name"),
]


def _quota(limits: bool) -> Cell:
    """``pods: 3/10`` for every bounded resource; limits have a column of their own."""

    def cell(quota: Object, now: float) -> str:
        hard, used = get(quota, "status.hard") or {}, get(quota, "status.used") or {}
        names = [name for name in sorted(hard) if name.startswith("limits.") == limits]
        return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in names)

    return cell


QUOTA = [NAME, Column("Request", _quota(False)), Column("Limit", _quota(True)), AGE]
PRIORITY_CLASS = [
    NAME,
    Column("Value", field("value", 0), type="integer"),
    Column("Global-Default", field("globalDefault", False), type="boolean"),
    AGE,
    Column("PreemptionPolicy", field("preemptionPolicy")),
]


def _role(binding: Object, now: float) -> str:
    ref = binding.get("roleRef") or {}
    return f"{ref.get('kind', '')}/{ref.get('name', '')}"


def _subjects(kind: str) -> Cell:
    def cell(binding: Object, now: float) -> str:
        subjects = [item for item in binding.get("subjects") or () if item.get("kind") == kind]
        prefix = {True: lambda item: f"{item.get('namespace', '')}/", False: lambda item: ""}[
            kind == "ServiceAccount"
        ]
        return ", ".join(f"{prefix(item)}{item.get('name', '')}" for item in subjects)

    return cell


ROLE_BINDING = [
    NAME,
    Column("Role", _role),
    AGE,
    wide("Users", _subjects("User")),
    wide("Groups", _subjects("Group")),
    wide("ServiceAccounts", _subjects("ServiceAccount")),
]


def _served_by(service: Object, now: float) -> str:
    reference = get(service, "spec.service")
    return f"{reference['namespace']}/{reference['name']}" if reference else "Local"


def _available(service: Object, now: float) -> str:
    for item in get(service, "status.conditions") or ():
        if item["type"] == "Available":
            status = item.get("status", "")
            return "True" if status == "True" else f"{status} ({item.get('reason', '')})"
    return "Unknown"


API_SERVICE = [NAME, Column("Service", _served_by), Column("Available", _available), AGE]
