"""Services and ingresses."""

from __future__ import annotations

import ipaddress

from raglab.pocket.kinds import names
from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.validation_containers import port_number, port_reference

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def service(causes: Causes, obj: Object) -> None:
    """Services."""
    spec = obj["spec"]
    kind, ports = spec.get("type", "ClusterIP"), spec.get("ports") or []
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        causes.required("spec.ports")
    if kind == "ExternalName":
        if spec.get("externalName"):
            names.check(causes, "spec.externalName", spec["externalName"].removesuffix("."), names.subdomain)
        else:
            causes.required("spec.externalName")
    elif spec.get("clusterIP") == "None" and kind in ("LoadBalancer", "NodePort"):
        causes.invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    _ports(causes, ports, kind)
    names.check_labels(causes, "spec.selector", spec.get("selector"))
    causes.one_of("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None"))
    causes.one_of("spec.type", kind, _TYPES)
    _address(causes, spec.get("clusterIP"))


def _address(causes: Causes, address: str | None) -> None:
    if not address or address == "None":
        return
    try:
        ipaddress.ip_address(address)
    except ValueError:
        rule = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        causes.invalid("spec.clusterIPs[0]", address, rule)


def _ports(causes: Causes, ports: list[Object], kind: str) -> None:
    seen_names: set[str] = set()
    seen: set[tuple[object, ...]] = set()
    for index, port in enumerate(ports):
        at, name = f"spec.ports[{index}]", port.get("name")
        if name:
            names.check(causes, f"{at}.name", name, names.label)
            if name in seen_names:
                causes.duplicate(f"{at}.name", name)
            seen_names.add(name)
        elif len(ports) > 1:
            causes.required(f"{at}.name")
        port_number(causes, f"{at}.port", port.get("port", 0))
        causes.one_of(f"{at}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))
        port_reference(causes, f"{at}.targetPort", port.get("targetPort"))
        if port.get("nodePort") and kind in ("ClusterIP", "ExternalName"):
            causes.forbidden(f"{at}.nodePort", f"may not be used when `type` is '{kind}'")
        key = (port.get("protocol", "TCP"), port.get("port"))
        if key in seen:
            causes.duplicate(at, {"protocol": key[0], "port": key[1]})
        seen.add(key)


def service_update(causes: Causes, obj: Object, old: Object) -> None:
    """A cluster address stays for life, unless the service becomes, or was, a mere name."""
    new, before = obj["spec"], old["spec"]
    if "ExternalName" in (new.get("type"), before.get("type")) or not before.get("clusterIP"):
        return
    if new.get("clusterIP") != before["clusterIP"]:
        causes.invalid("spec.clusterIPs[0]", [new.get("clusterIP")], "may not change once set")


def ingress(causes: Causes, obj: Object) -> None:
    """Ingresses."""
    spec = obj["spec"]
    if not spec.get("rules") and not spec.get("defaultBackend"):
        causes.invalid("spec", spec, "either `defaultBackend` or `rules` must be specified")
    for index, rule in enumerate(spec.get("rules") or ()):
        if rule.get("host"):
            host = rule["host"].removeprefix("*.")
            names.check(causes, f"spec.rules[{index}].host", host, names.subdomain)
        for number, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            _ingress_path(causes, f"spec.rules[{index}].http.paths[{number}]", path)


def _ingress_path(causes: Causes, at: str, path: Object) -> None:
    kinds = ("Exact", "ImplementationSpecific", "Prefix")
    if not path.get("pathType"):
        causes.required(f"{at}.pathType", "pathType must be specified")
    causes.one_of(f"{at}.pathType", path.get("pathType"), kinds)
    if path.get("pathType") != "ImplementationSpecific" and not path.get("path", "").startswith("/"):
        causes.invalid(f"{at}.path", path.get("path", ""), "must be an absolute path")
    backend = path.get("backend") or {}
    if "service" in backend:
        target = backend["service"]
        if not target.get("name"):
            causes.required(f"{at}.backend.service.name")
        if not target.get("port"):
            causes.required(f"{at}.backend", "port name or number is required")
    elif "resource" not in backend:
        causes.required(f"{at}.backend", "resource or service backend is required")
