"""Role-based access control: which rules hold for a user, and what a rule allows.

Source: Kubernetes documentation, "Using RBAC Authorization". Rules only ever allow; what none allows is refused. A
binding to a role that does not exist gives nothing. Roles are read when a request asks, so a change holds at once.
Aggregated ClusterRoles are not part of the pocket cluster. That nobody grants more than they hold: `escalation`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from raglab.pocket.api.routing import Target
from raglab.pocket.store import Store

Object = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"


class Roles:
    """The roles and bindings in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def rules(self, name: str, groups: Iterable[str], namespace: str) -> Iterator[Object]:
        """Rules that hold in `namespace` ("" for the cluster itself) for the user of this name and these groups."""
        bindings = self._bindings("clusterrolebindings", "")
        bindings += self._bindings("rolebindings", namespace) if namespace else []
        for binding in bindings:
            if any(_means(subject, name, groups) for subject in binding.get("subjects") or ()):
                yield from self.granted(binding["roleRef"], binding["metadata"].get("namespace", ""))

    def _bindings(self, plural: str, namespace: str) -> list[Object]:
        return [record.object for record in self._store.records(f"{GROUP}/{plural}", namespace)]

    def granted(self, reference: Mapping[str, Any], namespace: str) -> Iterable[Object]:
        """Rules of the role that a binding in `namespace` refers to."""
        of_cluster = reference["kind"] == "ClusterRole"
        shelf = f"{GROUP}/{'clusterroles' if of_cluster else 'roles'}"
        role = self._store.get(shelf, "" if of_cluster else namespace, reference["name"])
        return (role.object.get("rules") or ()) if role else ()


def _means(subject: Mapping[str, Any], name: str, groups: Iterable[str]) -> bool:
    """Whether a binding's subject is this user."""
    if subject["kind"] == "ServiceAccount":
        return name == f"system:serviceaccount:{subject.get('namespace', '')}:{subject['name']}"
    return subject["name"] in groups if subject["kind"] == "Group" else bool(subject["name"] == name)


def allows(rule: Mapping[str, Any], target: Target) -> bool:
    """Whether `rule` allows what `target` asks for."""
    kind = target.kind
    resource = f"{kind.plural}/{target.subresource}" if target.subresource else kind.plural
    return permits(rule, target.verb, kind.group, resource, target.name)


def permits(rule: Mapping[str, Any], verb: str, group: str, resource: str, name: str) -> bool:
    """Whether `rule` allows `verb` on ``plural`` or ``plural/subresource`` of `group` with this name ("" is any)."""
    below = resource.partition("/")[2]
    resources = {"*", resource, f"*/{below}" if below else resource}
    names = rule.get("resourceNames") or ()
    return (
        not {"*", verb}.isdisjoint(rule.get("verbs") or ())
        and not {"*", group}.isdisjoint(rule.get("apiGroups") or ())
        and not resources.isdisjoint(rule.get("resources") or ())
        and (not names or name in names)
    )
