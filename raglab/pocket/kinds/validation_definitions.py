"""CustomResourceDefinitions: names that fit together, one stored version, and schemas that are structural.

Source of the rules: k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation, and the rules for structural
schemas in the Kubernetes documentation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from raglab.pocket.kinds import jsonpath, names
from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.custom import ESTABLISHED, is_true
from raglab.pocket.kinds.structural import INT_OR_STRING, PRESERVE

_SCOPES = ("Cluster", "Namespaced")
_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_APPROVAL = "api-approved.kubernetes.io"
_PROTECTED = ("k8s.io", "kubernetes.io")


def definition(causes: Causes, obj: Object) -> None:
    """The definition as it is."""
    spec, name = obj["spec"], obj["metadata"].get("name", "")
    wanted = f"{spec['names'].get('plural', '')}.{spec.get('group', '')}"
    if name != wanted:
        causes.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    _group(causes, obj)
    _names(causes, spec["names"])
    if not spec.get("scope"):
        causes.required("spec.scope")
    causes.one_of("spec.scope", spec.get("scope"), _SCOPES)
    _conversion(causes, spec)
    _versions(causes, spec.get("versions") or [])


def update(causes: Causes, obj: Object, old: Object) -> None:
    """What may not change once the names are established."""
    if not is_true(old, ESTABLISHED):
        return
    for path in ("scope", "group"):
        if obj["spec"].get(path) != old["spec"].get(path):
            causes.invalid(f"spec.{path}", obj["spec"].get(path), "field is immutable")
    for path in ("kind", "plural"):
        if obj["spec"]["names"].get(path) != old["spec"]["names"].get(path):
            causes.invalid(f"spec.names.{path}", obj["spec"]["names"].get(path), "field is immutable")


def warnings(obj: Object) -> Iterator[str]:
    """What the pocket cluster leaves out of a definition."""
    for index, version in enumerate(obj["spec"].get("versions") or ()):
        schema = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        if any("x-kubernetes-validations" in part for _, part in _parts("", schema)):
            at = f"spec.versions[{index}].schema"
            yield f"{at}: x-kubernetes-validations (CEL rules) are stored and not evaluated by the pocket cluster"


def _group(causes: Causes, obj: Object) -> None:
    group = obj["spec"].get("group", "")
    if not group:
        causes.required("spec.group")
        return
    names.check(causes, "spec.group", group, names.subdomain)
    if "." not in group:
        causes.invalid("spec.group", group, "should be a domain with at least one dot")
    annotations = obj["metadata"].get("annotations") or {}
    if group.endswith(tuple(f".{name}" for name in _PROTECTED)) and not annotations.get(_APPROVAL):
        url = "https://github.com/kubernetes/enhancements/pull/1111"
        text = f'protected groups must have approval annotation "{_APPROVAL}", see {url}'
        causes.required(f"metadata.annotations[{_APPROVAL}]", text)


def _names(causes: Causes, given: Object) -> None:
    for field in ("plural", "singular", "kind", "listKind"):
        if not given.get(field):
            causes.required(f"spec.names.{field}")
            continue
        text = given[field].lower() if field in ("kind", "listKind") else given[field]
        names.check(causes, f"spec.names.{field}", text, names.service)
    for field in ("shortNames", "categories"):
        for index, text in enumerate(given.get(field) or ()):
            names.check(causes, f"spec.names.{field}[{index}]", text, names.service)
    if given.get("kind") and given.get("kind") == given.get("listKind"):
        causes.invalid("spec.names.listKind", given["listKind"], "kind and listKind may not be the same")


def _conversion(causes: Causes, spec: Object) -> None:
    strategy = (spec.get("conversion") or {}).get("strategy")
    if strategy == "Webhook":
        text = "conversion by webhook is not part of the pocket cluster; a real cluster has it"
        causes.forbidden("spec.conversion.strategy", text)
    else:
        causes.one_of("spec.conversion.strategy", strategy, ("None", "Webhook"))


def _versions(causes: Causes, versions: list[Object]) -> None:
    if not versions:
        causes.required("spec.versions", "must have at least one version")
        return
    if sum(bool(version.get("storage")) for version in versions) != 1:
        shown = [version.get("name") for version in versions]
        causes.invalid("spec.versions", shown, "must have exactly one version marked as storage version")
    for name, count in Counter(version.get("name", "") for version in versions).items():
        if count > 1:
            causes.invalid("spec.versions", name, "must contain unique version names")
    for index, version in enumerate(versions):
        _version(causes, f"spec.versions[{index}]", version)


def _version(causes: Causes, at: str, version: Object) -> None:
    names.check(causes, f"{at}.name", version.get("name", ""), names.service)
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if schema is None:
        causes.required(f"{at}.schema.openAPIV3Schema", "schemas are required")
    else:
        _structural(causes, f"{at}.schema.openAPIV3Schema", schema)
    for index, column in enumerate(version.get("additionalPrinterColumns") or ()):
        _column(causes, f"{at}.additionalPrinterColumns[{index}]", column)
    for index, field in enumerate(version.get("selectableFields") or ()):
        _path(causes, f"{at}.selectableFields[{index}].jsonPath", field.get("jsonPath", ""))
    _scale(causes, f"{at}.subresources.scale", (version.get("subresources") or {}).get("scale") or {})


def _column(causes: Causes, at: str, column: Object) -> None:
    for field in ("name", "jsonPath", "type"):
        if not column.get(field):
            causes.required(f"{at}.{field}")
    causes.one_of(f"{at}.type", column.get("type"), _COLUMN_TYPES)
    try:
        jsonpath.compile(column.get("jsonPath", ""))
    except ValueError as error:
        causes.invalid(f"{at}.jsonPath", column["jsonPath"], str(error))


def _scale(causes: Causes, at: str, scale: Object) -> None:
    for field, start in (
        ("specReplicasPath", "spec"),
        ("statusReplicasPath", "status"),
        ("labelSelectorPath", ""),
    ):
        path = scale.get(field, "")
        if not path:
            if scale and start:
                causes.required(f"{at}.{field}")
            continue
        found = _path(causes, f"{at}.{field}", path)
        if found and start and (found[0] != start or len(found) == 1):
            causes.invalid(f"{at}.{field}", path, f"should be a json path under .{start}")


def _path(causes: Causes, at: str, path: str) -> tuple[str, ...]:
    """The fields of a path; none if it is wrong, which is told."""
    try:
        return jsonpath.names(path)
    except ValueError as error:
        causes.invalid(at, path, str(error))
        return ()


def _structural(causes: Causes, at: str, root: Object) -> None:
    if root.get("type") != "object":
        if root.get("type"):
            causes.invalid(f"{at}.type", root["type"], "must be object at the root")
        else:
            causes.required(f"{at}.type", "must not be empty at the root")
    for path, schema in _parts(at, root):
        causes.one_of(f"{path}.type", schema.get("type"), _TYPES)
        free = schema.get(PRESERVE) or schema.get(INT_OR_STRING)
        if path != at and not schema.get("type") and not free:
            what = "array items" if path.endswith(".items") else "object fields"
            causes.required(f"{path}.type", f"must not be empty for specified {what}")
        if schema.get("type") == "array" and not isinstance(schema.get("items"), dict):
            causes.required(f"{path}.items", "must be specified")
        if schema.get("properties") and isinstance(schema.get("additionalProperties"), dict):
            causes.forbidden(
                f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive"
            )


def _parts(at: str, schema: Object) -> Iterator[tuple[str, Object]]:
    """Every schema that describes a value, with its place; alternatives only restrict those, and are left out."""
    yield at, schema
    for name, part in (schema.get("properties") or {}).items():
        yield from _parts(f"{at}.properties[{name}]", part)
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _parts(f"{at}.{key}", schema[key])
