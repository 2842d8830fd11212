"""Nobody grants more than they hold, and nobody acts as somebody else without being allowed to.

Source: Kubernetes documentation, "Using RBAC Authorization", sections on privilege escalation. A role may be written
by those who hold all of its rules (in its namespace) or may ``escalate`` it; a binding by those who hold all rules of
the role it names or may ``bind`` that role.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from raglab.pocket.api import auth, roles
from raglab.pocket.api.auth import User
from raglab.pocket.api.roles import GROUP, Roles
from raglab.pocket.api.routing import Target
from raglab.pocket.client import Object
from raglab.pocket.errors import forbidden
from raglab.pocket.kinds.catalogue import Catalogue, Kind

Guard = Callable[[Kind, Object, Object | None], None]
"""Raises 403 when the object (in place of another, or new) may not be written by whoever asks."""


def guard(user: User, roles_: Roles, kinds: Catalogue) -> Guard:
    """The check of everything that `user` writes."""

    def check(kind: Kind, new: Object, old: Object | None) -> None:
        if kind.group != GROUP or user.is_admin:
            return
        namespace, name = new["metadata"].get("namespace", ""), new["metadata"]["name"]
        if kind.plural.endswith("bindings"):
            if old is not None and old.get("subjects") == new.get("subjects"):
                return
            where = namespace if new["roleRef"]["kind"] == "Role" else ""
            role = kinds.plural("clusterroles" if new["roleRef"]["kind"] == "ClusterRole" else "roles")
            lifted = Target("bind", role, where, new["roleRef"]["name"])
            wanted = roles_.granted(new["roleRef"], namespace)
        else:
            if old is not None and old.get("rules") == new.get("rules"):
                return
            lifted, wanted = Target("escalate", kind, namespace, name), new.get("rules") or ()
        held = list(roles_.rules(user.name, user.groups, namespace))
        missing = [text for rule in wanted for text in _missing(rule, held)]
        if missing and not auth.allowed(user, lifted, roles_):
            raise _refused(kind, name, user, missing)

    return check


def _refused(kind: Kind, name: str, user: User, missing: list[str]) -> Exception:
    groups = " ".join(f'"{group}"' for group in user.groups)
    text = (
        f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:'
    )
    head = f'{kind.plural}.{kind.group} "{name}" is forbidden'
    return forbidden(f"{head}: {text}\n" + "\n".join(missing), kind.plural, kind.group, name)


def _missing(rule: Object, held: Iterable[Object]) -> Iterator[str]:
    """What of `rule` no rule of `held` covers, as Kubernetes prints rules."""
    held = list(held)
    for url in rule.get("nonResourceURLs") or ():
        verbs = [verb for verb in rule["verbs"] if not any(_covers_url(mine, verb, url) for mine in held)]
        if verbs:
            yield f"{{NonResourceURLs:{_quoted([url])}, Verbs:{_quoted(verbs)}}}"
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for name in rule.get("resourceNames") or ("",):
                verbs = [
                    verb
                    for verb in rule["verbs"]
                    if not any(roles.permits(mine, verb, group, resource, name) for mine in held)
                ]
                if verbs:
                    named = f", ResourceNames:{_quoted([name])}" if name else ""
                    yield (
                        f"{{APIGroups:{_quoted([group])}, Resources:{_quoted([resource])}{named}, "
                        f"Verbs:{_quoted(verbs)}}}"
                    )


def _covers_url(rule: Object, verb: str, url: str) -> bool:
    mine = rule.get("nonResourceURLs") or ()
    covered = any(own == url or (own.endswith("*") and url.startswith(own[:-1])) for own in mine)
    return covered and not {"*", verb}.isdisjoint(rule.get("verbs") or ())


def _quoted(values: list[Any]) -> str:
    return "[" + " ".join(f'"{value}"' for value in values) + "]"
