"""Tables: the rows ``kubectl get`` prints are made by the server, as recorded from a real one."""

from __future__ import annotations

from typing import Any

from raglab.pocket.kinds import columns_cluster as cluster
from raglab.pocket.kinds import columns_network as network
from raglab.pocket.kinds import columns_pods as pods
from raglab.pocket.kinds import columns_storage as storage
from raglab.pocket.kinds import columns_workloads as workloads
from raglab.pocket.kinds.catalogue import Kind, Object
from raglab.pocket.kinds.cells import AGE, CREATED, NAME, Column, count, field, or_terminating

_RBAC = "rbac.authorization.k8s.io"
COLUMNS: dict[tuple[str, str], list[Column]] = {
    ("", "ConfigMap"): [NAME, Column("Data", count("data", "binaryData")), AGE],
    ("", "Endpoints"): network.ENDPOINTS,
    ("", "Event"): cluster.EVENT,
    ("", "LimitRange"): [NAME, CREATED],
    ("", "Namespace"): [NAME, Column("Status", or_terminating("status.phase")), AGE],
    ("", "Node"): cluster.NODE,
    ("", "PersistentVolume"): storage.VOLUME,
    ("", "PersistentVolumeClaim"): storage.CLAIM,
    ("", "Pod"): pods.POD,
    ("", "ReplicationController"): workloads.REPLICATION_CONTROLLER,
    ("", "ResourceQuota"): cluster.QUOTA,
    ("", "Secret"): [NAME, Column("Type", field("type")), Column("Data", count("data")), AGE],
    ("", "Service"): network.SERVICE,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): [NAME, CREATED],
    ("apiregistration.k8s.io", "APIService"): cluster.API_SERVICE,
    ("apps", "ControllerRevision"): workloads.CONTROLLER_REVISION,
    ("apps", "DaemonSet"): workloads.DAEMON_SET,
    ("apps", "Deployment"): workloads.DEPLOYMENT,
    ("apps", "ReplicaSet"): workloads.REPLICA_SET,
    ("apps", "StatefulSet"): workloads.STATEFUL_SET,
    ("autoscaling", "HorizontalPodAutoscaler"): workloads.AUTOSCALER,
    ("batch", "CronJob"): workloads.CRON_JOB,
    ("batch", "Job"): workloads.JOB,
    ("coordination.k8s.io", "Lease"): [NAME, Column("Holder", field("spec.holderIdentity")), AGE],
    ("discovery.k8s.io", "EndpointSlice"): network.ENDPOINT_SLICE,
    ("networking.k8s.io", "Ingress"): network.INGRESS,
    ("networking.k8s.io", "IngressClass"): network.INGRESS_CLASS,
    ("networking.k8s.io", "NetworkPolicy"): network.NETWORK_POLICY,
    ("policy", "PodDisruptionBudget"): workloads.PDB,
    (_RBAC, "ClusterRole"): [NAME, CREATED],
    (_RBAC, "ClusterRoleBinding"): cluster.ROLE_BINDING,
    (_RBAC, "Role"): [NAME, CREATED],
    (_RBAC, "RoleBinding"): cluster.ROLE_BINDING,
    ("scheduling.k8s.io", "PriorityClass"): cluster.PRIORITY_CLASS,
    ("storage.k8s.io", "StorageClass"): storage.STORAGE_CLASS,
}
"""Columns by group and kind; any other kind shows name and age."""


def table(kind: Kind, objects: list[Object], now: float) -> tuple[list[Object], list[list[Any]]]:
    """Column definitions, and one list of cells per object; `now` is what ages count from."""
    if kind.custom:
        return _filled(list(kind.custom.columns), objects, now)
    if kind.group == "events.k8s.io":
        return _filled(cluster.EVENT, [cluster.core_event(obj) for obj in objects], now)
    if (kind.group, kind.version) == ("autoscaling", "v1"):
        return _filled(workloads.AUTOSCALER_V1, objects, now)
    return _filled(COLUMNS.get((kind.group, kind.kind), [NAME, AGE]), objects, now)


def _filled(columns: list[Column], objects: list[Object], now: float) -> tuple[list[Object], list[list[Any]]]:
    cells = [[column.cell(obj, now) for column in columns] for obj in objects]
    return [column.definition() for column in columns], cells
