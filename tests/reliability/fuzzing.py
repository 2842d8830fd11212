"""Requests that no decent client would send, in an order that a seed decides.

A request is good for the server if the answer is a 2xx or 4xx, or one of the few 5xx that mean what they say, in a
well-formed ``Status``. What was stored by those that succeeded must still be there to be read, in every form.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import orjson
import yaml

from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.kinds.schema import Schemas
from tests.reliability import encoding, mutating

LIMIT = 20.0
"""Seconds in which every answer must be complete."""
HONEST = {501: "NotImplemented", 503: "ServiceUnavailable", 504: "Timeout"}
"""Answers from 500 on that are none of the server's faults, by their reason."""
RECORDED = ("failed to create typed patch object", "This pod has more than one PodDisruptionBudget")
"""Refusals that a real server, too, answers with 500: they begin like this."""
EXAMPLES = yaml.safe_load((Path(__file__).parent / "examples.yaml").read_text())
NAMESPACES = ("default",) * 12 + ("fuzz", "none", "", "kube-system")
NAMES = ("e", "n1", "..", "a%2Fb", "%00", "A" * 300, "é", "things.example.com", "v1.remote.example")
JSON, PROTOBUF = "application/json", "application/vnd.kubernetes.protobuf"
PATCHES = {
    "application/merge-patch+json": 4,
    "application/strategic-merge-patch+json": 5,
    "application/json-patch+json": 3,
    "application/apply-patch+yaml": 4,
    "text/plain": 1,
}
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
ACCEPTS = (
    JSON,
    JSON,
    TABLE,
    PARTIAL,
    PARTIAL.replace("Metadata", "MetadataList"),
    "",
    "*/*;q=x",
    "text/html",
    "a" * 3000,
)
QUERIES: dict[str, tuple[str, ...]] = {
    "dryRun": ("All", "All", "Some", ""),
    "fieldValidation": ("Strict", "Warn", "Ignore", "Maybe"),
    "fieldManager": ("me", "", "x" * 200, "a\x00b"),
    "force": ("true", "false", "x"),
    "limit": ("1", "0", "-1", "many", "9" * 30, "9" * 5000),
    "continue": ("x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ", "e30=", "NQ==", "WzEsMiwzXQ==", "W251bGwsMixbXV0=", "é"),
    "labelSelector": (
        "a=b", "a in (b,c)", "a in (", "!", "=", "a==b==c", "x y", "é=ü",
        ",", "(((", "a>1,b<x", "a" * 3000, " " * 2500 + "!",
    ),
    "fieldSelector": (
        "metadata.name=e", " " * 2500 + "!", "spec.x=y", "status.phase!=Running", "=", "a\\", "source=x", "é",
        "metadata.name",
    ),
    "resourceVersion": ("0", "1", "", "-1", "x", "9" * 5000, "99999999", "1.5", "²"),
    "resourceVersionMatch": ("Exact", "NotOlderThan", "Maybe"),
    "sendInitialEvents": ("true", "x", ""),
    "allowWatchBookmarks": ("true", "x"),
    "gracePeriodSeconds": ("0", "-1", "x", "9" * 20),
    "propagationPolicy": ("Orphan", "Foreground", "Background", "Sideways"),
    "orphanDependents": ("true", "x"),
    "includeObject": ("Object", "None", "Metadata", "Everything"),
    "pretty": ("true",),
    "container": ("c", "x", "", "../c"),
    "tailLines": ("1", "-1", "x", "9" * 30),
    "sinceTime": ("2026-11-24T00:00:00Z", "0001-01-01T00:00:00Z", "x", "2026-11-24", "9999-12-31T23:59:59-14:00"),
    "sinceSeconds": ("1", "9" * 30),
    "limitBytes": ("0", "1", "x"),
    "command": ("true", ""),
    "ports": ("80", "x", "99999"),
    "path": ("/../", "x"),
}  # fmt: skip
ANY_METHOD = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")


