"""Nobody grants more than they hold: roles, bindings, and acting as somebody else."""

from __future__ import annotations

import time

import pytest

from raglab.pocket.api.registry import Options
from raglab.pocket.tokens import ServiceAccount

RBAC = "/apis/rbac.authorization.k8s.io/v1"
WRITING = ["get", "create", "update", "patch"]
ROLES, BINDINGS = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"
WRITER = {
    "apiGroups": ["rbac.authorization.k8s.io"],
    "resources": ["roles", "rolebindings"],
    "verbs": WRITING,
}
PODS = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
SECRETS = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
NOT_HELD = (
    'is forbidden: user "system:serviceaccount:default:builder" (groups=["system:serviceaccounts" '
    '"system:serviceaccounts:default" "system:authenticated"]) is attempting to grant RBAC permissions not currently '
    "held:\n"
)


def role(name: str, *rules, kind: str = "Role"):
    return {"kind": kind, "metadata": {"name": name}, "rules": list(rules)}


def binding(name: str, to: str, kind: str = "Role"):
    subject = {"kind": "ServiceAccount", "name": "builder", "namespace": "default"}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": to}
    return {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}


@pytest.fixture
async def bearer(api):
    """Headers of a ServiceAccount that may write roles in its namespace, and read pods and nothing else."""
    accounts = api.registry.kinds.plural("serviceaccounts")
    made = api.registry.create(accounts, "default", {"metadata": {"name": "builder"}}, Options())
    await api.call("POST", ROLES, 201, json=role("own", WRITER, PODS))
    await api.call("POST", BINDINGS, 201, json=binding("own", "own"))
    account = ServiceAccount("default", "builder", made["metadata"]["uid"])
    token = api.signer.issue(account, now=time.time(), seconds=3600)
    return {"Authorization": f"Bearer {token}"}


async def test_a_role_holds_no_more_than_its_writer(api, bearer):
    await api.call("POST", ROLES, 201, json=role("part", PODS | {"verbs": ["get"]}), headers=bearer)
    error = await api.call("POST", ROLES, 403, json=role("more", PODS, SECRETS), headers=bearer)
    missing = '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'
    assert error["message"] == f'roles.rbac.authorization.k8s.io "more" {NOT_HELD}{missing}'
    for wider in (PODS | {"verbs": ["*"]}, PODS | {"resources": ["*"]}, PODS | {"resources": ["pods/exec"]}):
        await api.call("POST", f"{ROLES}?dryRun=All", 403, json=role("wider", wider), headers=bearer)
    await api.call("POST", ROLES, 201, json=role("more", PODS, SECRETS))


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_nor_does_a_changed_one(api, bearer, method):
    headers = bearer | ({"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {})
    error = await api.call(method, f"{ROLES}/own", 403, json=role("own", WRITER, SECRETS), headers=headers)
    assert "not currently held" in error["message"]
    await api.call(method, f"{ROLES}/own", 200, json=role("own", WRITER, PODS), headers=headers)


async def test_a_binding_gives_no_more_than_its_writer_has(api, bearer):
    await api.call("POST", f"{RBAC}/clusterroles", 201, json=role("all", SECRETS, kind="ClusterRole"))
    await api.call("POST", ROLES, 201, json=role("part", PODS))
    await api.call("POST", BINDINGS, 201, json=binding("part", "part"), headers=bearer)
    error = await api.call("POST", BINDINGS, 403, json=binding("all", "all", "ClusterRole"), headers=bearer)
    assert error["message"].startswith(f'rolebindings.rbac.authorization.k8s.io "all" {NOT_HELD}')


@pytest.mark.parametrize(("verb", "to"), [("escalate", ROLES), ("bind", BINDINGS)])
async def test_the_verbs_that_lift_the_check(api, bearer, verb, to):
    lifting = {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": [verb]}
    await api.call("POST", ROLES, 201, json=role("more", SECRETS))
    await api.call("PUT", f"{ROLES}/own", json=role("own", WRITER, PODS, lifting))
    body = role("new", SECRETS) if to == ROLES else binding("new", "more")
    await api.call("POST", to, 201, json=body, headers=bearer)


async def test_impersonation_is_a_verb_on_names(api, bearer):
    pods = "/api/v1/namespaces/default/pods"
    who = bearer | {"Impersonate-User": "jane"}
    await api.call("GET", pods, 403, headers=who)
    rule = {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"], "resourceNames": ["jane"]}
    await api.call("POST", f"{RBAC}/clusterroles", 201, json=role("as", rule, kind="ClusterRole"))
    await api.call("POST", f"{RBAC}/clusterrolebindings", 201, json=binding("as", "as", "ClusterRole"))
    error = await api.call("GET", pods, 403, headers=who)
    assert 'User "jane" cannot list resource "pods"' in error["message"]
    for more in ({"Impersonate-User": "joe"}, who | {"Impersonate-Group": "system:masters"}):
        error = await api.call("GET", pods, 403, headers=bearer | more)
        assert "cannot impersonate resource" in error["message"]
