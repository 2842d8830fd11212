"""Who gets in, as whom, and what they may do."""

from __future__ import annotations

import time

import pytest

from raglab.pocket.api import roles
from raglab.pocket.api.registry import Options
from raglab.pocket.api.routing import Target
from raglab.pocket.tokens import ServiceAccount, TokenSigner

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.fixture
def account(api) -> ServiceAccount:
    obj = {"metadata": {"name": "builder", "namespace": "default"}}
    made = api.registry.create(api.registry.kinds.plural("serviceaccounts"), "default", obj, Options())
    return ServiceAccount("default", "builder", made["metadata"]["uid"])


@pytest.fixture
def bearer(api, account):
    """Headers of the ServiceAccount."""
    token = api.signer.issue(account, now=time.time(), seconds=3600)
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer ", "Bearer a.b.c", "Basic YWRtaW46YWRtaW4=", "Bearer é"]
)
async def test_wrong_credentials_are_refused(api, header):
    error = await api.call("GET", "/api/v1/pods", 401, headers={"Authorization": header})
    assert (error["message"], error["reason"]) == ("Unauthorized", "Unauthorized")


async def test_health_and_version_are_open_and_nothing_else_is(api):
    del api.client.session.headers["Authorization"]
    for path in ("/healthz", "/livez", "/readyz"):
        async with api.client.get(path) as response:
            assert await response.text() == "ok"
    assert (await api.call("GET", "/version"))["gitVersion"].startswith("v1.36")
    for path in (
        "/",
        "/api",
        "/apis",
        "/openapi/v3",
        "/nowhere",
        "/apis/none",
        "/api/v1/namespaces/x/nothing",
    ):
        error = await api.call("GET", path, 403)
        assert error["message"] == f'forbidden: User "system:anonymous" cannot get path "{path}"'
    recorded = 'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the'
    assert (await api.call("GET", "/api/v1/pods", 403))["message"] == f"{recorded} cluster scope"
    await api.call("POST", REVIEWS, 403, json={"spec": {}})


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:443"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "[::1]:1"}, 200),
        ({"Host": "kubernetes.default.svc"}, 200),
        ({"Host": "127.0.0.1:1", "Origin": "https://127.0.0.1:1"}, 200),
        ({"Host": "127.0.0.1:1", "Origin": "http://localhost:8001"}, 200),
        ({"Origin": "http://localhost.evil.example"}, 403),
        ({"Origin": "http://[::1"}, 200),
        ({"Origin": ""}, 403),
    ],
)
async def test_web_pages_of_other_origins_are_refused(api, headers, code):
    async with api.client.get("/version", headers=headers) as response:
        assert response.status == code


RULES = [
    {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": ["web"], "verbs": ["*"]},
]


async def grant(api, scope: str = "", rules=RULES, subject=None) -> None:
    """Give the ServiceAccount `rules` in the namespace `scope`, or cluster-wide."""
    prefix = "" if scope else "Cluster"
    path = f"/apis/rbac.authorization.k8s.io/v1/{f'namespaces/{scope}/' if scope else ''}{prefix.lower()}role"
    subject = subject or {"kind": "ServiceAccount", "name": "builder", "namespace": "default"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": f"{prefix}Role", "name": "r"}
    await api.call("POST", f"{path}s", 201, json={"metadata": {"name": "r"}, "rules": rules})
    binding = {"metadata": {"name": "b"}, "roleRef": reference, "subjects": [subject]}
    await api.call("POST", f"{path}bindings", 201, json=binding)


async def test_a_service_account_may_do_nothing_without_a_role(api, bearer):
    refused = {
        "/api/v1/pods": 'pods is forbidden: User "system:serviceaccount:default:builder" cannot list resource '
        '"pods" in API group "" at the cluster scope',
        "/api/v1/namespaces/default/secrets": 'cannot list resource "secrets" in API group "" in the '
        'namespace "default"',
        "/apis/apps/v1/namespaces/other/deployments/d": 'deployments.apps "d" is forbidden: User '
        '"system:serviceaccount:default:builder" cannot get resource "deployments" in API group "apps" in the '
        'namespace "other"',
        "/api/v1/namespaces/default/pods/p/exec?command=0": 'cannot create resource "pods/exec"',
    }
    for path, text in refused.items():
        error = await api.call("GET", path, 403, headers=bearer)
        assert text in error["message"]


async def test_a_role_allows_what_it_names_where_it_is_bound(api, bearer):
    api.pod()
    await grant(api, "default")
    pods = await api.call("GET", "/api/v1/namespaces/default/pods", headers=bearer)
    assert pods["items"][0]["metadata"]["name"] == "p"
    error = await api.call("DELETE", "/api/v1/namespaces/default/pods/p", 403, headers=bearer)
    assert error["message"] == (
        'pods "p" is forbidden: User "system:serviceaccount:default:builder" cannot delete resource "pods" '
        'in API group "" in the namespace "default"'
    )
    deployments = "/apis/apps/v1/namespaces/default/deployments"
    await api.call("DELETE", f"{deployments}/web", 404, headers=bearer)  # allowed, but there is none
    for verb, path in {
        "GET": "/api/v1/pods",
        "PUT": "/api/v1/namespaces/kube-system/pods/p",
        "DELETE": f"{deployments}/another",
        "PATCH": "/api/v1/namespaces/default/pods/p/status",
    }.items():
        await api.call(verb, path, 403, headers=bearer)
    await api.call("GET", deployments, 403, headers=bearer)  # no name, so not the one that is allowed


async def test_a_cluster_role_allows_everywhere_and_ends_with_its_binding(api, bearer):
    await grant(api)
    await api.call("GET", "/api/v1/pods", headers=bearer)
    await api.call("GET", "/api/v1/namespaces/kube-system/pods", headers=bearer)
    await api.call("GET", "/api/v1/namespaces/default/secrets", 403, headers=bearer)
    await api.call("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/b")
    await api.call("GET", "/api/v1/pods", 403, headers=bearer)


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:serviceaccounts"}, 200),
        ({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "system:masters"}, 403),
        ({"kind": "ServiceAccount", "name": "builder", "namespace": "other"}, 403),
        ({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "builder"}, 403),
    ],
)
async def test_only_the_subjects_of_a_binding_are_meant(api, bearer, subject, code):
    await grant(api, subject=subject)
    await api.call("GET", "/api/v1/pods", code, headers=bearer)


