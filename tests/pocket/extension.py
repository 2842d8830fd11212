"""A server of its own API group, as it runs in a pod: counts requests per pod name and says who asked.

Takes no part of the project: ``python -c`` with this text is the whole program. TLS_CERT and TLS_KEY hold PEM.
"""

import os
import ssl
import tempfile

from aiohttp import web

GROUP_VERSION = "counts.example.com/v1"
RESOURCES = [
    {"name": "pods/requests", "singularName": "", "namespaced": True, "kind": "CountList", "verbs": ["get"]},
    {
        "name": "counts",
        "singularName": "count",
        "namespaced": True,
        "kind": "Count",
        "verbs": ["get", "list"],
    },
]


async def resources(request):
    body = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP_VERSION}
    return web.json_response(body | {"resources": RESOURCES})


async def requests(request):
    item = {"pod": request.match_info["name"], "namespace": request.match_info["namespace"]}
    user = {"name": request.headers["X-Remote-User"], "groups": request.headers.getall("X-Remote-Group")}
    body = {"kind": "CountList", "apiVersion": GROUP_VERSION, "items": [item]}
    return web.json_response(body | {"user": user, "selector": request.query.get("labelSelector", "")})


async def counts(request):
    items = [{"metadata": {"name": "first", "namespace": request.match_info["namespace"]}, "value": 1}]
    return web.json_response(
        {"kind": "CountList", "apiVersion": GROUP_VERSION, "metadata": {}, "items": items}
    )


def context():
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(os.environ["TLS_CERT"] + os.environ["TLS_KEY"])
        file.flush()
        made.load_cert_chain(file.name)
    return made


app = web.Application()
app.router.add_get(f"/apis/{GROUP_VERSION}", resources)
app.router.add_get(f"/apis/{GROUP_VERSION}/namespaces/{{namespace}}/pods/{{name}}/requests", requests)
app.router.add_get(f"/apis/{GROUP_VERSION}/namespaces/{{namespace}}/counts", counts)
web.run_app(app, host=os.environ["POD_IP"], port=6443, ssl_context=context())
