"""A registry on an empty store, with a clock that stands still until it is told to move."""

import pytest

from raglab.pocket.api.registry import DeleteOptions, Options, Registry
from raglab.pocket.config import Settings
from raglab.pocket.kinds import catalogue
from raglab.pocket.store import Store

START = 1_790_000_000.0  # 2026-09-21T14:13:20Z


class StoppedClock:
    """`raglab.pocket.clock.Clock`, moved by hand."""

    def __init__(self):
        self.now = START

    def time(self):
        return self.now


class Api:
    """Short words for what the tests do again and again, in namespace ``default`` unless said otherwise."""

    def __init__(self, registry, clock):
        self.registry, self.clock, self.store = registry, clock, registry.store

    def kind(self, resource):
        plural, _, version = resource.partition("@")
        if version:
            return self.registry.kinds.resource(*version.rsplit("/", 1), plural)
        return self.registry.kinds.plural(plural)

    def create(self, resource, obj, namespace="default", **options):
        return self.registry.create(self.kind(resource), namespace, obj, Options(**options))

    def get(self, resource, name, subresource="", namespace="default"):
        return self.registry.get(self.kind(resource), namespace, name, subresource)

    def names(self, resource, namespace="default", **query):
        items = self.registry.list(self.kind(resource), namespace, **query).items
        return [item["metadata"]["name"] for item in items]

    def update(self, resource, obj, namespace="default", **options):
        name = obj["metadata"]["name"]
        return self.registry.update(self.kind(resource), namespace, name, obj, Options(**options))

    def patch(self, resource, name, change, type="strategic-merge", namespace="default", **options):
        media = f"application/{type}-patch+json"
        return self.registry.patch(self.kind(resource), namespace, name, change, media, Options(**options))

    def apply(self, resource, name, config, namespace="default", **options):
        return self.registry.apply(self.kind(resource), namespace, name, config, Options(**options))

    def delete(self, resource, name, namespace="default", **options):
        return self.registry.delete(self.kind(resource), namespace, name, DeleteOptions(**options))

    def exists(self, resource, name, namespace="default"):
        return self.store.get(self.kind(resource).storage_key, namespace, name) is not None

    def watch(self, resource, namespace="default", **query):
        return self.registry.watch(self.kind(resource), namespace, **query)


@pytest.fixture
def api(tmp_path, schemas):
    clock, store = StoppedClock(), Store(tmp_path / "store.sqlite")
    registry = Registry(store, catalogue.load(), schemas, Settings(state=tmp_path), clock)
    api = Api(registry, clock)
    api.create("namespaces", {"metadata": {"name": "default"}}, "")
    api.create("serviceaccounts", {"metadata": {"name": "default"}})
    yield api
    store.close()


@pytest.fixture
def deployment(api):
    """A stored Deployment ``web``."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "web:1"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return api.create("deployments", {"metadata": {"name": "web"}, "spec": spec})


@pytest.fixture
def pod(api):
    """A stored Pod ``p``, not on a node yet."""
    return api.create(
        "pods", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    )
