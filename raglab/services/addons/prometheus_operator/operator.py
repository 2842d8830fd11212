"""The loop: whenever something changes, bring every Prometheus in line with the objects that describe it."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Mapping
from typing import Any

import aiohttp

from raglab.services.addons.prometheus_operator import config, events, names, objects, selection, status
from raglab.services.addons.prometheus_operator.cluster import MERGE, Cluster, Refused
from raglab.services.addons.prometheus_operator.rules import Checker, content, file_name

Object = dict[str, Any]
GROUP = "/apis/monitoring.coreos.com/v1"
WATCHED = (
    f"{GROUP}/prometheuses",
    f"{GROUP}/servicemonitors",
    f"{GROUP}/podmonitors",
    f"{GROUP}/prometheusrules",
    "/api/v1/namespaces",
    "/api/v1/secrets",
    "/apis/apps/v1/statefulsets",
)
SETTLE = 0.2
"""Seconds to gather changes that come together, as an installation's do."""
RESYNC = 300.0
"""Seconds after which everything is looked at again although nothing changed."""
FINISHED = (Refused, aiohttp.ClientError, TimeoutError)

log = logging.getLogger("prometheus-operator")


class Operator:
    """Keeps all Prometheus objects of a cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._checker = cluster, Checker()
        self._changed = asyncio.Event()
        self._rejected: set[tuple[str, str]] = set()
        self.reconciliations, self.failures = 0, 0

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for path in WATCHED:
                group.create_task(self._cluster.follow(path, self._changed.set))
            group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._changed.wait(), RESYNC)
            except TimeoutError:
                log.debug("resync")
            await asyncio.sleep(SETTLE)
            self._changed.clear()
            try:
                await self.reconcile()
            except FINISHED as error:
                self.failures += 1
                log.error("reconciling: %s", error)
                await asyncio.sleep(1.0)
                self._changed.set()

    async def reconcile(self) -> None:
        """Look at everything once."""
        found = await asyncio.gather(*(self._cluster.list(path) for path in WATCHED[:5]))
        prometheuses, services, pods, rules, spaces = found
        labels = {space["metadata"]["name"]: space["metadata"].get("labels") or {} for space in spaces}
        for prometheus in prometheuses:
            prometheus.update(apiVersion="monitoring.coreos.com/v1", kind="Prometheus")
            if "deletionTimestamp" not in prometheus["metadata"]:
                chosen = [
                    selection.chosen(prometheus, *pair, labels)
                    for pair in (("serviceMonitor", services), ("podMonitor", pods), ("rule", rules))
                ]
                await self._reconcile(prometheus, *chosen)
                self.reconciliations += 1

    async def _reconcile(
        self, prometheus: Object, services: list[Object], pods: list[Object], rules: list[Object]
    ) -> None:
        space, name = prometheus["metadata"]["namespace"], prometheus["metadata"]["name"]
        core, cluster = f"/api/v1/namespaces/{space}", self._cluster
        services, pods = await self._usable(services, prometheus), await self._usable(pods, prometheus)
        try:
            additional = await self._additional(prometheus)
            settings = config.render(prometheus, services, pods, additional)
        except ValueError as error:
            await self._report(prometheus, str(error))
            return
        files = {file_name(rule): content(rule) for rule in await self._right(rules)}
        await cluster.make(f"{core}/secrets", objects.config_secret(prometheus, config.packed(settings)))
        await cluster.make(f"{core}/configmaps", objects.rules_map(prometheus, files))
        await cluster.make(f"{core}/services", objects.governing_service(prometheus))
        path = f"/apis/apps/v1/namespaces/{space}/statefulsets"
        await cluster.make(path, objects.stateful_set(prometheus))
        await self._report(prometheus, "", await cluster.request("GET", f"{path}/{names.prefixed(name)}"))

    async def _usable(self, monitors: list[Object], prometheus: Object) -> list[Object]:
        """Monitors without a mistake; the others are told so by an Event."""
        kept = []
        for monitor in monitors:
            problem = config.objection(monitor, prometheus)
            if problem:
                await self._reject(monitor, problem)
            else:
                kept.append(monitor)
        return kept

    async def _right(self, rules: list[Object]) -> list[Object]:
        kept = []
        for rule in rules:
            problem = await self._checker.objection(rule)
            if problem:
                await self._reject(rule, problem)
            else:
                kept.append(rule)
        return kept

    async def _additional(self, prometheus: Object) -> str:
        """Text of the additional scrape jobs. Raises `ValueError` if its Secret or key is missing."""
        reference = prometheus["spec"].get("additionalScrapeConfigs")
        if not reference:
            return ""
        space = prometheus["metadata"]["namespace"]
        try:
            path = f"/api/v1/namespaces/{space}/secrets/{reference['name']}"
            data: Mapping[str, str] = (await self._cluster.request("GET", path)).get("data") or {}
        except Refused as error:
            raise ValueError(f"loading additional scrape configs from Secret failed: {error}") from error
        if reference["key"] not in data:
            raise ValueError(f"key {reference['key']!r} not found in Secret {space}/{reference['name']}")
        return base64.b64decode(data[reference["key"]]).decode()

    async def _reject(self, obj: Object, problem: str) -> None:
        """An Event on something that is left out, once for each of its versions."""
        meta = obj["metadata"]
        version = (meta["uid"], meta["resourceVersion"])
        if version in self._rejected:
            return
        self._rejected.add(version)
        kind = "PrometheusRule" if "groups" in obj["spec"] else (
            "PodMonitor" if "podMetricsEndpoints" in obj["spec"] else "ServiceMonitor")  # fmt: skip
        message = f'{kind} "{meta["name"]}" was rejected due to invalid configuration: {problem}'
        log.warning("%s/%s: %s", meta["namespace"], meta["name"], message)
        path = f"/api/v1/namespaces/{meta['namespace']}/events"
        await self._cluster.request("POST", path, events.rejection(obj, kind, message))

    async def _report(self, prometheus: Object, problem: str, workload: Object | None = None) -> None:
        """Write the status if it says something new."""
        new = status.of(prometheus, workload, problem)
        if new == prometheus.get("status"):
            return
        meta = prometheus["metadata"]
        path = f"{GROUP}/namespaces/{meta['namespace']}/prometheuses/{meta['name']}/status"
        await self._cluster.request("PATCH", path, {"status": new}, MERGE)
