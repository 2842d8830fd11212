"""The minikube target: any real cluster, reached through a kubeconfig the learner brings."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from raglab.targets.base import Report, Target, TargetError


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

    def up(self, report: Report) -> None:
        self._kubectl("get", "--raw", "/readyz")
        report(f"The cluster behind {self.kubeconfig()} answers")

    def down(self, report: Report) -> None:
        report("A real cluster is left as it is; stop it with its own tool, for example: minikube stop")

    def _kubectl(self, *arguments: str) -> str:
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig()), "--request-timeout=10s", *arguments]
        result = subprocess.run(command, capture_output=True, text=True, timeout=30)
        if result.returncode:
            raise TargetError(result.stderr.strip() or "kubectl failed", "Check: kubectl get nodes")
        return result.stdout
