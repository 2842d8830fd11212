"""What stands below an object: ``…/pods/NAME/log``, ``…/serviceaccounts/NAME/token`` and so on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from raglab.pocket.api import eviction, logs, nodes, parameters, portforward, proxy, rendering, verbs
from raglab.pocket.api import exec as execution
from raglab.pocket.api.context import Call
from raglab.pocket.api.registry import DeleteOptions
from raglab.pocket.api.routing import method_not_allowed
from raglab.pocket.clock import timestamp
from raglab.pocket.errors import invalid, not_implemented
from raglab.pocket.kinds import messages
from raglab.pocket.tokens import ISSUER, ServiceAccount

Object = dict[str, Any]
Handler = Callable[[Call], Awaitable[web.StreamResponse]]
SHORTEST_TOKEN, USUAL_TOKEN, LONGEST_TOKEN = 600, 3600, 1 << 32
"""Seconds; the limits are Kubernetes' own."""


def find(verb: str, subresource: str) -> Handler:
    """The handler of a subresource; 405 if it does not know the verb, 501 if the pocket cluster lacks it."""
    if subresource in ABSENT:
        raise not_implemented(
            f"{ABSENT[subresource]} is not part of the pocket cluster; a real cluster has it"
        )
    handler = HANDLERS.get((verb, subresource))
    if handler is None:
        raise method_not_allowed()
    return handler


async def _bind(call: Call) -> web.StreamResponse:
    """Put a pod on a node: what a scheduler says."""
    target = call.target
    binding = await verbs.read_message(call, messages.BINDING)
    binding |= {"kind": "Binding", "metadata": binding["metadata"] | {"name": target.name}}
    call.server.registry.create(target.kind, target.namespace, binding, verbs.write_options(call))
    return rendering.response(_success(201), 201)


async def _evict(call: Call) -> web.StreamResponse:
    """Delete a pod politely: what ``kubectl drain`` says."""
    target = call.target
    body = await verbs.read_message(call, messages.EVICTION)
    dry_runs = call.request.query.getall("dryRun", [])
    wanted = parameters.deletion({}, dry_runs, body.get("deleteOptions") or {})
    options = DeleteOptions(
        dry_run=wanted.dry_run or parameters.dry_run(dry_runs), grace=wanted.grace, uid=wanted.uid
    )
    eviction.evict(call.server.registry, target.kind, target.namespace, target.name, options)
    return rendering.response(_success(201), 201)


def _success(code: int) -> Object:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": code}


async def _token(call: Call) -> web.StreamResponse:
    """Issue a token for a ServiceAccount (``kubectl create token``)."""
    target, server = call.target, call.server
    account = server.registry.get(target.kind, target.namespace, target.name)
    spec = (await verbs.read_message(call, messages.TOKEN_REQUEST))["spec"]
    seconds = _lifetime(spec.get("expirationSeconds"))
    audiences = tuple(spec.get("audiences") or (ISSUER,))
    who = ServiceAccount(target.namespace, target.name, account["metadata"]["uid"])
    now = server.clock.time()
    token = server.credentials.signer.issue(who, now=now, seconds=seconds, audiences=audiences)
    answer: Object = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": target.name, "namespace": target.namespace, "creationTimestamp": timestamp(now)},
        "spec": {"audiences": list(audiences), "expirationSeconds": seconds, "boundObjectRef": None},
        "status": {"token": token, "expirationTimestamp": timestamp(now + seconds)},
    }
    return rendering.response(answer, 201)


def _lifetime(wanted: int | None) -> int:
    if wanted is None:
        return USUAL_TOKEN
    if not SHORTEST_TOKEN <= wanted <= LONGEST_TOKEN:
        limit = "less than 10 minutes" if wanted < SHORTEST_TOKEN else "larger than 2^32 seconds"
        text = f"Invalid value: {wanted}: may not specify a duration {limit}"
        cause = ("FieldValueInvalid", "spec.expirationSeconds", text)
        raise invalid("TokenRequest", "authentication.k8s.io", "", [cause])
    return wanted


async def _proxy(call: Call) -> web.StreamResponse:
    """The pages of a node's kubelet, or whatever a pod or a Service serves."""
    if call.target.kind.plural != "nodes":
        return await proxy.serve(call)
    if call.target.verb != "get":
        raise method_not_allowed()
    return await nodes.page(call)


HANDLERS: dict[tuple[str, str], Handler] = {
    ("get", "status"): verbs.get,
    ("update", "status"): verbs.update,
    ("patch", "status"): verbs.patch,
    ("get", "scale"): verbs.get,
    ("update", "scale"): verbs.update,
    ("patch", "scale"): verbs.patch,
    ("update", "finalize"): verbs.update,
    ("create", "binding"): _bind,
    ("create", "eviction"): _evict,
    ("create", "token"): _token,
    ("get", "log"): logs.serve,
    ("create", "attach"): execution.attach,
    ("create", "exec"): execution.execute,
    ("create", "portforward"): portforward.serve,
    **{(verb, "proxy"): _proxy for verb in ("create", "delete", "get", "patch", "update")},
}
ABSENT = {
    "ephemeralcontainers": "debugging with ephemeral containers",
}
"""Subresources that are known and not served, in words for the error."""
