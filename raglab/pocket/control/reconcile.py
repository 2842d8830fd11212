"""The loop that every controller and the scheduler run on.

A controller is a pure function: it reads the local copies, looks at one object and returns a `Plan`, the
writes and Events that bring the world closer to what the object asks for. The loop calls it whenever
something changed that concerns the object, carries the plan out, and waits until the local copies contain
what was written, so that the next look does not repeat it. A plan that fails is made afresh, later and from
newer state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from raglab.pocket.client import Client, Object
from raglab.pocket.clock import Clock
from raglab.pocket.control.copies import DEFINITIONS, Informers, View
from raglab.pocket.errors import StatusError
from raglab.pocket.events import EventRecorder
from raglab.pocket.informer import Informer, Key, version_of
from raglab.pocket.objects import is_deleting
from raglab.pocket.workqueue import WorkQueue

log = logging.getLogger(__name__)


class Note(NamedTuple):
    """An Event to be written. ``{name}`` and ``{error}`` in the message are filled in from what happened."""

    about: Object
    reason: str
    message: str
    type: str = "Normal"
    action: str = ""


class Reference(NamedTuple):
    """One certain object, wherever it is read."""

    resource: str
    namespace: str
    name: str
    uid: str


@dataclass(frozen=True)
class Action:
    """One write: create, update, patch or delete of `obj`. `done` is told after success, `failed` after a
    refusal.
    """

    verb: str
    resource: str
    obj: Object
    done: Note | None = None
    failed: Note | None = None
    patch: Object = field(default_factory=dict)
    subresource: str = ""
    propagation: str = ""
    otherwise: Callable[[StatusError], Action | None] | None = None
    """The write that tells of a refusal in an object's status."""
    grace: int | None = None
    unless: tuple[Reference, ...] = ()
    """Do nothing if the API still has one of these: local copies of two resources do not change together."""


@dataclass
class Plan:
    """What to do about one object, in this order, and when to look at it again at the latest (seconds)."""

    notes: list[Note] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    deeds: list[Callable[[], None]] = field(default_factory=list)
    """Things outside the API, done when every action has succeeded."""
    again: float | None = None

    def create(
        self,
        resource: str,
        obj: Object,
        done: Note | None = None,
        failed: Note | None = None,
        subresource: str = "",
        otherwise: Callable[[StatusError], Action | None] | None = None,
    ) -> None:
        self.actions.append(
            Action("create", resource, obj, done, failed, subresource=subresource, otherwise=otherwise)
        )

    def update(
        self,
        resource: str,
        obj: Object,
        subresource: str = "",
        done: Note | None = None,
        failed: Note | None = None,
    ) -> None:
        """Replace an object; refused if it changed since it was read."""
        self.actions.append(Action("update", resource, obj, done, failed, subresource=subresource))

    def status(self, resource: str, obj: Object, status: Object) -> None:
        """Set an object's status, if it is not that already."""
        if without_empty(obj.get("status", {})) != without_empty(status):
            self.update(resource, obj | {"status": status}, "status")

    def patch(
        self, resource: str, obj: Object, patch: Object, done: Note | None = None, subresource: str = ""
    ) -> None:
        """Merge `patch` into an object."""
        self.actions.append(Action("patch", resource, obj, done, patch=patch, subresource=subresource))

    def delete(
        self,
        resource: str,
        obj: Object,
        done: Note | None = None,
        *,
        propagation: str = "Background",
        grace: int | None = None,
        unless: tuple[Reference, ...] = (),
    ) -> None:
        """Delete an object; `grace` in seconds, where another one than its own."""
        self.actions.append(
            Action("delete", resource, obj, done, propagation=propagation, grace=grace, unless=unless)
        )

    def note(self, note: Note) -> None:
        self.notes.append(note)

    def look_again(self, seconds: float | None) -> None:
        """Look again in `seconds` unless something earlier is planned; None changes nothing."""
        if seconds is not None:
            self.again = seconds if self.again is None else min(self.again, seconds)


def without_empty(value: Any) -> Any:
    """`value` without its empty maps and lists, which the API does not keep everywhere."""
    if not isinstance(value, dict):
        return value
    parts = {key: without_empty(part) for key, part in value.items()}
    return {key: part for key, part in parts.items() if part not in ({}, [], None)}


Trigger = Callable[[View, Object], Iterable[Key]]
"""Which keys a change of an object concerns."""


@dataclass(frozen=True)
class Controller:
    """`plan` for one object by key, and which keys a change in each resource concerns."""

    component: str
    """The name in its Events."""
    plan: Callable[[View, Key, float], Plan]
    """Called with the local copies, a key and the time."""
    triggers: Mapping[str, Trigger]
    custom: Trigger | None = None
    """The trigger for every custom resource. Who has one also has a trigger for their definitions, which tells what
    to look at when a local copy of one has arrived.
    """


