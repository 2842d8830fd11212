"""What a pocket cluster is told from outside: where it lives, what its node looks like, which images it knows."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True, slots=True)
class Settings:
    """One cluster. Paths are absolute; addresses must lie in 127.0.0.0/8, for nothing listens beyond this machine."""

    state: Path
    """Folder of everything the cluster writes (created with mode 0700)."""
    schema_cache: Path | None = None
    """Folder of the compiled schemas, which clusters may share; by default inside `state`."""
    api_host: str = "127.0.0.1"
    api_port: int = 0
    """0 lets the system choose on first start; the choice is kept in the state folder, as kubeconfigs name it."""
    context: str = "minikube"
    node_name: str = "minikube"
    node_ip: str = "127.0.0.1"
    """Where NodePorts listen; what ``minikube ip`` prints."""
    node_labels: dict[str, str] = field(default_factory=dict)
    node_taints: tuple[dict[str, str], ...] = ()
    """Taints with which the node registers itself for the first time."""
    node_lease_seconds: int = 40
    """How long a sign of life holds, of which the node gives four in that time (the kubelet's default)."""
    node_grace_seconds: float = 50.0
    """How long a node may be silent before it counts as lost (kube-controller-manager's default)."""
    guest: bool = False
    """Whether another process runs the cluster: then that one has the addresses of Services and the ranges of nodes."""
    pod_cidr: str = "127.10.0.0/16"
    service_cidr: str = "127.96.0.0/16"
    node_port_range: tuple[int, int] = (30000, 32767)
    provisioner: bool = True
    """Whether claims of the default class get volumes, folders of the node: minikube's addon storage-provisioner."""
    namespace_grace_seconds: float = 0.0
    """How long a deleted namespace stays before it is emptied. A real controller waits 5 s, for other API servers to
    have heard of the deletion; here is only one."""
    node_ports_named: tuple[int, ...] = ()
    """Ports of that range that some Service will ask for by number: others are not given them by chance."""
    image_catalogues: tuple[Path, ...] = ()
    """YAML files that map image references to programs (see ``node/images.py``)."""
    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Extended resources of the node by name: ``{"example.com/gpu": {"ids": ["0", "1"], "env": "VISIBLE"}}``.
    A container that is given some finds their ids, comma separated, in the variable named by ``env``, and what their
    driver brings along: ``variables``, ``path`` (folders that come first on its search path), ``mounts`` (read-only,
    machine path to container path) and ``shared`` (writable, path on the node to container path). ``groups`` of ids
    belong together: a container that asks for as many as one of them has free gets these."""
    variables: dict[str, str] = field(default_factory=dict)
    """Values for ``{name}`` in the image catalogues, beside those the node agent knows itself."""
    audit_megabytes: int = 10
    """Size at which the audit log starts anew; one older file is kept. 0 is no log."""
    backoff_base: float = 10.0
    """Seconds before a crashed container starts again; doubles with each crash up to 300 s, as on a kubelet."""
    eager_probes: bool = True
    """Probe twice a second until the first success instead of once per period: same outcome, shorter lessons."""

    @property
    def audit_log(self) -> Path:
        """Where it says who asked for what; there is no such file if `audit_megabytes` is 0."""
        return self.state / "log" / "audit.log"

    def __post_init__(self) -> None:
        loopback = ipaddress.IPv4Network("127.0.0.0/8")
        for name in ("api_host", "node_ip", "pod_cidr", "service_cidr"):
            if not ipaddress.IPv4Network(getattr(self, name)).subnet_of(loopback):
                raise ValueError(
                    f"{name} is {getattr(self, name)}: the pocket cluster listens on loopback only"
                )

    @classmethod
    def load(cls, path: Path) -> Settings:
        """Read settings from a YAML file with these field names."""
        raw: dict[str, Any] = yaml.safe_load(path.read_text())
        unknown = raw.keys() - {item.name for item in fields(cls)}
        if unknown:
            raise ValueError(f"{path}: unknown settings {sorted(unknown)}")
        raw["state"] = Path(raw["state"])
        raw["schema_cache"] = Path(raw["schema_cache"]) if raw.get("schema_cache") else None
        raw["image_catalogues"] = tuple(Path(item) for item in raw.get("image_catalogues", ()))
        for name in ("node_port_range", "node_ports_named", "node_taints"):
            if name in raw:
                raw[name] = tuple(raw[name])
        return cls(**raw)

    def dump(self, path: Path) -> None:
        """Write what `load` reads."""
        raw = asdict(self)
        raw["state"] = str(self.state)
        raw["schema_cache"] = str(self.schema_cache) if self.schema_cache else None
        raw["image_catalogues"] = [str(item) for item in self.image_catalogues]
        raw["node_port_range"] = list(self.node_port_range)
        raw["node_ports_named"] = list(self.node_ports_named)
        raw["node_taints"] = list(self.node_taints)
        path.write_text(yaml.safe_dump(raw, sort_keys=False))
