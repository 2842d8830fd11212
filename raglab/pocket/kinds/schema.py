"""The schemas of all served kinds: compiled once from the Kubernetes definitions, then read from a small cache.

The definitions come with the package ``kubernetes-validate``. Everything reachable from the catalogue is written to
two cache files: ``schema-*.json`` holds names and types only and is read at every start; ``openapi-*.json`` adds the
descriptions that ``kubectl explain`` shows and is read on first use. The package version is part of the names, so an
upgrade compiles anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson

from raglab.pocket.errors import StatusError
from raglab.pocket.files import write_private
from raglab.pocket.kinds import catalogue, compiling, messages, structural
from raglab.pocket.kinds.catalogue import Kind, Object
from raglab.pocket.kinds.custom import Custom
from raglab.pocket.kinds.decoding import BASIC, Field, ListOf, MapOf, Mismatch, Part, Struct, Type, Walk

SOURCE = "kubernetes-validate"
_COMPONENT = "#/components/schemas/"
META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"


class DecodeError(StatusError):
    """400 for a body with a value of the wrong type."""

    def __init__(self, kind: Kind, mismatch: Mismatch) -> None:
        super().__init__(400, "BadRequest", f"{cannot_be_handled(kind)}: {mismatch}")
        self.conversion = mismatch.conversion
        """The wording for the same mistake inside a strategic merge patch."""


def cannot_be_handled(kind: Kind) -> str:
    """How a server begins when it cannot decode a body, e.g. before ``strict decoding error: ...``."""
    return f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}'


class Schemas:
    """Typed views of the kinds. Custom resources bring their schemas along, see `structural`."""

    def __init__(self, compiled: Object, openapi: Path) -> None:
        self._compiled = compiled
        self._openapi = openapi
        self._structs: dict[str, Struct] = {}

    @classmethod
    def load(cls, cache_dir: Path) -> Schemas:
        """Read the compiled schemas from `cache_dir`, compiling them there first when needed (about a second)."""
        stamp = f"{version(SOURCE)}-{_fingerprint()}"
        schema, openapi = cache_dir / f"schema-{stamp}.json", cache_dir / f"openapi-{stamp}.json"
        if not (schema.exists() and openapi.exists()):
            for outdated in (*cache_dir.glob("schema-*.json"), *cache_dir.glob("openapi-*.json")):
                outdated.unlink(missing_ok=True)
            definitions = compiling.definitions([*catalogue.load().kinds, *messages.ALL])
            write_private(openapi, orjson.dumps(compiling.openapi(definitions)))
            write_private(schema, orjson.dumps(compiling.compact(definitions)))
        return cls(orjson.loads(schema.read_bytes()), openapi)

    def root(self, kind: Kind) -> Struct | None:
        """The struct of a whole object, or None for a kind without schema."""
        name = self._compiled["roots"].get(f"{kind.api_version} {kind.kind}")
        return self.struct(name) if name else None

    def normalise(self, kind: Kind, obj: Object) -> tuple[Object, list[str]]:
        """A cleaned copy of `obj`, and what strict field validation objects to.

        Nulls, empty optional maps and lists, and unknown fields are dropped; quantities become canonical.
        Raises `DecodeError` (400) for a value of the wrong type.
        """
        root, walk = self.root(kind), Walk()
        try:
            if kind.custom:
                return self._pruned(kind.custom, obj, walk), sorted(walk.unknown)
            return root.decode(obj, walk) if root else dict(obj), walk.unknown
        except Mismatch as mismatch:
            raise DecodeError(kind, mismatch) from None

    def _pruned(self, custom: Custom, obj: Object, walk: Walk) -> Object:
        """A custom resource: its own schema decides about everything but the metadata."""
        meta, root = obj.get("metadata") or {}, {"metadata"}
        clean: Object = structural.prune(
            {name: part for name, part in obj.items() if name not in root},
            custom.schema,
            walk,
            is_object=True,
        )
        walk.trail.append((META.rpartition(".")[2], "metadata"))
        clean["metadata"] = self.struct(META).decode(meta, walk)
        walk.trail.pop()
        return clean

    def merge_info(self, kind: Kind, path: Iterable[str]) -> Field | None:
        """The field at `path` (names only; list indexes are left out), with its patch strategy and merge key."""
        struct, found = self.root(kind), None
        for name in path:
            found = struct.fields.get(name) if struct else None
            if found is None:
                return None
            struct = found.element
        return found

    def components(self, kinds: Iterable[Kind]) -> dict[str, Any]:
        """OpenAPI v3 component schemas of `kinds` and everything they refer to."""
        listed = list(kinds)
        roots = [self._compiled["roots"].get(f"{kind.api_version} {kind.kind}") for kind in listed]
        own = [kind for kind in listed if kind.custom]
        found = compiling.closure(
            self._documents, [*filter(None, roots), *([META] if own else [])], _COMPONENT
        )
        return found | {component_name(kind): self._component(kind) for kind in own}

    def _component(self, kind: Kind) -> Object:
        """A custom resource as OpenAPI: its own schema, with the descriptions that are the same in every object."""
        schema = kind.custom.schema if kind.custom else {}
        general = self._documents[self._compiled["roots"]["v1 ConfigMap"]]["properties"]
        fields = {name: general[name] for name in structural.OF_EVERY_OBJECT}
        gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        more = {"x-kubernetes-group-version-kind": [gvk], "type": "object"}
        return schema | more | {"properties": (schema.get("properties") or {}) | fields}

    @cached_property
    def _documents(self) -> dict[str, Any]:
        documents: dict[str, Any] = orjson.loads(self._openapi.read_bytes())
        return documents

    def struct(self, name: str) -> Struct:
        """Build a struct on first use; it is registered before its fields, for structs may contain themselves."""
        if name not in self._structs:
            raw = self._compiled["structs"][name]
            package, _, short = name.rpartition(".")
            struct = self._structs[name] = Struct(f"{package.rpartition('.')[2]}.{short}")
            struct.fields = {key: self._field(item) for key, item in raw["fields"].items()}
            struct.by_value = tuple(raw.get("by_value", ()))
            struct.atomic = raw.get("atomic", False)
        return self._structs[name]

    def _field(self, raw: Object) -> Field:
        listed = ("strategy", "list_keys")
        facts: dict[str, Any] = {key: tuple(item) if key in listed else item for key, item in raw.items()}
        return Field(**facts | {"type": self._type(raw["type"])})

    def _type(self, name: str) -> Type:
        if name.startswith("[]"):
            return ListOf(self._type(name[2:]))
        if name.startswith("map:"):
            return MapOf(self._type(name[4:]))
        if name.startswith("part:"):
            return Part(self._type(name[5:]))
        return BASIC.get(name) or self.struct(name)


def component_name(kind: Kind) -> str:
    """The name of a custom resource's schema in OpenAPI: ``com.example.v1.Widget`` for group ``example.com``."""
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])


def _fingerprint() -> str:
    """Changes with anything of ours that shapes the compiled files."""
    digest = hashlib.sha256()
    for name in ("catalogue.yaml", "messages.py", "values.yaml", "compiling.py"):
        digest.update(files(__package__).joinpath(name).read_bytes())
    return digest.hexdigest()[:12]
