"""ConfigMap-like volumes: visible names, atomic updates, and paths that must not escape."""

from pathlib import Path

import pytest

from raglab.pocket.node.files import Payload, publish, safe_path
from raglab.pocket.node.sources import MissingSource
from raglab.pocket.node.volumes import below, host_path


def test_files_have_their_content_and_mode(tmp_path: Path):
    assert publish(tmp_path / "v", {"a.txt": Payload(b"one"), "keys/id": Payload(b"two", 0o400)})
    assert (tmp_path / "v/a.txt").read_bytes() == b"one"
    assert (tmp_path / "v/keys/id").read_bytes() == b"two"
    assert (tmp_path / "v/keys/id").stat().st_mode & 0o777 == 0o400
    assert (tmp_path / "v/a.txt").is_symlink()


def test_an_update_swaps_one_link_and_leaves_nothing_behind(tmp_path: Path):
    folder = tmp_path / "v"
    publish(folder, {"a": Payload(b"1"), "old": Payload(b"x")})
    first = (folder / "..data").readlink()
    assert publish(folder, {"a": Payload(b"2"), "new": Payload(b"y")})
    assert (folder / "..data").readlink() != first
    assert sorted(path.name for path in folder.iterdir() if not path.name.startswith("..")) == ["a", "new"]
    assert (folder / "a").read_bytes() == b"2"
    assert len([path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]) == 1


def test_an_open_folder_keeps_showing_old_files_only_through_the_old_link(tmp_path: Path):
    folder = tmp_path / "v"
    publish(folder, {"a": Payload(b"1")})
    assert not publish(folder, {"a": Payload(b"1")}), "nothing changed, nothing to do"


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "", "."])
def test_paths_that_lead_out_are_refused(path: str):
    with pytest.raises(MissingSource, match="invalid path"):
        safe_path(path)


def test_a_sub_path_through_a_link_out_of_the_volume_is_refused(tmp_path: Path):
    volume, outside = tmp_path / "volume", tmp_path / "outside"
    volume.mkdir()
    outside.mkdir()
    (volume / "door").symlink_to(outside)
    with pytest.raises(MissingSource, match="leads out"):
        below(volume, "door/new", create=True)
    assert not list(outside.iterdir())


def test_host_paths_lie_in_the_nodes_own_file_system(tmp_path: Path):
    root = tmp_path / "node"
    assert host_path(root, "/mnt/data/model", "") == root / "mnt/data/model"
    assert host_path(root, "/../../etc", "") == root / "etc"
    (root / "door").symlink_to(tmp_path)
    with pytest.raises(MissingSource, match="leads out of the node's file system"):
        host_path(root, "/door/x", "DirectoryOrCreate")


@pytest.mark.parametrize(
    ("type", "message"),
    [("Directory", "/x is not a directory"), ("File", "/x is not a file"), ("Socket", "/x is not a Socket")],
)
def test_host_path_types_are_checked(tmp_path: Path, type: str, message: str):
    with pytest.raises(MissingSource, match=message):
        host_path(tmp_path, "/x", type)
