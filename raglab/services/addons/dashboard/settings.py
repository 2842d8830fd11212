"""Settings of the dashboard service, from environment variables; those that Grafana has too carry Grafana's names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from raglab.incluster import SERVICE_ACCOUNT, mounted
from raglab.services.addons.dashboard.timerange import RangeError, seconds


class SettingsError(ValueError):
    """A variable holds a value that cannot work; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What one service is told. Folders that do not exist count as empty."""

    host: str = "127.0.0.1"
    port: int = 3000
    prometheus_url: str = ""
    """Used when no datasource is provisioned."""
    interval: float = 15.0
    """Seconds between two scrapes, Grafana's ``timeInterval``; a provisioned datasource may say otherwise."""
    dashboards: Path = Path("/var/lib/grafana/dashboards")
    provisioning: Path = Path("/etc/grafana/provisioning")
    """Its folder ``datasources`` says where Prometheus is."""
    user: str = "admin"
    password: str = field(default="", repr=False)
    anonymous: bool = False
    """Whether looking needs no login. Without a password there is no login at all."""
    in_cluster: bool = False
    """Whether this is a pod that may look for ConfigMaps."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        """Raises SettingsError."""
        return cls(
            host=env.get("HOST") or env.get("POD_IP") or cls.host,
            port=_port(env.get("GF_SERVER_HTTP_PORT") or str(cls.port)),
            prometheus_url=env.get("PROMETHEUS_URL", ""),
            interval=_interval(env.get("SCRAPE_INTERVAL") or "15s"),
            dashboards=_folder(env, "DASHBOARDS", cls.dashboards),
            provisioning=_folder(env, "GF_PATHS_PROVISIONING", cls.provisioning),
            user=env.get("GF_SECURITY_ADMIN_USER") or cls.user,
            password=env.get("GF_SECURITY_ADMIN_PASSWORD", ""),
            anonymous=env.get("GF_AUTH_ANONYMOUS_ENABLED", "").lower() == "true",
            in_cluster="KUBERNETES_SERVICE_HOST" in env and mounted(f"{SERVICE_ACCOUNT}/token", env).exists(),
        )


def _folder(env: Mapping[str, str], name: str, default: Path) -> Path:
    """What a variable names, else the usual mount of the pod."""
    return Path(env[name]) if env.get(name) else mounted(str(default), env)


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise SettingsError(f"GF_SERVER_HTTP_PORT is {text!r}: a port number is needed")
    return int(text)


def _interval(text: str) -> float:
    try:
        return seconds(text)
    except RangeError as error:
        raise SettingsError(f"SCRAPE_INTERVAL: {error}") from error
