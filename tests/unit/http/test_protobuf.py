"""The decoder against bodies that the real kubectl sends, and against broken ones."""

from __future__ import annotations

import asyncio
import json
import shutil
import struct
import sys
from pathlib import Path

import pytest
from aiohttp import web

from raglab.pocket.api import discovery, negotiate, protobuf
from raglab.pocket.errors import StatusError
from raglab.pocket.kinds import catalogue

KUBECTL = Path(sys.executable).with_name("kubectl")
FORMS = """
namespace n
configmap c --from-literal=a=1 --from-literal=b=two
configmap empty
secret generic s --from-literal=password=hunter2 --type=Opaque
secret docker-registry r --docker-server=registry.example --docker-username=u --docker-password=p
deployment d --image=busybox --replicas=3 --port=80 -- sleep 5
deployment zero --image=busybox --replicas=0
service clusterip s --tcp=80:8080
service nodeport s --tcp=5678:8080 --node-port=30123
service clusterip headless --clusterip=None
service externalname e --external-name=example.com
serviceaccount a
role r --verb=get,list --resource=pods,deployments.apps --resource-name=x
rolebinding b --role=r --serviceaccount=default:a --user=jane
clusterrole r --verb=get --non-resource-url=/metrics
clusterrole agg --aggregation-rule=a=b
clusterrolebinding b --clusterrole=r --group=g
job j --image=busybox -- true
cronjob c --image=busybox --schedule=*/5\\x20*\\x20*\\x20*\\x20* -- date
quota q --hard=pods=5,requests.cpu=1500m
poddisruptionbudget p --selector=a=b --min-available=50%
poddisruptionbudget p --selector=a=b --max-unavailable=0
ingress i --rule=a.example/x*=s:80,tls=t --class=nginx
priorityclass p --value=5 --description=some
priorityclass z --value=0 --preemption-policy=Never
""".strip().splitlines()


def pruned(value):
    """Without nulls and empty parts: Go's JSON shows empty structs, which mean nothing."""
    if isinstance(value, dict):
        parts = {key: pruned(item) for key, item in value.items()}
        return {key: item for key, item in parts.items() if item not in (None, {}, [])}
    return [pruned(item) for item in value] if isinstance(value, list) else value


async def kubectl(*args: str, home: Path) -> bytes:
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "KUBECONFIG": "/dev/null"}
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.PIPE}
    process = await asyncio.create_subprocess_exec(KUBECTL, *args, env=env, **pipes)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out


@pytest.fixture
async def server():
    """Takes objects and keeps the bodies; answers as a create does. Rules for roles need discovery."""
    taken: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.read())
        assert request.content_type == protobuf.CONTENT_TYPE
        return web.json_response(protobuf.decode(taken[-1]), status=201)

    async def discover(request: web.Request) -> web.Response:
        content_type = negotiate.aggregated_discovery(request)
        found = discovery.aggregated(catalogue.load(), core=request.path == "/api", version="v2")
        return web.Response(body=json.dumps(found), headers={"Content-Type": content_type})

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    app.router.add_get("/{path:apis?}", discover)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", taken
    await runner.cleanup()


@pytest.mark.skipif(not KUBECTL.exists() and not shutil.which("kubectl"), reason="kubectl comes with the lab")
async def test_every_create_form_decodes_to_what_kubectl_means(server, tmp_path):
    url, taken = server
    for form in FORMS:
        args = [part.replace("\\x20", " ") for part in form.split(" ")]
        await kubectl(f"--server={url}", "create", *args, home=tmp_path)
        command = args.index("--") if "--" in args else len(args)
        dry = [*args[:command], "--dry-run=client", "-o", "json", *args[command:]]
        meant = json.loads(await kubectl(f"--server={url}", "create", *dry, home=tmp_path))
        assert pruned(protobuf.decode(taken.pop())) == pruned(meant), form


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    def field(number: int, data: bytes) -> bytes:
        return bytes([number << 3 | 2, len(data)]) + data

    meta = field(1, api_version.encode()) + field(2, kind.encode())
    return protobuf.MAGIC + field(1, meta) + field(2, raw)


def test_delete_options_come_under_any_version():
    raw = bytes([1 << 3, 0]) + bytes([4 << 3 | 2, 10]) + b"Foreground"
    decoded = protobuf.decode(envelope("apps/v1", "DeleteOptions", raw))
    assert decoded["gracePeriodSeconds"] == 0, "an explicit zero means at once"
    assert decoded["propagationPolicy"] == "Foreground"


def test_negative_numbers_are_two_complement():
    minus_one = b"\xff" * 9 + b"\x01"
    spec = bytes([1 << 3]) + minus_one
    raw = bytes([2 << 3 | 2, len(spec)]) + spec
    assert protobuf.decode(envelope("autoscaling/v1", "Scale", raw))["spec"]["replicas"] == -1


def test_fields_of_a_newer_client_are_skipped():
    unknown = struct.pack("<BBQ", 0xF9, 0x01, 7) + bytes([1 << 3 | 2, 0])
    assert protobuf.decode(envelope("v1", "ConfigMap", unknown)) == {"apiVersion": "v1", "kind": "ConfigMap"}


def test_a_kind_without_table_is_named():
    with pytest.raises(StatusError, match=r"example\.com/v1 Widget") as caught:
        protobuf.decode(envelope("example.com/v1", "Widget", b""))
    assert caught.value.code == 415


@pytest.mark.parametrize(
    "body",
    [b"", b"k8s", b"{}", b"k8s\0\x0a\xff", b"k8s\0\x12", b"k8s\0" + b"\xff" * 20, b"k8s\0\x0b\x00"],
)
def test_broken_bodies_are_bad_requests(body):
    with pytest.raises(StatusError) as caught:
        protobuf.decode(body)
    assert caught.value.code in (400, 415)
