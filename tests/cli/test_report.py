"""`raglab report`: what a learner and an instructor get, from progress files as the checks write them."""

from __future__ import annotations

import csv
import json
import stat
from pathlib import Path

import pytest

from raglab.lesson import manifest, progress
from tests.cli.lab import Lab

LESSONS = manifest.load()


def passed(*numbers: str) -> dict[str, str]:
    return {check: "2026-11-21T08:00:00.000+00:00" for number in numbers for check in LESSONS[number].checks}


def write(lab: Lab, checks: dict[str, str]) -> None:
    (lab.home / "progress.json").write_text(json.dumps({"lesson": "01", "checks": checks}))


def test_before_the_first_check(lab: Lab):
    assert "0 of" in lab.run("report")
    page = (lab.home / "report.html").read_text()
    assert "Course record so far" in page and "2026-11" not in page.split("Lessons and checks")[0]


def test_a_learner_on_the_way_has_a_record(lab: Lab):
    write(lab, passed("00") | {"01.matrix": "2026-11-22T09:00:00.000+00:00"})
    said = lab.run("report", "--name", "Ada <Lovelace>")
    count = len(LESSONS["00"].checks)
    assert f"{count + 1} of" in said
    page = (lab.home / "report.html").read_text()
    assert "Course record so far: Ada &lt;Lovelace&gt;" in page
    assert f"✓ {count} of {count}" in page and "2026-11-22" in page
    assert stat.S_IMODE((lab.home / "report.html").stat().st_mode) == 0o600


def test_who_has_passed_everything_has_a_certificate(lab: Lab, tmp_path: Path):
    write(lab, passed(*LESSONS))
    lab.run("report", "--to", str(tmp_path / "mine.html"))
    assert "Certificate of completion" in (tmp_path / "mine.html").read_text()


def test_a_check_of_a_lesson_that_is_gone_does_not_count(lab: Lab):
    write(lab, {"98.gone": "2026-11-21T08:00:00.000+00:00"})
    assert "0 of" in lab.run("report")


@pytest.fixture
def school(tmp_path: Path) -> Path:
    folder = tmp_path / "school"
    folder.mkdir()
    return folder


def test_nothing_is_shared_without_a_class(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, school: Path):
    monkeypatch.setenv("RAGLAB_HOME", str(tmp_path))
    monkeypatch.delenv("RAGLAB_CLASS", raising=False)
    progress.passed("00.node-ready")
    assert list(school.iterdir()) == []


def learn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, school: Path, name: str) -> None:
    monkeypatch.setenv("RAGLAB_HOME", str(tmp_path / name))
    monkeypatch.setenv("RAGLAB_LEARNER", name)
    monkeypatch.setenv("RAGLAB_CLASS", str(school))
    progress.enter("00")
    progress.passed("00.node-ready")
    progress.failed("00.first-answer")
    progress.failed("00.first-answer")


def test_a_class_has_a_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lab: Lab, school: Path):
    for name in ("Ada", "=cmd", "Grace/../Hopper"):
        learn(monkeypatch, tmp_path, school, name)
    (school / "broken.progress.json").write_text("{")
    table = tmp_path / "class.html"
    said = lab.run("report", "--class", str(school), "--to", str(table))
    assert "3 learners" in said and "broken.progress.json was left out" in said
    page = table.read_text()
    assert "Grace/../Hopper" in page and "00.first-answer (2 times)" in page
    rows = list(csv.reader(table.with_suffix(".csv").read_text().splitlines()))
    assert {row[0] for row in rows[1:]} == {"Ada", "Grace/../Hopper", "'=cmd"}
    assert rows[0][1] == "00" and [row[1] for row in rows[1:]] == ["1", "1", "1"]


def test_an_empty_class_says_how_to_join(lab: Lab, school: Path):
    assert "RAGLAB_CLASS" in lab.fails("report", "--class", str(school))


def test_a_class_folder_that_is_gone_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    learn(monkeypatch, tmp_path, tmp_path / "nowhere", "Ada")
    assert "was not shared" in capsys.readouterr().err
    assert "00.node-ready" in progress.load()["checks"]
