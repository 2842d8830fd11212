"""What request handlers are given: the parts of the server, and the request once it has been understood."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web

from raglab.pocket.api.aggregation import Aggregator
from raglab.pocket.api.auth import Credentials, User
from raglab.pocket.api.registry import Registry
from raglab.pocket.api.rendering import Encoder
from raglab.pocket.api.roles import Roles
from raglab.pocket.api.routing import Target
from raglab.pocket.clock import Clock
from raglab.pocket.config import Settings
from raglab.pocket.kinds.catalogue import Catalogue
from raglab.pocket.kinds.schema import Schemas
from raglab.pocket.streams import NodeStreams


@dataclass(frozen=True)
class Server:
    """The parts that answer requests."""

    registry: Registry
    kinds: Catalogue
    schemas: Schemas
    credentials: Credentials
    streams: NodeStreams | None
    settings: Settings
    clock: Clock
    encoder: Encoder
    aggregator: Aggregator


@dataclass(frozen=True)
class Call:
    """One request for a resource, past authentication and authorization."""

    server: Server
    request: web.Request
    user: User
    target: Target
    roles: Roles
