"""What pod specs must look like, and what may change in a pod once it exists."""

from __future__ import annotations

import copy

from raglab.pocket.kinds import names, validation_containers
from raglab.pocket.kinds import validation_placing as placing
from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.differing import difference
from raglab.pocket.kinds.paths import containers

_RESTART = ("Always", "OnFailure", "Never")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_HOST_PATHS = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
UPDATE_RULE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_spec(causes: Causes, at: str, spec: Object, more_volumes: frozenset[str] = frozenset()) -> None:
    """A pod spec at `at`. `more_volumes` will be added to the pod later (claim templates)."""
    volumes = _volumes(causes, at, spec) | more_volumes
    if not spec.get("containers"):
        causes.required(f"{at}.containers")
    seen: set[str] = set()
    for place, container in containers(spec):
        validation_containers.check(causes, f"{at}.{place}", container, volumes)
        if container.get("name") in seen:
            causes.duplicate(f"{at}.{place}.name", container["name"])
        seen.add(container.get("name", ""))
    causes.one_of(f"{at}.restartPolicy", spec.get("restartPolicy"), _RESTART)
    causes.one_of(f"{at}.dnsPolicy", spec.get("dnsPolicy"), _DNS)
    names.check_labels(causes, f"{at}.nodeSelector", spec.get("nodeSelector"))
    causes.not_negative(f"{at}.terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds"))
    _names(causes, at, spec)
    _tolerations(causes, at, spec)
    placing.check(causes, at, spec)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline < 2**31:
        causes.invalid(f"{at}.activeDeadlineSeconds", deadline, "must be between 1 and 2147483647, inclusive")


def _names(causes: Causes, at: str, spec: Object) -> None:
    for field, checker in (
        ("serviceAccountName", names.subdomain),
        ("nodeName", names.subdomain),
        ("priorityClassName", names.subdomain),
        ("hostname", names.label),
        ("subdomain", names.label),
    ):
        if spec.get(field):
            names.check(causes, f"{at}.{field}", spec[field], checker)


def _tolerations(causes: Causes, at: str, spec: Object) -> None:
    for index, item in enumerate(spec.get("tolerations") or ()):
        here, operator = f"{at}.tolerations[{index}]", item.get("operator", "Equal")
        if item.get("key"):
            names.check(causes, f"{here}.key", item["key"], names.qualified)
        elif operator != "Exists":
            rule = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            causes.invalid(f"{here}.operator", item.get("operator", ""), rule)
        causes.one_of(f"{here}.operator", operator, ("Equal", "Exists", "Gt", "Lt"))
        if operator == "Exists" and item.get("value"):
            causes.invalid(f"{here}.operator", item, "value must be empty when `operator` is 'Exists'")
        causes.one_of(f"{here}.effect", item.get("effect"), ("NoSchedule", "PreferNoSchedule", "NoExecute"))


def _volumes(causes: Causes, at: str, spec: Object) -> set[str]:
    """Check all volumes; returns their names."""
    found: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        here, name = f"{at}.volumes[{index}]", volume.get("name", "")
        if not name:
            causes.required(f"{here}.name")
        elif complaints := names.label(name):
            for complaint in complaints:
                causes.invalid(f"{here}.name", name, complaint)
        elif name in found:
            causes.duplicate(f"{here}.name", name)
        found.add(name)
        sources = [key for key in volume if key != "name"]
        if not sources:
            causes.required(here, "must specify a volume type")
        for extra in sources[1:]:
            causes.forbidden(f"{here}.{extra}", "may not specify more than 1 volume type")
        if sources and sources[0] in _SOURCES:
            _SOURCES[sources[0]](causes, f"{here}.{sources[0]}", volume[sources[0]])
    return found


def host_path(causes: Causes, at: str, source: Object) -> None:
    """A directory of the node."""
    path = source.get("path", "")
    if not path:
        causes.required(f"{at}.path")
    elif ".." in path.split("/"):
        causes.invalid(f"{at}.path", path, "must not contain '..'")
    causes.one_of(f"{at}.type", source.get("type"), _HOST_PATHS)


def _items(causes: Causes, at: str, source: Object) -> None:
    for index, item in enumerate(source.get("items") or ()):
        here = f"{at}.items[{index}]"
        if not item.get("key"):
            causes.required(f"{here}.key")
        _path(causes, here, item)
    mode = source.get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        causes.invalid(
            f"{at}.defaultMode", mode, "must be a number between 0 and 0777 (octal), both inclusive"
        )


def _path(causes: Causes, at: str, item: Object) -> None:
    if not item.get("path"):
        causes.required(f"{at}.path")
    else:
        validation_containers.relative_path(causes, f"{at}.path", item["path"])


def _secret(causes: Causes, at: str, source: Object) -> None:
    if not source.get("secretName"):
        causes.required(f"{at}.secretName")
    _items(causes, at, source)


def _named(causes: Causes, at: str, source: Object) -> None:
    if not source.get("name"):
        causes.required(f"{at}.name")
    _items(causes, at, source)


def _downward(causes: Causes, at: str, source: Object) -> None:
    for index, item in enumerate(source.get("items") or ()):
        here = f"{at}.items[{index}]"
        _path(causes, here, item)
        if not item.get("fieldRef") and not item.get("resourceFieldRef"):
            causes.required(here, "one of fieldRef and resourceFieldRef is required")


def _projected(causes: Causes, at: str, source: Object) -> None:
    rules = {"secret": _named, "configMap": _named, "downwardAPI": _downward, "serviceAccountToken": _path}
    for index, part in enumerate(source.get("sources") or ()):
        for name, rule in rules.items():
            if name in part:
                rule(causes, f"{at}.sources[{index}].{name}", part[name])


def _claim(causes: Causes, at: str, source: Object) -> None:
    if not source.get("claimName"):
        causes.required(f"{at}.claimName")


_SOURCES = {
    "configMap": _named,
    "downwardAPI": _downward,
    "hostPath": host_path,
    "persistentVolumeClaim": _claim,
    "projected": _projected,
    "secret": _secret,
}


def pod(causes: Causes, obj: Object) -> None:
    """A new pod, or the new state of one."""
    check_spec(causes, "spec", obj["spec"])


def pod_update(causes: Causes, obj: Object, old: Object) -> None:
    """Only few fields of a running pod may change."""
    new, before = obj["spec"], old["spec"]
    known = before.get("tolerations") or []
    if (new.get("tolerations") or [])[: len(known)] != known and not all(
        t in (new.get("tolerations") or ()) for t in known
    ):
        causes.forbidden(
            "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds"
        )
    if len(new.get("containers") or ()) != len(before.get("containers") or ()):
        causes.forbidden("spec.containers", "pod updates may not add or remove containers")
        return
    wanted = copy.deepcopy(new)
    for field in (
        "activeDeadlineSeconds",
        "tolerations",
        "terminationGracePeriodSeconds",
        "ephemeralContainers",
    ):
        wanted.pop(field, None)
        if field in before:
            wanted[field] = before[field]
    for key in ("containers", "initContainers"):
        for container, stored in zip(wanted.get(key) or (), before.get(key) or (), strict=False):
            container["image"] = stored.get("image", "")
    if wanted != before:
        causes.forbidden("spec", UPDATE_RULE + difference(before, wanted))
