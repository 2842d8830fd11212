"""What containers must look like: ports, environment, mounts, resources and probes."""

from __future__ import annotations

from collections.abc import Callable

from raglab.pocket.kinds import names
from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.quantity import parse

STANDARD_RESOURCES = ("cpu", "memory", "ephemeral-storage")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_NUMBERS = (
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
)


def check(causes: Causes, at: str, container: Object, volumes: set[str]) -> None:
    """One container at `at`; `volumes` are the names it may mount."""
    name = container.get("name", "")
    if name:
        names.check(causes, f"{at}.name", name, names.label)
    else:
        causes.required(f"{at}.name")
    image = container.get("image", "")
    if not image:
        causes.required(f"{at}.image")
    elif image != image.strip():
        causes.invalid(f"{at}.image", image, "must not have leading or trailing whitespace")
    for rule in (_ports, _env, _env_from, resources, _probes):
        rule(causes, at, container)
    _mounts(causes, at, container, volumes)
    policies = ("Always", "IfNotPresent", "Never")
    causes.one_of(f"{at}.imagePullPolicy", container.get("imagePullPolicy"), policies)
    sources = ("File", "FallbackToLogsOnError")
    causes.one_of(f"{at}.terminationMessagePolicy", container.get("terminationMessagePolicy"), sources)


def port_number(causes: Causes, at: str, number: object) -> None:
    """A TCP or UDP port."""
    if isinstance(number, int) and not 0 < number < 65536:
        causes.invalid(at, number, "must be between 1 and 65535, inclusive")


def port_reference(causes: Causes, at: str, port: object) -> None:
    """A port by number or by name."""
    port_number(causes, at, port)
    if isinstance(port, str):
        names.check(causes, at, port, names.port_name)


def _ports(causes: Causes, at: str, container: Object) -> None:
    seen: set[str] = set()
    for index, port in enumerate(container.get("ports") or ()):
        here, name = f"{at}.ports[{index}]", port.get("name")
        if name:
            complaints = names.port_name(name)
            for complaint in complaints:
                causes.invalid(f"{here}.name", name, complaint)
            if not complaints and name in seen:
                causes.duplicate(f"{here}.name", name)
            seen.add(name)
        if port.get("containerPort"):
            port_number(causes, f"{here}.containerPort", port["containerPort"])
        else:
            causes.required(f"{here}.containerPort")
        if port.get("hostPort"):
            port_number(causes, f"{here}.hostPort", port["hostPort"])
        causes.one_of(f"{here}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP"))


def _env_name(text: str) -> list[str]:
    fine = text.isascii() and text.isprintable() and "=" not in text
    return (
        []
        if fine
        else [
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        ]
    )


def _env(causes: Causes, at: str, container: Object) -> None:
    for index, variable in enumerate(container.get("env") or ()):
        here = f"{at}.env[{index}]"
        if variable.get("name"):
            names.check(causes, f"{here}.name", variable["name"], _env_name)
        else:
            causes.required(f"{here}.name")
        if "valueFrom" in variable:
            _value_from(causes, here, variable)


def _value_from(causes: Causes, at: str, variable: Object) -> None:
    source = variable["valueFrom"]
    here = f"{at}.valueFrom"
    given = [name for name in _SOURCES if source.get(name) is not None]
    if variable.get("value"):
        causes.invalid(here, "", "may not be specified when `value` is not empty")
    if not given:
        listed = ", ".join(f"`{name}`" for name in _SOURCES[:-1])
        causes.invalid(here, "", f"must specify one of: {listed} or `{_SOURCES[-1]}`")
    elif len(given) > 1:
        causes.invalid(here, "", "may not have more than one field specified at a time")
    for name in ("configMapKeyRef", "secretKeyRef"):
        if name in given:
            _key_reference(causes, f"{here}.{name}", source[name])
    if "fieldRef" in given and not source["fieldRef"].get("fieldPath"):
        causes.required(f"{here}.fieldRef.fieldPath")
    if "resourceFieldRef" in given and not source["resourceFieldRef"].get("resource"):
        causes.required(f"{here}.resourceFieldRef.resource")


def _key_reference(causes: Causes, at: str, reference: Object) -> None:
    if not reference.get("name"):
        causes.required(f"{at}.name")
    if reference.get("key"):
        names.check(causes, f"{at}.key", reference["key"], names.config_key)
    else:
        causes.required(f"{at}.key")


def _env_from(causes: Causes, at: str, container: Object) -> None:
    for index, source in enumerate(container.get("envFrom") or ()):
        here = f"{at}.envFrom[{index}]"
        given = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        if not given:
            causes.invalid(here, "", "must specify one of: `configMapRef` or `secretRef`")
        elif len(given) > 1:
            causes.invalid(here, "", "may not have more than one field specified at a time")
        for name in given:
            if not source[name].get("name"):
                causes.required(f"{here}.{name}.name")


