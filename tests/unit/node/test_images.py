"""The image catalogue: matching, placeholders, commands, and what an unknown image is told."""

from pathlib import Path

import pytest
import yaml

from raglab.pocket.node.images import Images, UnknownImage, repository


def catalogue(folder: Path, *entries: dict) -> Images:
    file = folder / "images.yaml"
    file.write_text(yaml.safe_dump(list(entries)))
    return Images([file], {"models": "/data/models"})


@pytest.mark.parametrize(
    ("pattern", "reference"),
    [
        ("busybox:*", "busybox"),
        ("busybox:*", "busybox:1.36"),
        ("docker.io/library/busybox:*", "busybox"),
        ("*/nim:24.01", "nvcr.io/team/nim:24.01"),
        ("nvcr.io/nim/meta/*:*", "nvcr.io/nim/meta/llama3-8b-instruct:1.0.3"),
        ("localhost:5000/tool:latest", "localhost:5000/tool"),
    ],
)
def test_a_reference_matches_however_it_is_spelled(tmp_path: Path, pattern: str, reference: str):
    assert catalogue(tmp_path, {"images": [pattern]}).find(reference).patterns == (pattern,)


def test_the_first_entry_that_matches_wins(tmp_path: Path):
    images = catalogue(tmp_path, {"images": ["web:1"], "size": 1}, {"images": ["web:*"], "size": 2})
    assert images.resolve("web:1").size == 1
    assert images.resolve("web:3").size == 2


def test_making_a_container_takes_no_time_unless_the_image_says_so(tmp_path: Path):
    images = catalogue(tmp_path, {"images": ["slow:1"], "creating": 1.5}, {"images": ["web:1"]})
    assert [images.resolve(name).creating for name in ("slow:1", "web:1")] == [1.5, 0.0]


def test_an_unknown_image_is_told_where_images_come_from(tmp_path: Path):
    with pytest.raises(UnknownImage, match=r'failed to resolve reference "nosuch:1".*images\.yaml'):
        catalogue(tmp_path, {"images": ["web:1"]}).resolve("nosuch:1")


def test_only_known_placeholders_are_filled_in(tmp_path: Path):
    entry = {
        "images": ["web:*"],
        "entrypoint": ["{python}", "{pod_ip}", '{"json": {}}'],
        "mounts": {"{models}": "/opt/models"},
    }
    program = catalogue(tmp_path, entry).resolve("web:1", pod_ip="127.10.0.9")
    assert program.entrypoint[1:] == ("127.10.0.9", '{"json": {}}')
    assert program.mounts == {"/data/models": "/opt/models"}


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, ["serve", "--port", "80"]),
        ({"args": ["-v"]}, ["serve", "-v"]),
        ({"command": ["sh"]}, ["sh"]),
        ({"command": ["sh"], "args": ["-c", "true"]}, ["sh", "-c", "true"]),
    ],
)
def test_command_and_args_follow_the_rules_of_containers(tmp_path: Path, container: dict, expected: list):
    images = catalogue(tmp_path, {"images": ["web:*"], "entrypoint": ["serve"], "args": ["--port", "80"]})
    assert images.resolve("web:1").command(container) == expected


def test_image_ids_depend_on_the_content_of_the_entry_only(tmp_path: Path):
    one = catalogue(tmp_path, {"images": ["web:*"], "size": 1})
    assert one.resolve("web:1", pod_ip="a").image_id == one.resolve("web:1", pod_ip="b").image_id
    assert one.resolve("web:1").image_id.startswith("pocket://web@sha256:")
    assert repository("host:5000/a/web:1@sha256:00") == "host:5000/a/web"


def test_a_misspelled_key_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="entrypont"):
        catalogue(tmp_path, {"images": ["web"], "entrypont": []})
