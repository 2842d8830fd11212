"""Makes a configuration of Prometheus fit a pod without a sandbox, whose files lie elsewhere.

The node then rewrites mount paths in a container's arguments and environment, but not in files. So the folder of the
rules is taken from the reloader's arguments, and where the service account lies from ``$SERVICE_ACCOUNT``: Prometheus
itself looks for it at the usual place only, unless each discovery is told. With a sandbox nothing is changed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

USUAL = "/var/run/secrets/kubernetes.io/serviceaccount"


def relocate(text: str, rule_folders: Sequence[str]) -> str:
    """The configuration with this pod's own paths."""
    account = os.environ.get("SERVICE_ACCOUNT", USUAL)
    if account == USUAL:
        return text
    config: dict[str, Any] = yaml.safe_load(text)
    config["rule_files"] = [f"{folder}/*.yaml" for folder in rule_folders]
    for job in config.get("scrape_configs") or ():
        for discovery in job.get("kubernetes_sd_configs") or ():
            if "api_server" not in discovery:
                discovery.update(_access(Path(account)))
    return yaml.safe_dump(config, sort_keys=False)


def _access(account: Path) -> dict[str, Any]:
    """What the usual place would have told: the API's address, the pod's token and the API's certificate."""
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    return {
        "api_server": f"https://{host}:{port}",
        "authorization": {"credentials_file": f"{account}/token"},
        "tls_config": {"ca_file": f"{account}/ca.crt"},
    }
