"""The pocket target: the small cluster that runs on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from raglab import paths
from raglab.charts import repository
from raglab.gpus import inventory, usage
from raglab.gpus.smi import __main__ as smi
from raglab.pocket import restoring
from raglab.pocket.config import Settings
from raglab.pocket.files import write_private
from raglab.pocket.node.images import Images, UnknownImage
from raglab.pocket.store import Damaged, UnknownFormat
from raglab.services.prometheus import install
from raglab.targets import room
from raglab.targets.base import Report, Target
from raglab.targets.daemon import STOP_LIMIT, Daemon
from raglab.targets.network import Network
from raglab.targets.snapshots import Snapshots
from raglab.targets.turns import my_turn

NODE_LABELS = {
    "minikube.k8s.io/name": "minikube",
    "minikube.k8s.io/primary": "true",
    "node-role.kubernetes.io/control-plane": "",
}


class Pocket(Target):
    """A cluster of local processes whose files all lie in ``RAGLAB_HOME/pocket``."""

    name = "pocket"
    simulated = (
        "the Kubernetes control plane and node (raglab.pocket; pods are local processes)",
        "the four GPUs (no hardware behind nvidia.com/gpu)",
        "the two NIMs (small CPU models answer in NVIDIA's API)",
    )

    @property
    def state(self) -> Path:
        """Folder of everything the cluster writes."""
        return paths.home() / "pocket"

    @property
    def daemon(self) -> Daemon:
        """The cluster's process."""
        return Daemon(self.state)

    @staticmethod
    def schema_cache() -> Path:
        """Folder of the compiled schemas; they outlive the cluster."""
        return paths.home() / "cache" / "schemas"

    def kept_network(self) -> Network | None:
        """The addresses this cluster was made with; None when there is no cluster yet."""
        if not (self.state / "store.sqlite").exists():
            return None
        try:
            return Network(int((self.state / "network").read_text()))
        except (OSError, ValueError):
            return None

    def network(self) -> Network:
        """The cluster's addresses: those it was made with, else those that ``$RAGLAB_NETWORK`` asks for."""
        return self.kept_network() or room.wanted() or Network()

    def settings(self) -> Settings:
        """What this lab's cluster is told: its images, devices, labels and addresses."""
        gpus, network = inventory.load(), self.network()
        folders = {"services": paths.SERVICES, "models": paths.models(), "home": paths.home()}
        place = install.place(paths.home())
        folders["prometheus"] = install.programs(place) or place
        return Settings(
            state=self.state,
            schema_cache=self.schema_cache(),
            node_ip=network.node_ip,
            pod_cidr=network.pod_cidr,
            service_cidr=network.service_cidr,
            node_ports_named=room.NODE_PORTS,
            image_catalogues=(paths.SERVICES / "images.yaml",),
            node_labels=NODE_LABELS | gpus.node_labels(),
            devices=gpus.resources(),
            variables={name: str(folder) for name, folder in folders.items()},
            audit_megabytes=int(os.environ.get("RAGLAB_AUDIT", "10")),
            backoff_base=float(os.environ.get("RAGLAB_BACKOFF", "10")),
        )

    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    def audit_log(self) -> Path | None:
        settings = self.settings()
        return settings.audit_log if settings.audit_megabytes else None

    def node_address(self) -> str:
        return self.network().node_ip

    def snapshots(self) -> Snapshots | None:
        """None without /proc: then not all processes of a pod can be found, and the cluster cannot stand still."""
        return (
            Snapshots(self.daemon, self.settings().node_name) if Path("/proc/self/environ").exists() else None
        )

    def awaited(self) -> restoring.Lives:
        if self.is_up() or not (self.state / "store.sqlite").exists():
            return {}
        try:
            return restoring.ready_pods(self.state)
        except (Damaged, UnknownFormat):
            return {}  # starting the cluster tells

    def stands_in(self, image: str) -> str:
        try:
            return Images(self.settings().image_catalogues, {}).find(image).raw.get("simulates") or ""
        except UnknownImage:
            return ""

    def charts(self) -> dict[str, str]:
        return {
            "CHARTS_NVIDIA": f"{repository.SCHEME}://nvidia",
            "CHARTS_PROMETHEUS": f"{repository.SCHEME}://prometheus-community",
            "CHARTS_LOCUST": f"{repository.SCHEME}://deliveryhero",
            "CHARTS_METRICS": f"{repository.SCHEME}://metrics-server",
            "HELM_PLUGINS": str(repository.PLUGINS),
        }

    def nvidia_smi(self, arguments: Sequence[str]) -> int:
        """As the node itself sees its simulated GPUs: all of them, with the processes of all pods."""
        return smi.main(arguments, {usage.FOLDER: str(self.state / "node" / usage.DRIVER[1:])})

    def is_up(self) -> bool:
        return self.daemon.is_ready()

    def up(self, report: Report) -> None:
        with my_turn(self.state):
            self.daemon.settle()
            if self.is_up():
                self.daemon.check_answer()
                report("The pocket cluster is running already")
                return
            room.prepare(self.state, self.kept_network(), self.daemon.crashed(), report)
            restoring.put_back(self.state)  # if that was interrupted
            settings = self.settings()
            write_private(self.state / "network", str(self.network().number).encode())
            self.daemon.start(
                settings, lambda seconds: report(f"The pocket cluster is ready after {seconds:.1f} s")
            )

    def down(self, report: Report) -> None:
        with my_turn(self.state, patience=STOP_LIMIT):
            stopped = self.daemon.stop()
        if stopped:
            report("The pocket cluster and all its pods have ended; what you deployed is kept")
        else:
            report("The pocket cluster is not running")

    def reset(self) -> None:
        """Throw the cluster away with everything deployed on it."""
        self.down(lambda line: None)
        for folder in (self.state, paths.home() / "cache" / "kube"):
            if folder.exists():
                shutil.rmtree(folder)