async def test_the_administrator_may_act_as_somebody_else(api, bearer):
    await grant(api, "default")
    who = {"Impersonate-User": "system:serviceaccount:default:builder"}
    await api.call("GET", "/api/v1/namespaces/default/pods", headers=who)
    error = await api.call("GET", "/api/v1/pods", 403, headers=who)
    assert 'User "system:serviceaccount:default:builder" cannot list' in error["message"]
    await api.call(
        "GET", "/api/v1/pods", headers={"Impersonate-User": "x", "Impersonate-Group": "system:masters"}
    )
    error = await api.call(
        "GET", "/api/v1/namespaces/default/pods", 403, headers=bearer | {"Impersonate-User": "x"}
    )
    assert error["message"] == (
        'users "x" is forbidden: User "system:serviceaccount:default:builder" cannot impersonate resource "users" '
        'in API group "" at the cluster scope'
    )


@pytest.mark.parametrize(
    ("resources", "verb", "subresource", "allowed"),
    [
        (["pods"], "get", "log", False),
        (["pods/log"], "get", "log", True),
        (["pods/log"], "get", "", False),
        (["*/log"], "get", "log", True),
        (["*"], "get", "log", True),
        (["nodes"], "get", "", False),
    ],
)
async def test_subresources_are_resources_of_their_own(api, resources, verb, subresource, allowed):
    rule = {"apiGroups": ["*"], "resources": resources, "verbs": [verb]}
    kind = api.registry.kinds.plural("pods")
    assert roles.allows(rule, Target(verb, kind, "default", "p", subresource)) is allowed


async def test_tokens_end(api, account):
    issue, now = api.signer.issue, time.time()
    expired = issue(account, now=now - 1000, seconds=900)
    elsewhere = issue(account, now=now, seconds=900, audiences=("vault",))
    forged = TokenSigner(b"z" * 32).issue(account, now=now, seconds=900)
    another = issue(ServiceAccount("default", "builder", "older-uid"), now=now, seconds=900)
    for token in (expired, elsewhere, forged, another):
        await api.call("GET", "/api", 401, headers={"Authorization": f"Bearer {token}"})


async def test_a_token_on_request(api, account):
    path = "/api/v1/namespaces/default/serviceaccounts/builder/token"
    made = await api.call("POST", path, 201, json={"spec": {"expirationSeconds": 700}})
    headers = {"Authorization": f"Bearer {made['status']['token']}"}
    who = await api.call(
        "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", 201, json={}, headers=headers
    )
    assert who["status"]["userInfo"]["username"] == "system:serviceaccount:default:builder"
    error = await api.call("POST", path, 422, json={"spec": {"expirationSeconds": 10}})
    assert "may not specify a duration less than 10 minutes" in error["message"]


async def test_may_i(api, bearer):
    async def ask(verb: str, resource: str, **headers) -> bool:
        what = {"resourceAttributes": {"verb": verb, "resource": resource, "namespace": "default"}}
        return (await api.call("POST", REVIEWS, 201, json={"spec": what}, headers=headers))["status"][
            "allowed"
        ]

    await grant(api, "default")
    assert await ask("delete", "pods")
    assert await ask("list", "pods", **bearer)
    assert not await ask("list", "secrets", **bearer)
    assert not await ask("delete", "pods", **bearer)
    await api.call("POST", REVIEWS, 422, json={"spec": {}})


@pytest.mark.parametrize("header", ["Impersonate-Group", "Impersonate-Uid", "Impersonate-Extra-Scopes"])
async def test_impersonation_is_never_silent(api, header):
    assert (await api.call("GET", "/api/v1/pods", 501, headers={header: "x"}))["reason"] == "NotImplemented"
