"""Logs, programs and ports of the node's pods, with the kubelet's refusals."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

from raglab.pocket import dial
from raglab.pocket.clock import Clock
from raglab.pocket.errors import StatusError, bad_request, not_found
from raglab.pocket.node import logs
from raglab.pocket.node.box import StartFailed
from raglab.pocket.node.container import Container
from raglab.pocket.node.pod import Pod
from raglab.pocket.streams import Connection, ExecSession, LogOptions, Refused

WAITING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


class Streaming:
    """`find` gives the pod with a namespace and a name."""

    def __init__(self, find: Callable[[str, str], Pod | None], clock: Clock) -> None:
        self._find, self._clock = find, clock

    async def logs(self, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        """See `NodeStreams.logs`."""
        container = self._container(namespace, pod, options.container)
        path = _log_path(container, pod, options.previous)
        live = container.log if container.log is not None and container.log.path == path else None
        async for data in logs.read(path, options, self._clock.time(), live):
            yield data

    async def exec(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """See `NodeStreams.exec`."""
        found = self._container(namespace, pod, container)
        if "running" not in found.state or found.box is None:
            raise _not_running(found)
        try:
            return await found.box.open(command, stdin=stdin, tty=tty)
        except StartFailed as error:
            text = f"error executing command in container: OCI runtime exec failed: exec failed: {error}"
            # Said twice, as a kubelet says it and the API server says it again.
            said = f"Internal error occurred: Internal error occurred: {text}"
            raise StatusError(500, "InternalError", said) from error

    def attach(self, namespace: str, pod: str, container: str, *, stdin: bool) -> ExecSession:
        """See `NodeStreams.attach`."""
        found = self._container(namespace, pod, container)
        if found.console is None or "waiting" in found.state:
            raise _not_running(found)
        return found.console.attach(stdin=stdin)

    def _container(self, namespace: str, pod: str, name: str) -> Container:
        found = self._find(namespace, pod)
        if found is None:
            raise not_found("pods", "", pod)
        container = found.container(name or found.obj["spec"]["containers"][0]["name"])
        if container is None:
            raise bad_request(f"container {name} is not valid for pod {pod}")
        return container


def _not_running(container: Container) -> StatusError:
    text = f'unable to upgrade connection: container not found ("{container.name}")'
    return StatusError(500, "InternalError", f"Internal error occurred: {text}")


def _log_path(container: Container, pod: str, previous: bool) -> Path:
    """The log file of the present or the previous run; a container that waits shows its last one."""
    waiting = container.state.get("waiting")
    runs = container.restarts
    if previous:
        path = container.log_path(runs - 1 if not waiting else runs)
        if runs == 0 or not path.exists():
            raise bad_request(f'previous terminated container "{container.name}" in pod "{pod}" not found')
        return path
    path = container.log_path(runs)
    if path.exists():
        return path
    if runs and container.log_path(runs - 1).exists():
        return container.log_path(runs - 1)
    reason = (waiting or {}).get("reason", "ContainerCreating")
    why = WAITING.get(reason, reason)
    raise bad_request(f'container "{container.name}" in pod "{pod}" is waiting to start: {why}')


async def connect(pod: Pod | None, port: int) -> Connection:
    """See `NodeStreams.connect`; `pod` is None once it has gone from this node."""
    if pod is None or pod.context is None or not pod.reachable:
        raise Refused("failed to find the sandbox of this pod: not found")
    return await dial.connect(pod.context.facts.ip, port)
