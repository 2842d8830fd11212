"""The morning's checklist for instructors, typed as it stands."""

from __future__ import annotations

from raglab import paths
from tests.cli.lab import Lab
from tests.documents.markdown import Document

PAGE = paths.NOTEBOOKS / "instructor" / "README.md"


def test_the_morning_s_commands_work_on_a_fresh_lab(lab: Lab) -> None:
    [block] = [text for text in Document(PAGE).blocks("bash") if "raglab doctor" in text]
    said = {}
    for line in block.splitlines():
        command = line.partition("#")[0].split()
        assert command[0] == "raglab"
        said[command[1]] = lab.run(*command[1:])
    assert "FAIL" not in said["doctor"]
    assert "✓ 00.node-ready" in said["check"]
    assert lab.network.node_ip in said["status"]
    lab.assert_nothing_left()
