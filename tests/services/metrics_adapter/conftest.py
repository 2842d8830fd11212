"""The adapter's API in this process, between a Prometheus and a cluster that the test controls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from raglab.services.addons.metrics_adapter.api import Api
from raglab.services.addons.metrics_adapter.prometheus import Prometheus
from raglab.services.addons.metrics_adapter.provider import Provider
from raglab.services.addons.metrics_adapter.rules import Rule

from .world import CATALOGUE, FakeCluster, FakePrometheus, config

Start = Callable[..., Awaitable[TestClient]]


@pytest.fixture
def prometheus() -> FakePrometheus:
    return FakePrometheus()


@pytest.fixture
def cluster() -> FakeCluster:
    return FakeCluster({})


@pytest.fixture
async def adapter(prometheus: FakePrometheus, cluster: FakeCluster) -> AsyncIterator[Start]:
    """``await adapter(rule file)`` gives a client of a running API that has listed the series once."""
    servers: list[TestServer | TestClient] = []
    session = aiohttp.ClientSession()

    async def start(text: str) -> TestClient:
        server = TestServer(prometheus.app())
        await server.start_server()
        read = config(text)
        provider = Provider(
            Prometheus(session, str(server.make_url("/prom/"))),
            cluster,
            CATALOGUE,
            [Rule.from_config(rule, CATALOGUE) for rule in read.rules],
            [Rule.from_config(rule, CATALOGUE) for rule in read.external_rules],
            60.0,
        )
        await provider.relist()
        client = TestClient(TestServer(Api(provider).app))
        await client.start_server()
        client.provider = provider
        servers.extend([client, server])
        return client

    yield start
    for server in servers:
        await server.close()
    await session.close()
