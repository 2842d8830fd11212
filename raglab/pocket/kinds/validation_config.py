"""ConfigMaps, Secrets, roles, and other small kinds."""

from __future__ import annotations

import base64
import ipaddress

from raglab.pocket.kinds import names
from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.paths import get
from raglab.pocket.kinds.validation_containers import port_number

LARGEST = 1024 * 1024
"""Bytes a ConfigMap or Secret may hold: everything passes through the store."""
_SEALED = "field is immutable when `immutable` is set"
_REQUIRED_KEYS = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def config_map(causes: Causes, obj: Object) -> None:
    """ConfigMaps."""
    data, binary = obj.get("data") or {}, obj.get("binaryData") or {}
    for field, listed in (("data", data), ("binaryData", binary)):
        for key in listed:
            names.check(causes, f"{field}[{key}]", key, names.config_key)
    for key in data.keys() & binary.keys():
        causes.invalid(f"data[{key}]", key, "duplicate of key present in binaryData")
    size = sum(len(text.encode()) for text in data.values()) + sum(map(_decoded_size, binary.values()))
    if size > LARGEST:
        causes.too_long("[]", LARGEST)


def _decoded_size(text: str) -> int:
    return len(base64.b64decode(text))


def secret(causes: Causes, obj: Object) -> None:
    """Secrets."""
    data = obj.get("data") or {}
    for key in data:
        names.check(causes, f"data[{key}]", key, names.config_key)
    if sum(map(_decoded_size, data.values())) > LARGEST:
        causes.too_long("data", LARGEST)
    for key in _REQUIRED_KEYS.get(obj.get("type", ""), ()):
        if key not in data:
            causes.required(f"data[{key}]")


def sealed(causes: Causes, obj: Object, old: Object) -> None:
    """Nothing changes once ``immutable`` is set, and it stays set."""
    if not old.get("immutable"):
        return
    if not obj.get("immutable"):
        causes.forbidden("immutable", _SEALED)
    for field in ("data", "binaryData"):
        if obj.get(field) != old.get(field):
            causes.forbidden(field, _SEALED)


def secret_update(causes: Causes, obj: Object, old: Object) -> None:
    """A Secret keeps its type."""
    if obj.get("type") != old.get("type"):
        causes.invalid("type", obj.get("type"), "field is immutable")
    sealed(causes, obj, old)


def role(causes: Causes, obj: Object) -> None:
    """Roles and ClusterRoles."""
    for index, rule in enumerate(obj.get("rules") or ()):
        at = f"rules[{index}]"
        if not rule.get("verbs"):
            causes.required(f"{at}.verbs", "verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            continue
        if not rule.get("apiGroups"):
            causes.required(f"{at}.apiGroups", "resource rules must supply at least one api group")
        if not rule.get("resources"):
            causes.required(f"{at}.resources", "resource rules must supply at least one resource")


def binding(causes: Causes, obj: Object) -> None:
    """RoleBindings and ClusterRoleBindings."""
    ref = obj.get("roleRef") or {}
    _kind(causes, "roleRef.kind", ref, ("ClusterRole", "Role"))
    if not ref.get("name"):
        causes.required("roleRef.name")
    for index, subject in enumerate(obj.get("subjects") or ()):
        if not subject.get("name"):
            causes.required(f"subjects[{index}].name")
        _kind(causes, f"subjects[{index}].kind", subject, ("Group", "ServiceAccount", "User"))
        if subject.get("kind") == "ServiceAccount" and not subject.get("namespace"):
            causes.required(f"subjects[{index}].namespace")


def _kind(causes: Causes, field: str, of: Object, valid: tuple[str, ...]) -> None:
    """Must be there, and one of these."""
    if of.get("kind") not in valid:
        causes.unsupported(field, of.get("kind", ""), valid)


def binding_update(causes: Causes, obj: Object, old: Object) -> None:
    """What a binding grants is settled when it is made; to whom is not."""
    if obj.get("roleRef") != old.get("roleRef"):
        causes.invalid("roleRef", obj.get("roleRef"), "cannot change roleRef")


def endpoints(causes: Causes, obj: Object) -> None:
    """Endpoints."""
    for index, subset in enumerate(obj.get("subsets") or ()):
        at = f"subsets[{index}]"
        for part in ("addresses", "notReadyAddresses"):
            for place, address in enumerate(subset.get(part) or ()):
                _address(causes, f"{at}.{part}[{place}].ip", address.get("ip", ""))
        for place, port in enumerate(subset.get("ports") or ()):
            port_number(causes, f"{at}.ports[{place}].port", port.get("port", 0))


def _address(causes: Causes, field: str, text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        causes.invalid(field, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")


def endpoint_slice(causes: Causes, obj: Object) -> None:
    """EndpointSlices."""
    if not obj.get("addressType"):
        causes.required("addressType")
    causes.one_of("addressType", obj.get("addressType"), ("FQDN", "IPv4", "IPv6"))
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        at = f"endpoints[{index}].addresses"
        if not endpoint.get("addresses"):
            causes.required(at, "must contain at least 1 address")
        for place, address in enumerate(endpoint.get("addresses") or ()):
            if obj.get("addressType") != "FQDN":
                _address(causes, f"{at}[{place}]", address)
    for index, port in enumerate(obj.get("ports") or ()):
        port_number(causes, f"ports[{index}].port", port.get("port"))


def node(causes: Causes, obj: Object) -> None:
    """Nodes: what their taints mean."""
    effects = ("NoExecute", "NoSchedule", "PreferNoSchedule")
    for index, taint in enumerate(get(obj, "spec.taints") or ()):
        at = f"metadata.taints[{index}]"
        names.check(causes, f"{at}.key", taint.get("key", ""), names.qualified)
        if not taint.get("effect"):
            causes.required(f"{at}.effect")
        causes.one_of(f"{at}.effect", taint.get("effect"), effects)


def network_policy(causes: Causes, obj: Object) -> None:
    """NetworkPolicies."""
    names.check_selector(causes, "spec.podSelector", get(obj, "spec.podSelector") or {})
    for index, kind in enumerate(get(obj, "spec.policyTypes") or ()):
        causes.one_of(f"spec.policyTypes[{index}]", kind, ("Egress", "Ingress"))
