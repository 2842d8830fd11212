"""What the cluster serves, told to clients in the two forms they know.

kubectl and helm ask ``/api`` and ``/apis`` for one aggregated document each; the Python client walks the older
documents, one per group-version. Both are made from the catalogue. No entity tags are sent: a client's disk cache
would answer a later ``kubectl api-resources`` from them with a wrong content type, and print nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from raglab.pocket.api.routing import PageNotFound
from raglab.pocket.kinds.catalogue import Catalogue, Kind

Object = dict[str, Any]
EDIT = ("get", "patch", "update")


class Subresource(NamedTuple):
    """What a subresource takes and gives: verbs, and group, version and kind ("" are those of its resource)."""

    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""
    kind: str = ""


SUBRESOURCES = {
    "attach": Subresource(("create", "get"), kind="PodAttachOptions"),
    "binding": Subresource(("create",), kind="Binding"),
    "ephemeralcontainers": Subresource(EDIT),
    "eviction": Subresource(("create",), "policy", "v1", "Eviction"),
    "exec": Subresource(("create", "get"), kind="PodExecOptions"),
    "finalize": Subresource(("update",)),
    "log": Subresource(("get",)),
    "portforward": Subresource(("create", "get"), kind="PodPortForwardOptions"),
    "proxy": Subresource(("create", "delete", "get", "patch", "update"), kind="{}ProxyOptions"),
    "scale": Subresource(EDIT, "autoscaling", "v1", "Scale"),
    "status": Subresource(EDIT),
    "token": Subresource(("create",), "authentication.k8s.io", "v1", "TokenRequest"),
}


class Remote(NamedTuple):
    """A group-version that another server answers. `resources` are the entries of its last ``APIResourceList``."""

    group: str
    version: str
    resources: list[Object]
    available: bool


def groups(kinds: Catalogue) -> dict[str, dict[str, list[Kind]]]:
    """Kinds by group and version, in the catalogue's order (a group's first version is the preferred one)."""
    tree: dict[str, dict[str, list[Kind]]] = {}
    for kind in kinds.kinds:
        tree.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    return tree


def aggregated(kinds: Catalogue, remotes: Sequence[Remote] = (), *, core: bool, version: str) -> Object:
    """``/api`` (`core`) or ``/apis`` in one document, in `version` v2 or v2beta1 of its own format."""
    listed = {
        group: [_version(v, [_resource(kind) for kind in found]) for v, found in versions.items()]
        for group, versions in groups(kinds).items()
        if core == (group == "")
    }
    for remote in () if core else remotes:
        freshness = "Current" if remote.available else "Stale"
        listed.setdefault(remote.group, []).append(
            _version(remote.version, _of_remote(remote.resources), freshness)
        )
    items = [
        {"metadata": {"name": group} if group else {}, "versions": versions}
        for group, versions in listed.items()
    ]
    head = {"kind": "APIGroupDiscoveryList", "apiVersion": f"apidiscovery.k8s.io/{version}", "metadata": {}}
    return head | {"items": items}


def _version(version: str, resources: list[Object], freshness: str = "Current") -> Object:
    return {"version": version, "resources": resources, "freshness": freshness}


def _of_remote(entries: Iterable[Object]) -> list[Object]:
    """Resources told in the older form. One that has only subresources (metrics do) has no verbs of its own."""
    found: dict[str, Object] = {}
    for entry in entries:
        name, _, below = entry["name"].partition("/")
        response = {key: entry.get(key, "") for key in ("group", "version", "kind")}
        if not below:
            found[name] = found.get(name, {}) | _told(entry) | {"responseKind": response}
            continue
        nothing = {"group": "", "version": "", "kind": ""}
        scope = "Namespaced" if entry["namespaced"] else "Cluster"
        empty = {
            "resource": name,
            "responseKind": nothing,
            "scope": scope,
            "singularResource": "",
            "verbs": None,
        }
        sub = {"subresource": below, "responseKind": response, "verbs": entry.get("verbs") or []}
        found.setdefault(name, empty).setdefault("subresources", []).append(sub)
    return list(found.values())


def _told(entry: Object) -> Object:
    told = {
        "resource": entry["name"],
        "scope": "Namespaced" if entry["namespaced"] else "Cluster",
        "singularResource": entry.get("singularName", ""),
        "verbs": entry.get("verbs") or [],
    }
    return told | {key: entry[key] for key in ("shortNames", "categories") if entry.get(key)}


def _resource(kind: Kind) -> Object:
    resource: Object = {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        resource["shortNames"] = list(kind.short_names)
    if kind.categories:
        resource["categories"] = list(kind.categories)
    if kind.subresources:
        resource["subresources"] = [_subresource(kind, name) for name in kind.subresources]
    return resource


def _subresource(kind: Kind, name: str) -> Object:
    sub = SUBRESOURCES[name]
    group, version = (sub.group, sub.version) if sub.group else (kind.group, kind.version)
    response = {"group": group, "version": version, "kind": sub.kind.format(kind.kind) or kind.kind}
    return {"subresource": name, "responseKind": response, "verbs": list(sub.verbs)}


def api_versions(address: str) -> Object:
    """``/api`` in its older form."""
    where = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": where}


def _version_names(kinds: Catalogue, remotes: Sequence[Remote]) -> dict[str, list[str]]:
    """Versions by group."""
    names = {group: list(versions) for group, versions in groups(kinds).items()}
    for remote in remotes:
        names.setdefault(remote.group, []).append(remote.version)
    return names


def api_group_list(kinds: Catalogue, remotes: Sequence[Remote] = ()) -> Object:
    """``/apis`` in its older form."""
    listed = [_group(name, versions) for name, versions in _version_names(kinds, remotes).items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed}


def api_group(kinds: Catalogue, group: str, remotes: Sequence[Remote] = ()) -> Object | None:
    """``/apis/GROUP``; None if there is no such group."""
    versions = _version_names(kinds, remotes).get(group)
    return {"kind": "APIGroup", "apiVersion": "v1"} | _group(group, versions) if versions else None


def _group(name: str, versions: Iterable[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def api_resource_list(kinds: Catalogue, group: str, version: str) -> Object | None:
    """``/api/v1`` or ``/apis/GROUP/VERSION``; None if there is no such version."""
    listed = groups(kinds).get(group, {}).get(version)
    if not listed:
        return None
    resources = [entry for kind in listed for entry in _legacy(kind)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": resources,
    }


def document(kinds: Catalogue, parts: list[str], remotes: Sequence[Remote] = ()) -> Object | None:
    """The document at a path, in its older form; None if the path is one of objects. 404 for a page nobody has."""
    match parts:
        case ["apis"]:
            return api_group_list(kinds, remotes)
        case ["apis", group]:
            found = api_group(kinds, group, remotes)
        case ["api", version]:
            found = api_resource_list(kinds, "", version)
        case ["apis", group, version]:
            found = api_resource_list(kinds, group, version)
        case _:
            return None
    if found is None:
        raise PageNotFound
    return found


def _legacy(kind: Kind) -> Iterator[Object]:
    entry: Object = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": sorted(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    yield entry
    for name in kind.subresources:
        sub = SUBRESOURCES[name]
        other = {"group": sub.group, "version": sub.version} if sub.group else {}
        yield {
            "name": f"{kind.plural}/{name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            **other,
            "kind": sub.kind.format(kind.kind) or kind.kind,
            "verbs": list(sub.verbs),
        }


def root_paths(kinds: Catalogue, remotes: Sequence[Remote] = ()) -> Object:
    """``/``: the paths a client may look at next."""
    paths = ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
    local = ((kind.group, kind.version) for kind in kinds.kinds)
    for group, version in dict.fromkeys([*local, *((item.group, item.version) for item in remotes)]):
        paths += [f"/apis/{group}", f"/apis/{group}/{version}"] if group else [f"/api/{version}"]
    return {"paths": sorted(set(paths))}