@dataclass(frozen=True)
class Request:
    """One request, as it goes over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.headers} {self.body[:2000]!r}"


Send = Callable[[Request], Awaitable[tuple[int, bytes]]]
"""Sends a request and returns status and body of the answer."""


@dataclass
class Findings:
    """What came of it: how often each status was answered, and what was wrong."""

    answers: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def note(self, request: Request, status: int, body: bytes) -> None:
        """Count the answer, and keep it if it is a fault."""
        self.answers[status] += 1
        if why := _fault(request, status, body):
            self.faults.append(f"{why}: {request}\n    -> {status} {body[:600]!r}")


def _fault(request: Request, status: int, body: bytes) -> str:
    if status < 400:
        return ""
    if request.method == "HEAD":
        return "refused with a server error" if status >= 500 and status not in HONEST else ""
    try:
        told = json.loads(body) if not body.startswith(b"404 page not found") else {"code": 404}
    except ValueError:
        return "an error without a Status"
    if told.get("code") != status:
        return "a Status of another code"
    honest = status < 500 or (status in HONEST and told.get("reason") == HONEST[status])
    return "" if honest or told.get("message", "").startswith(RECORDED) else "refused with a server error"


class Fuzzer:
    """Requests about `kinds` (among them those of the examples), by `seed`. `tame` ones ask for few replicas."""

    def __init__(self, kinds: list[Kind], schemas: Schemas, seed: int, *, tame: bool = False) -> None:
        self.dice, self._tame = random.Random(seed), tame
        self.kinds = kinds
        by_type = {(kind.api_version, kind.kind): kind for kind in kinds}
        self._examples = [(by_type[item["apiVersion"], item["kind"]], item) for item in EXAMPLES]
        self._schemas = schemas

    def requests(self, count: int) -> Iterator[Request]:
        """So many of them. The examples themselves come first, so that there is something to change."""
        for kind, example in self._examples:
            yield Request(*self._renew(kind, example))
        for _ in range(count):
            yield self._request()

    def _request(self) -> Request:
        dice = self.dice
        kind, example = dice.choice(self._examples)
        ways = (self._write, self._patch, self._read, self._delete, self._below, self._renew)
        method, path, headers, body = dice.choices(ways, (50, 45, 20, 5, 15, 25))[0](kind, example)
        if dice.random() < 0.02:
            method = dice.choice(ANY_METHOD)
        if dice.random() < 0.02 and "?" not in path:
            path = path.replace(dice.choice(path), dice.choice(("", "/", "%2e", "%ff", "//")), 1)
        path = f"/{path.lstrip('/')}"
        return Request(method, path + self._query(method), headers | self._headers(), body)

    def _renew(self, kind: Kind, example: Any) -> tuple[str, str, dict[str, str], bytes]:
        """What can be changed must exist; now and then it has been deleted."""
        return "POST", "/" + _path(kind, "default", ""), {"Content-Type": JSON}, orjson.dumps(example)

    def _write(self, kind: Kind, example: Any) -> tuple[str, str, dict[str, str], bytes]:
        obj = self._fed(mutating.mutated(self.dice, example, self._schemas.root(kind)))
        media, body = self._encoded(obj)
        if self.dice.random() < 0.6:
            return "POST", _path(kind, self._namespace(), ""), media, body
        below = self.dice.choice(("", "", "", *kind.subresources))
        return "PUT", _path(kind, self._namespace(), self._name(example), below), media, body

    def _fed(self, obj: Any) -> Any:
        """Where controllers work, nobody may ask for pods by the million: they would be made."""
        return mutating.tamed(obj) if self._tame else obj

    def _encoded(self, obj: Any) -> tuple[dict[str, str], bytes]:
        """An object in one of the formats, now and then with a broken byte or the wrong name for its format."""
        way, body = self.dice.random(), None
        media = JSON
        if way < 0.2 and isinstance(obj, dict):
            body, media = encoding.encode(obj), PROTOBUF
        elif way < 0.25:
            with contextlib.suppress(RecursionError):  # too deep for the writer here, not for a reader there
                body, media = yaml.safe_dump(obj, allow_unicode=True).encode(), "application/yaml"
        if body is None:
            body, media = json.dumps(obj, ensure_ascii=self.dice.random() < 0.5).encode(), JSON
        if self.dice.random() < 0.08:
            body = self._broken(body)
        if self.dice.random() < 0.02:
            media = self.dice.choice((JSON, PROTOBUF, "application/yaml", "application/cbor", "", "é", ";;;"))
        return {"Content-Type": media}, body

    def _broken(self, body: bytes) -> bytes:
        at = self.dice.randrange(len(body) + 1)
        piece = self.dice.choice(
            (b"", b"\0", b"\xff", b'"', b"{", b"\\ud800", b"1e999", b"\x80" * 12, b"[" * 5000)
        )
        return body[:at] + piece + body[at + self.dice.choice((0, 1, 1, 10_000)) :]

    def _patch(self, kind: Kind, example: Any) -> tuple[str, str, dict[str, str], bytes]:
        dice = self.dice
        media = dice.choices(tuple(PATCHES), tuple(PATCHES.values()))[0]
        change = mutating.mutated(dice, example, self._schemas.root(kind))
        if "json-patch" in media:
            change = mutating.operations(dice, example)
        elif "strategic" in media and dice.random() < 0.5:
            change = mutating.directed(dice, change)
        body = json.dumps(self._fed(change)).encode()
        if dice.random() < 0.03:
            body = self._broken(body)
        below = dice.choice(("", "", "", *kind.subresources))
        return (
            "PATCH",
            _path(kind, self._namespace(), self._name(example), below),
            {"Content-Type": media},
            body,
        )

    def _read(self, kind: Kind, example: Any) -> tuple[str, str, dict[str, str], bytes]:
        name = self.dice.choice(("", "", self._name(example)))
        headers = {"Accept": self.dice.choice(ACCEPTS)}
        watch = "?watch=1&timeoutSeconds=0" if not name and self.dice.random() < 0.3 else ""
        return "GET", _path(kind, self._namespace(), name) + watch, headers, b""

    def _delete(self, kind: Kind, example: Any) -> tuple[str, str, dict[str, str], bytes]:
        name = self.dice.choice(("", self._name(example)))
        options = {
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "propagationPolicy": "Orphan",
            "preconditions": {"uid": "x"},
        }
        options |= {"gracePeriodSeconds": 0, "dryRun": ["All"], "orphanDependents": None}
        body = (
            b""
            if self.dice.random() < 0.5
            else json.dumps(mutating.mutated(self.dice, options, None)).encode()
        )
        return "DELETE", _path(kind, self._namespace(), name), {"Content-Type": JSON}, body

    def _below(self, kind: Kind, example: Any) -> tuple[str, str, dict[str, str], bytes]:
        """Subresources, with a body of their own kind or of another."""
        below = self.dice.choice((*kind.subresources, "scale", "status", "nonsense", "log"))
        bodies: tuple[Any, ...] = (
            {
                "kind": "Scale",
                "apiVersion": "autoscaling/v1",
                "metadata": {"name": "e"},
                "spec": {"replicas": 1},
            },
            {
                "kind": "Binding",
                "apiVersion": "v1",
                "metadata": {"name": "e"},
                "target": {"kind": "Node", "name": "e"},
            },
            {
                "kind": "Eviction",
                "apiVersion": "policy/v1",
                "metadata": {"name": "e"},
                "deleteOptions": {"dryRun": ["All"]},
            },
            {"kind": "TokenRequest", "spec": {"expirationSeconds": 700, "audiences": ["a"]}},
        )
        media, body = self._encoded(self._fed(mutating.mutated(self.dice, self.dice.choice(bodies), None)))
        method = self.dice.choice(("GET", "POST", "PUT", "PATCH", "PATCH"))
        if method == "PATCH":
            media = {"Content-Type": self.dice.choice(tuple(PATCHES))}
        return method, _path(kind, self._namespace(), self._name(example), below), media, body

    def _namespace(self) -> str:
        return self.dice.choice(NAMESPACES)

    def _name(self, example: Any) -> str:
        return self.dice.choice((example["metadata"]["name"],) * 20 + NAMES)

    def _query(self, method: str) -> str:
        dice = self.dice
        if dice.random() < 0.5:
            return ""
        chosen = [dice.choice(tuple(QUERIES)) for _ in range(dice.choice((1, 1, 2, 4)))]
        return "&".join(["", *(f"{name}={quote(dice.choice(QUERIES[name]))}" for name in chosen)]).replace(
            "&", "?", 1
        )

    def _headers(self) -> dict[str, str]:
        odd = {
            "Impersonate-User": "system:serviceaccount:default:e",
            "Impersonate-Group": "é",
            "Impersonate-Extra-x": "y",
            "If-Match": "*",
            "Content-Encoding": self.dice.choice(("identity", "gzip", "nonsense")),
            "User-Agent": "/" * 500,
            "Accept": self.dice.choice(ACCEPTS),
            "Upgrade": "websocket",
            "Range": "bytes=0-",
        }
        if self.dice.random() > 0.05:
            return {}
        name = self.dice.choice(tuple(odd))
        return {name: odd[name]}


def _path(kind: Kind, namespace: str, name: str, subresource: str = "") -> str:
    root = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
    scope = f"namespaces/{namespace}/" if kind.namespaced and namespace else ""
    parts = [f"{root}/{scope}{kind.plural}", quote(name, safe="%."), subresource]
    return "/".join(part for part in parts if part)


async def run(send: Send, requests: Iterator[Request], at_once: int = 1) -> Findings:
    """Send all of them, so many at once."""
    findings = Findings()

    async def work() -> None:
        for request in requests:
            try:
                async with asyncio.timeout(LIMIT):
                    status, body = await send(request)
            except TimeoutError:
                findings.faults.append(f"no answer within {LIMIT} s: {request}")
            except (aiohttp.ClientError, ValueError) as error:
                findings.faults.append(f"no answer ({error!r}): {request}")
            else:
                findings.note(request, status, body)

    await asyncio.gather(*(work() for _ in range(at_once)))
    return findings


async def read_everything(send: Send, kinds: list[Kind], findings: Findings) -> None:
    """Every kind as list, table, metadata and watch: nothing that was stored may spoil them."""
    for kind in kinds:
        path = "/" + _path(kind, "", "")
        for accept in (JSON, TABLE, PARTIAL):
            for query in ("", "?watch=1&timeoutSeconds=0"):
                request = Request("GET", path + query, {"Accept": accept}, b"")
                status, body = await send(request)
                findings.note(request, status, body)
                if status != 200 and not (
                    kind.custom and status == 404
                ):  # its definition may have been deleted
                    findings.faults.append(f"cannot be read ({status}): {request}\n    -> {body[:600]!r}")
