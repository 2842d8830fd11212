"""The audit log: everything is in it, and nothing that is anybody's secret."""

from __future__ import annotations

import asyncio
import json
import os
import stat

from aiohttp.test_utils import make_mocked_request

from raglab.pocket.api import audit
from raglab.pocket.api.audit import AuditLog
from raglab.pocket.clock import SystemClock

SECRETS = "/api/v1/namespaces/default/secrets"


async def events(folder) -> list[dict]:
    await asyncio.sleep(2 * audit.DELAY)
    return [json.loads(line) for line in (folder / "log" / "audit.log").read_text().splitlines()]


async def test_a_request_and_how_it_ended(api, tmp_path):
    secret = {"metadata": {"name": "s"}, "stringData": {"password": "hunter2"}}
    async with api.client.post(SECRETS, json=secret, headers={"User-Agent": "test/1"}) as answer:
        number = answer.headers["Audit-Id"]
    await api.call("GET", f"{SECRETS}/none", 404)
    made, missing = await events(tmp_path)
    assert {
        key: made[key] for key in ("kind", "apiVersion", "level", "stage", "auditID", "verb", "userAgent")
    } == {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "stage": "ResponseComplete",
        "auditID": number,
        "verb": "create",
        "userAgent": "test/1",
    }
    assert made["user"] == {"username": "minikube-user", "groups": ["system:masters", "system:authenticated"]}
    assert made["objectRef"] == {"resource": "secrets", "namespace": "default", "apiVersion": "v1"}
    assert made["responseStatus"] == {"metadata": {}, "code": 201}
    assert (missing["verb"], missing["responseStatus"]["reason"]) == ("get", "NotFound")


async def test_nothing_secret_is_written(api, caplog, tmp_path):
    caplog.set_level("DEBUG")
    await api.call(
        "POST", SECRETS, 201, json={"metadata": {"name": "s"}, "stringData": {"password": "hunter2"}}
    )
    token = "/api/v1/namespaces/default/serviceaccounts/default/token"
    made = await api.call("POST", token, 201, json={})
    await api.call("GET", SECRETS, 401, headers={"Authorization": "Bearer stolen-hunter2"})
    api.pod()
    await api.call("GET", "/api/v1/namespaces/default/pods/p/exec?command=hunter2", 400)
    assert len(await events(tmp_path)) == 4
    everything = (tmp_path / "log" / "audit.log").read_text() + caplog.text
    assert "hunter2" not in everything and made["status"]["token"] not in everything
    assert api.client.session.headers["Authorization"].split()[1] not in everything


async def test_refused_and_unknown(api, tmp_path):
    del api.client.session.headers["Authorization"]
    await api.call("GET", SECRETS, 403)
    (refused,) = await events(tmp_path)
    assert refused["user"]["username"] == "system:anonymous"
    assert refused["annotations"] == {"authorization.k8s.io/decision": "forbid"}


async def test_it_is_private_and_starts_anew_when_it_is_large(tmp_path, monkeypatch):
    monkeypatch.setattr(audit, "MEGABYTE", 5000)
    log = AuditLog(tmp_path / "log" / "audit.log", 1, SystemClock())
    for number in range(100):
        log.write(log.entry(make_mocked_request("GET", f"/{number}")))
        log.flush()
    files = sorted((tmp_path / "log" / "audit.log").parent.iterdir())
    assert [file.name for file in files] == ["audit.log", "audit.log.old"]
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 and file.stat().st_size < 6000 for file in files)
    assert (await events(tmp_path))[-1]["requestURI"] == "/99"


async def test_a_full_disk_loses_lines_not_requests(tmp_path, caplog):
    log = AuditLog(tmp_path / "log" / "audit.log", 1, SystemClock())
    os.close(log._file)
    log._file = os.open("/dev/full", os.O_WRONLY)
    for _ in range(2):
        log.write(log.entry(make_mocked_request("GET", "/")))
        log.flush()
    assert caplog.text.count("is not written: [Errno 28] No space left on device") == 1


def test_it_can_be_switched_off(tmp_path):
    AuditLog(tmp_path / "log" / "audit.log", 0, SystemClock())
    assert not (tmp_path / "log" / "audit.log").exists()
