from raglab.pocket.kinds.catalogue import Catalogue


def test_plurals_lead_to_the_preferred_version(kinds: Catalogue):
    assert kinds.plural("horizontalpodautoscalers").api_version == "autoscaling/v2"
    assert kinds.plural("events").api_version == "v1"


def test_both_kinds_of_events_share_a_shelf(kinds: Catalogue):
    core, newer = kinds.resource("", "v1", "events"), kinds.resource("events.k8s.io", "v1", "events")
    assert core and newer and core.storage_key == newer.storage_key


def test_every_kind_has_a_schema(kinds: Catalogue, schemas):
    assert [kind.kind for kind in kinds.kinds if schemas.root(kind) is None] == []


def test_resources_are_unique(kinds: Catalogue):
    names = [(kind.group, kind.version, kind.plural) for kind in kinds.kinds]
    assert len(names) == len(set(names))


def test_namespaces_cannot_be_deleted_together(kinds: Catalogue):
    assert "deletecollection" not in kinds.plural("namespaces").verbs
    assert "deletecollection" in kinds.plural("pods").verbs
