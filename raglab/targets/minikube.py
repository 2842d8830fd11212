"""The minikube target: any real cluster, reached through a kubeconfig the learner brings."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from raglab import paths
from raglab.targets.base import Report, Target, TargetError

COMMAND_LIMIT = 30  # seconds
NEXT = "kubectl get nodes   (or RAGLAB_TARGET=pocket for the cluster that needs nothing)"

UPSTREAM_CHARTS = {
    "CHARTS_NVIDIA": "https://helm.ngc.nvidia.com/nvidia",
    "CHARTS_PROMETHEUS": "https://prometheus-community.github.io/helm-charts",
    # Locust's former address, charts.deliveryhero.io, is no longer documented; this is the one its README gives.
    "CHARTS_LOCUST": "https://raw.githubusercontent.com/deliveryhero/helm-charts/refs/heads/master/",
    "CHARTS_METRICS": "https://kubernetes-sigs.github.io/metrics-server/",
}


class Minikube(Target):
    """A cluster that somebody else runs. The lab only reads its kubeconfig (``$KUBECONFIG`` or ``~/.kube/config``)."""

    name = "minikube"

    def kubeconfig(self) -> Path:
        return Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config").expanduser()

    def node_address(self) -> str:
        template = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}'
        return self._kubectl("get", "nodes", "-o", f"jsonpath={template}")

    def is_up(self) -> bool:
        try:
            self._kubectl("get", "--raw", "/readyz")
        except TargetError:
            return False
        return True

    def charts(self) -> dict[str, str]:
        return UPSTREAM_CHARTS

    def up(self, report: Report) -> None:
        self._kubectl("get", "--raw", "/readyz")
        report(f"The cluster behind {self.kubeconfig()} answers")

    def down(self, report: Report) -> None:
        report("A real cluster is left as it is; stop it with its own tool, for example: minikube stop")

    def _kubectl(self, *arguments: str) -> str:
        kubectl = shutil.which("kubectl", path=f"{paths.programs()}:{os.environ.get('PATH', '')}")
        if kubectl is None:
            raise TargetError("kubectl is not installed.", "make lab")
        command = [kubectl, "--kubeconfig", str(self.kubeconfig()), "--request-timeout=10s", *arguments]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_LIMIT)
        except subprocess.TimeoutExpired:
            raise TargetError("The cluster gives no answer.", NEXT) from None
        if result.returncode:
            message = result.stderr.strip().splitlines() or ["kubectl failed"]
            raise TargetError(f"{message[-1]} (kubeconfig: {self.kubeconfig()})", NEXT)
        return result.stdout
