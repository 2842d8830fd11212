"""What the API server asks of the node agent outside the Kubernetes API: logs, programs and ports of pods, pages.

On a real cluster this is the kubelet's HTTPS endpoint on port 10250. Here the API server holds a `NodeStreams`.
"""

from __future__ import annotations

from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, Self

Connection = tuple[StreamReader, StreamWriter]


class Refused(Exception):
    """A port of a pod that cannot be connected; the text is the container runtime's."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Query parameters of ``GET …/pods/NAME/log``."""

    container: str
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    since_seconds: int | None = None
    since_time: datetime | None = None
    limit_bytes: int | None = None

    def query(self) -> dict[str, str]:
        """The options as a kubelet is asked, without those that are not set."""
        flags = {name: getattr(self, name) for name in ("follow", "previous", "timestamps")}
        found = {name: "true" for name, value in flags.items() if value}
        numbers = {name: getattr(self, field) for name, field in _NUMBERS.items()}
        found |= {name: str(value) for name, value in numbers.items() if value is not None}
        return found | ({"sinceTime": self.since_time.isoformat()} if self.since_time else {})

    @classmethod
    def from_query(cls, container: str, query: Mapping[str, str]) -> Self:
        """What `query` gives; `ValueError` if it was something else."""
        flags = {name: query.get(name) == "true" for name in ("follow", "previous", "timestamps")}
        numbers = {field: int(query[name]) for name, field in _NUMBERS.items() if name in query}
        since = datetime.fromisoformat(query["sinceTime"]) if "sinceTime" in query else None
        return cls(container, **flags, **numbers, since_time=since)  # type: ignore[arg-type]


_NUMBERS = {"tailLines": "tail_lines", "sinceSeconds": "since_seconds", "limitBytes": "limit_bytes"}
"""Fields of `LogOptions` by their parameters."""


class Page(NamedTuple):
    """What a kubelet answers to a GET."""

    content_type: str
    text: str


class ExecSession(Protocol):
    """A program running in a container, as ``kubectl exec`` and ``kubectl attach`` see it."""

    async def write(self, data: bytes) -> None:
        """Bytes for its standard input."""
        ...

    async def close_stdin(self) -> None:
        """End of its standard input."""
        ...

    def resize(self, width: int, height: int) -> None:
        """New size of its terminal, in characters; ignored without one."""
        ...

    def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """Pieces of output as (1 for stdout or 2 for stderr, bytes), until the program has ended."""
        ...

    async def wait(self) -> int:
        """Exit code; 0 where it does not matter."""
        ...

    async def close(self) -> None:
        """The client has gone: end a program that was started for it."""
        ...


class NodeStreams(Protocol):
    """Implemented by the node agent. Logs and programs raise `StatusError` with the kubelet's own texts."""

    def logs(self, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Log text, ready to send; with `follow` it ends when the container does."""
        ...

    async def exec(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        """Start `command` beside the container's program, in the same view of files, names and environment."""
        ...

    async def attach(self, namespace: str, pod: str, container: str, *, stdin: bool) -> ExecSession:
        """Join the streams of the container's own program; it goes on when the session is closed."""
        ...

    async def page(self, node: str, path: str) -> Page | None:
        """What the kubelet of `node` shows at `path`, such as ``metrics/resource``; None where it has no page."""
        ...

    async def connect(self, uid: str, port: int) -> Connection:
        """A connection to a port of the pod with this uid. Raises `Refused`."""
        ...