def relative_path(causes: Causes, at: str, path: str) -> None:
    """A path inside a volume: it may not leave it."""
    if path.startswith("/"):
        causes.invalid(at, path, "must be a relative path")
    if ".." in path.split("/"):
        causes.invalid(at, path, "must not contain '..'")


def _mounts(causes: Causes, at: str, container: Object, volumes: set[str]) -> None:
    seen: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        here, name, path = f"{at}.volumeMounts[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            causes.required(f"{here}.name")
        if name not in volumes:
            causes.not_found(f"{here}.name", name)
        if not path:
            causes.required(f"{here}.mountPath")
        elif path in seen:
            causes.invalid(f"{here}.mountPath", path, "must be unique")
        seen.add(path)
        if mount.get("subPath") and mount.get("subPathExpr"):
            rule = "subPathExpr and subPath are mutually exclusive"
            causes.invalid(f"{here}.subPathExpr", mount["subPathExpr"], rule)
        for key in ("subPath", "subPathExpr"):
            if mount.get(key):
                relative_path(causes, f"{here}.{key}", mount[key])


def resources(causes: Causes, at: str, container: Object) -> None:
    """Requests and limits. Extended resources come whole, and requested exactly as limited."""
    given = container.get("resources") or {}
    limits, requests = given.get("limits") or {}, given.get("requests") or {}
    here = f"{at}.resources"
    for key, listed in (("limits", limits), ("requests", requests)):
        for name, amount in listed.items():
            _amount(causes, f"{here}.{key}[{name}]", name, amount, f"{here}.{key}")
    for name, amount in requests.items():
        limit = limits.get(name)
        if limit is not None and is_extended(name) and parse(amount) != parse(limit):
            causes.invalid(f"{here}.requests", amount, f"must be equal to {name} limit of {limit}")
        elif limit is not None and parse(amount) > parse(limit):
            causes.invalid(
                f"{here}.requests", amount, f"must be less than or equal to {name} limit of {limit}"
            )
        elif limit is None and is_extended(name):
            causes.required(f"{here}.limits", "Limit must be set for non overcommitable resources")


def is_extended(name: str) -> bool:
    """Devices and the like: counted, never shared."""
    return name not in STANDARD_RESOURCES and not name.startswith("hugepages-")


def _amount(causes: Causes, at: str, name: str, amount: str, listing: str) -> None:
    names.check(causes, at, name, names.qualified)
    if "/" not in name and is_extended(name):
        causes.invalid(at, name, "must be a standard resource type or fully qualified")
        causes.invalid(at, name, "must be a standard resource for containers")
    if parse(amount) < 0:
        causes.invalid(at, amount, "must be greater than or equal to 0")
    if is_extended(name) and parse(amount).denominator != 1:
        causes.invalid(at, amount, "must be an integer")


def _probes(causes: Causes, at: str, container: Object) -> None:
    for name in _PROBES:
        probe, here = container.get(name), f"{at}.{name}"
        if probe is None:
            continue
        _handler(causes, here, probe)
        for number in _PROBE_NUMBERS:
            causes.not_negative(f"{here}.{number}", probe.get(number))
        if name != "readinessProbe" and probe.get("successThreshold", 1) != 1:
            causes.invalid(f"{here}.successThreshold", probe["successThreshold"], "must be 1")
    for moment, handler in (container.get("lifecycle") or {}).items():
        if isinstance(handler, dict):
            _handler(causes, f"{at}.lifecycle.{moment}", handler, (*_HANDLERS, "sleep"))


def _handler(causes: Causes, at: str, handler: Object, known: tuple[str, ...] = _HANDLERS) -> None:
    given = [name for name in known if handler.get(name) is not None]
    if not given:
        causes.required(at, "must specify a handler type")
    for name in given[1:]:
        causes.forbidden(f"{at}.{name}", "may not specify more than 1 handler type")
    for name in given[:1]:
        action, rule = handler[name], _HANDLER_RULES.get(name)
        if rule:
            rule(causes, f"{at}.{name}", action)


def _http(causes: Causes, at: str, action: Object) -> None:
    if not action.get("path"):
        causes.required(f"{at}.path")
    port_reference(causes, f"{at}.port", action.get("port", 0))
    causes.one_of(f"{at}.scheme", action.get("scheme"), ("HTTP", "HTTPS"))


def _command(causes: Causes, at: str, action: Object) -> None:
    if not action.get("command"):
        causes.required(f"{at}.command")


def _socket(causes: Causes, at: str, action: Object) -> None:
    port_reference(causes, f"{at}.port", action.get("port", 0))


_HANDLER_RULES: dict[str, Callable[[Causes, str, Object], None]] = {
    "httpGet": _http,
    "exec": _command,
    "tcpSocket": _socket,
    "grpc": _socket,
}
