"""The reloader: unpacks the configuration, fills in the pod's name, and has Prometheus load it."""

from __future__ import annotations

import gzip
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import yaml

from raglab.services.addons import config_reloader
from raglab.services.addons.relocation import relocate


class Server(HTTPServer):
    """Counts reloads; refuses them while `broken`."""

    reloads, broken = 0, False


class Page(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.reloads += not self.server.broken
        self.send_response(500 if self.server.broken else 200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server():
    made = Server(("127.0.0.1", 0), Page)
    Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


@pytest.fixture
def reloader(server: Server, tmp_path: Path, monkeypatch) -> config_reloader.Reloader:
    monkeypatch.setenv("POD_NAME", "prometheus-x-0")
    monkeypatch.setenv("POD_IP", "127.0.0.1")
    (tmp_path / "rules").mkdir()
    write(tmp_path, "replica: $(POD_NAME)\nprice: ${1}\n")
    return config_reloader.Reloader(
        config_reloader.options(
            [
                f"--config-file={tmp_path}/in.gz",
                f"--config-envsubst-file={tmp_path}/out.yaml",
                f"--watched-dir={tmp_path}/rules",
                f"--reload-url=http://localhost:{server.server_port}/-/reload",
            ]
        )
    )


def write(folder: Path, text: str) -> None:
    (folder / "in.gz").write_bytes(gzip.compress(text.encode()))


def test_names_are_filled_in_and_nothing_else(reloader, tmp_path):
    reloader.write()
    assert (tmp_path / "out.yaml").read_text() == "replica: prometheus-x-0\nprice: ${1}\n"


def test_it_reloads_once_per_change(reloader, server, tmp_path):
    reloader.look()
    reloader.look()
    assert server.reloads == 1
    write(tmp_path, "new: 1\n")
    reloader.look()
    assert server.reloads == 2 and (tmp_path / "out.yaml").read_text() == "new: 1\n"
    (tmp_path / "rules" / "a.yaml").write_text("groups: []\n")
    reloader.look()
    (tmp_path / "rules" / "a.yaml").unlink()
    reloader.look()
    assert server.reloads == 4


def test_what_prometheus_refuses_is_tried_again(reloader, server):
    server.broken = True
    reloader.look()
    assert reloader.counts == {"last": 0, "total": 1, "failed": 1}
    server.broken = False
    reloader.look()
    assert server.reloads == 1 and reloader.counts["last"] == 1


def test_an_unset_name_is_an_error(reloader, tmp_path):
    write(tmp_path, "x: $(NOBODY_SET_THIS)\n")
    with pytest.raises(SystemExit, match="unset environment variable"):
        reloader.write()


def test_without_a_sandbox_paths_are_those_of_the_machine(monkeypatch):
    text = yaml.safe_dump(
        {
            "rule_files": ["/etc/prometheus/rules/r/*.yaml"],
            "scrape_configs": [
                {"job_name": "a", "kubernetes_sd_configs": [{"role": "pod"}]},
                {"job_name": "b"},
            ],
        }
    )
    assert relocate(text, ["/state/r"]) == text
    monkeypatch.setenv("SERVICE_ACCOUNT", "/state/account")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    made = yaml.safe_load(relocate(text, ["/state/r"]))
    assert made["rule_files"] == ["/state/r/*.yaml"]
    assert made["scrape_configs"][0]["kubernetes_sd_configs"] == [
        {
            "role": "pod",
            "api_server": "https://127.96.0.1:443",
            "authorization": {"credentials_file": "/state/account/token"},
            "tls_config": {"ca_file": "/state/account/ca.crt"},
        }
    ]