async def run(controller: Controller, client: Client, informers: Informers, clock: Clock) -> None:
    """Run one controller for ever."""
    queue = WorkQueue(clock)
    worker = Worker(client, informers, EventRecorder(client, controller.component, clock))
    for resource in controller.triggers:
        await informers[resource].synced.wait()
    for resource, trigger in controller.triggers.items():
        informers[resource].on_change(_enqueue(queue, trigger, informers))
    if controller.custom:
        informers.on_arrival(_arrived(controller, controller.custom, queue, informers))
    try:
        while True:
            await _next(controller, queue, worker, clock)
    finally:
        queue.close()


def _arrived(
    controller: Controller, trigger: Trigger, queue: WorkQueue, informers: Informers
) -> Callable[[Informer], None]:
    def arrived(informer: Informer) -> None:
        informer.on_change(_enqueue(queue, trigger, informers))
        if definition := informers[DEFINITIONS].get(informer.resource):
            _enqueue(queue, controller.triggers[DEFINITIONS], informers)(None, definition)

    return arrived


def _enqueue(
    queue: WorkQueue, trigger: Trigger, view: View
) -> Callable[[Object | None, Object | None], None]:
    def changed(before: Object | None, after: Object | None) -> None:
        for obj in (before, after):
            for key in trigger(view, obj) if obj is not None else ():
                queue.add(key)

    return changed


async def _next(controller: Controller, queue: WorkQueue, worker: Worker, clock: Clock) -> None:
    key = await queue.get()
    try:
        plan = controller.plan(worker.informers, key, clock.time())
        await worker.carry_out(plan)
    except StatusError as error:
        log.info("%s: %s/%s will be tried again: %s", controller.component, *key, error)
        queue.retry(key)
    except Exception:
        log.exception("%s: %s/%s will be tried again", controller.component, *key)
        queue.retry(key)
    else:
        queue.forget(key)
        if plan.again is not None:
            queue.add_after(key, plan.again)


@dataclass
class Worker:
    """Carries plans out: with `client`, on the local copies of `informers`, telling `recorder`."""

    client: Client
    informers: Informers
    recorder: EventRecorder

    async def carry_out(self, plan: Plan) -> None:
        """Do everything in `plan`, in order. Raises `StatusError` at the first write that is refused."""
        for note in plan.notes:
            await self._tell(note)
        written: dict[str, int] = {}
        for action in plan.actions:
            result = await self._do(action)
            if result is not None:
                written[action.resource] = max(written.get(action.resource, 0), version_of(result))
        for resource, version in written.items():
            if resource in self.informers and not await self.informers[resource].caught_up(version):
                log.warning("the watch of %s is behind", resource)
        for deed in plan.deeds:
            deed()

    async def _do(self, action: Action) -> Object | None:
        for reference in action.unless:
            if await self._exists(reference):
                return None
        try:
            result = await self._write(action)
        except StatusError as error:
            if action.verb == "delete" and error.code in (404, 409):
                return None  # gone already, or replaced by another of the same name
            await self._tell(action.failed, error=str(error))
            if action.otherwise and (told := action.otherwise(error)):
                await self._write(told)
            raise
        await self._tell(action.done, name=(result or action.obj)["metadata"].get("name", ""))
        return result

    async def _write(self, action: Action) -> Object | None:
        meta, client = action.obj["metadata"], self.client
        name, namespace = meta.get("name", ""), meta.get("namespace", "")
        match action.verb:
            case "create":
                return await client.create(action.resource, action.obj)
            case "update":
                return await client.update(action.resource, action.obj, subresource=action.subresource)
            case "patch":
                return await client.patch(
                    action.resource, name, namespace, action.patch, subresource=action.subresource
                )
            case _:
                await client.delete(
                    action.resource,
                    name,
                    namespace,
                    propagation=action.propagation,
                    grace=action.grace,
                    uid=meta.get("uid", ""),
                )
                await self._deleted(action)
                return None

    async def _exists(self, reference: Reference) -> bool:
        try:
            found = await self.client.get(reference.resource, reference.name, reference.namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return False
        return bool(found["metadata"]["uid"] == reference.uid)

    async def _deleted(self, action: Action) -> None:
        """Wait until the local copy knows of a deletion."""
        if action.resource not in self.informers:
            return
        informer, uid = self.informers[action.resource], action.obj["metadata"]["uid"]
        if not await informer.until(lambda: (obj := informer.by_uid(uid)) is None or is_deleting(obj)):
            log.warning("the watch of %s is behind", action.resource)

    async def _tell(self, note: Note | None, **facts: str) -> None:
        if note is not None:
            message = note.message.format(**facts) if facts else note.message
            await self.recorder.event(note.about, note.type, note.reason, message, action=note.action)
