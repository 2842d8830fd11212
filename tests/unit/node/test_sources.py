"""Which ConfigMaps and Secrets a pod depends on, wherever its spec names them."""

from raglab.pocket.node.sources import mentioned

SPEC = {
    "initContainers": [
        {"name": "i", "envFrom": [{"configMapRef": {"name": "all"}}, {"secretRef": {"name": "keys"}}]}
    ],
    "containers": [
        {
            "name": "c",
            "env": [
                {"name": "A", "valueFrom": {"configMapKeyRef": {"name": "one", "key": "a"}}},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "two", "key": "b"}}},
                {"name": "secret", "value": "configMap"},
            ],
        }
    ],
    "volumes": [
        {"name": "v", "configMap": {"name": "files"}},
        {"name": "w", "secret": {"secretName": "pulled"}},
        {
            "name": "x",
            "projected": {"sources": [{"configMap": {"name": "ca"}}, {"secret": {"name": "part"}}]},
        },
        {"name": "y", "emptyDir": {}},
    ],
}


def test_all_that_a_pod_reads_is_found():
    maps = {("configmaps", name) for name in ("all", "one", "files", "ca")}
    assert mentioned(SPEC) == maps | {("secrets", name) for name in ("keys", "two", "pulled", "part")}


def test_a_pod_may_read_nothing():
    assert mentioned({"containers": [{"name": "c", "image": "secret"}]}) == frozenset()
