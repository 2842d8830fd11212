"""What is computed once per object, and again when the object is another."""

from raglab.pocket.kinds import remembering


def test_once_per_object_as_long_as_it_is_the_same(monkeypatch):
    seen = []

    @remembering.remembered
    def name_of(obj):
        seen.append(obj["metadata"]["name"])
        return obj["metadata"]["name"]

    first, second = ({"metadata": {"uid": "u", "name": name}} for name in ("a", "b"))
    assert [name_of(first), name_of(first), name_of(second), name_of(first)] == ["a", "a", "b", "a"]
    assert seen == ["a", "b", "a"]
    monkeypatch.setattr(remembering, "MOST", 1)
    assert [name_of({"metadata": {"uid": "v", "name": "c"}}), name_of(first)] == ["c", "a"]
    assert seen == ["a", "b", "a", "c", "a"]
