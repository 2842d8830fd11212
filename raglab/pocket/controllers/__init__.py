"""The controllers: each makes one kind of object come true, and none knows of another.

`run` starts them all on shared local copies. To add one, write its module and name it here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from raglab.pocket.client import Client
from raglab.pocket.clock import Clock
from raglab.pocket.control import reconcile
from raglab.pocket.controllers import (
    claimprotection,
    claims,
    cronjobs,
    daemonsets,
    definitions,
    deployments,
    disruption,
    endpoints,
    endpointslices,
    eventexpiry,
    garbage,
    hpa,
    jobs,
    namespaces,
    nodes,
    persistentvolumes,
    podgc,
    provisioner,
    quotas,
    replicasets,
    rootcertificates,
    serviceaccounts,
    statefulsets,
    taints,
    volumeprotection,
)
from raglab.pocket.errors import qualified
from raglab.pocket.kinds import catalogue

STANDING = (
    deployments,
    replicasets,
    statefulsets,
    daemonsets,
    jobs,
    cronjobs,
    endpoints,
    endpointslices,
    claims,
    persistentvolumes,
    claimprotection,
    volumeprotection,
    serviceaccounts,
    eventexpiry,
    definitions,
    disruption,
)
"""Controllers that need to be told nothing."""


def every(
    root_certificate: str, erase: Callable[[str], None] | None, node_grace: float, namespace_grace: float
) -> list[reconcile.Controller]:
    """All controllers. See `run` for the arguments."""
    kinds = [kind for kind in catalogue.load().kinds if {"list", "watch", "delete"} <= set(kind.verbs)]
    contents: dict[str, str] = {}
    for kind in kinds:
        if kind.namespaced:
            contents.setdefault(kind.plural, kind.group)
    countable = {
        qualified(kind.plural, kind.group): kind.plural
        for kind in kinds
        if kind.namespaced and kind.plural != "events"
    }
    owning = {
        (kind.api_version, kind.kind): (kind.plural, kind.namespaced)
        for kind in kinds
        if kind.plural != "events"
    }
    configured = [
        rootcertificates.controller(root_certificate),
        namespaces.controller(contents, namespace_grace),
        garbage.controller(owning),
        quotas.controller(countable),
        taints.controller(),
        nodes.controller(node_grace),
        podgc.controller(),
    ]
    if erase is not None:
        configured.append(provisioner.controller(erase))
    return [module.CONTROLLER for module in STANDING] + configured


async def run(
    client: Client,
    clock: Clock,
    *,
    root_certificate: str,
    erase: Callable[[str], None] | None,
    node_grace: float = 50.0,
    namespace_grace: float = 0.0,
) -> None:
    """Run all controllers until cancelled.

    `root_certificate` is the API's certificate authority as PEM, published in every namespace; `erase`
    removes a folder of the node's file system when a provisioned volume is deleted, and without it nobody provisions
    any; `node_grace` is how many seconds a node may be silent, `namespace_grace` how many a deleted namespace is left.
    """
    async with asyncio.TaskGroup() as tasks:
        informers = reconcile.Informers(client, clock, tasks)
        for controller in every(root_certificate, erase, node_grace, namespace_grace):
            work = reconcile.run(controller, client, informers, clock)
            tasks.create_task(work, name=controller.component)
        tasks.create_task(hpa.run(client, informers, clock), name=hpa.NAME)
