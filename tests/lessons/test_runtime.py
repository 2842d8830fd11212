"""The parts of the lesson runtime that need no cluster."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pytest

from raglab.lesson import figures, progress, showing
from raglab.lesson.checks import registry
from raglab.lesson.checks.registry import CheckFailed, Verdict
from raglab.lesson.evaluation import Score, evaluate, questions, rank_of_evidence
from raglab.lesson.waiting import RULES


@pytest.fixture(autouse=True)
def own_home(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("RAGLAB_HOME", str(tmp_path))
    monkeypatch.setattr(registry, "_checks", dict(registry._checks))


def test_check_says_what_it_saw_and_remembers_it(capsys) -> None:
    registry.register("99.good", "All is well", "")(lambda: Verdict(True, "3 of 3", "3 of 3", "nothing"))
    registry.check("99.good")
    assert capsys.readouterr().out == "✓ 99.good  All is well: 3 of 3\n"
    assert "99.good" in progress.load()["checks"]


def test_failed_check_names_the_next_step(monkeypatch) -> None:
    monkeypatch.setattr(registry, "PATIENCE", 0)
    seen = Verdict(False, "0 of 3", "3 of 3", "kubectl get pods")
    registry.register("99.bad", "Pods run", "Read their Events.")(lambda: seen)
    with pytest.raises(CheckFailed) as refusal:
        registry.check("99.bad")
    assert [line.split(":")[0].strip() for line in str(refusal.value).splitlines()[1:]] == [
        "observed", "expected", "hint", "next",
    ]  # fmt: skip
    assert "hint:     Read their Events.\n  next:     kubectl get pods" in str(refusal.value)
    assert "99.bad" not in progress.load().get("checks", {})


def test_check_keeps_looking_for_a_moment(monkeypatch, capsys) -> None:
    monkeypatch.setattr(registry, "INTERVAL", 0)
    answers = iter([False, False, True])
    registry.register("99.slow", "Comes true", "")(lambda: Verdict(next(answers), "now", "now", ""))
    registry.check("99.slow")
    assert "✓" in capsys.readouterr().out


def test_every_check_has_a_hint_of_its_own() -> None:
    hints = [check.hint for check in registry.registered().values()]
    assert all(len(hint.split()) >= 5 and hint.endswith((".", "?")) for hint in hints)
    assert len(set(hints)) == len(hints)


def test_unknown_check_lists_the_known_ones() -> None:
    with pytest.raises(CheckFailed, match=r"00\.node-ready"):
        registry.check("00.no-such-check")


def test_show_prints_the_section_with_its_line_numbers(capsys) -> None:
    showing.show("kubernetes-config/storage/pv.yaml", "spec.hostPath", {"path": "a folder of the node"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# kubernetes-config/storage/pv.yaml, lines ")
    assert any("/mnt/data/nemollm-inference   ◄ a folder of the node" in line for line in lines)
    assert not any("accessModes" in line for line in lines)


def test_show_refuses_what_is_not_there() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        showing.show("kubernetes-config/storage/pv.yaml", "spec.nowhere")
    with pytest.raises(KeyError, match="kapacity"):
        showing.show(
            "kubernetes-config/storage/pv.yaml", "spec", {"kapacity": "a note for a line that is missing"}
        )


def test_figures_need_a_description() -> None:
    plot, _ = plt.subplots()
    plt.close(plot)
    with pytest.raises(ValueError, match="at least 5 words"):
        figures.figure(plot, alt="A bar chart")


def test_scores_follow_their_definitions() -> None:
    score = Score(questions=4, k=3, ranks=(1, 2, 0, 3))
    assert score.hit_rate == 0.75
    assert score.mrr == pytest.approx((1 + 1 / 2 + 1 / 3) / 4)


def test_evidence_is_found_across_line_breaks_and_case() -> None:
    passages = [{"content": "nothing here"}, {"content": "More than\n350 People took part"}]
    assert rank_of_evidence(passages, "more than 350 people") == 2
    assert rank_of_evidence(passages, "more than 351 people") == 0


def test_evaluate_asks_every_answerable_question() -> None:
    asked = []
    score = evaluate(lambda question, k: asked.append((question, k)) or [], source="llama2_overview.pdf", k=5)
    assert score.questions == len(asked) == len(questions("llama2_overview.pdf")) >= 20
    assert {k for _, k in asked} == {5} and score.hit_rate == 0


@pytest.mark.parametrize(
    ("kind", "obj", "ready"),
    [
        ("pvc", {"status": {"phase": "Pending"}}, False),
        ("pvc", {"status": {"phase": "Bound"}}, True),
        (
            "deployment",
            {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": {"observedGeneration": 1}},
            False,
        ),
        (
            "statefulset",
            {
                "metadata": {"generation": 2},
                "spec": {"replicas": 2},
                "status": {"observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 2},
            },
            True,
        ),
    ],
)
def test_readiness_rules(kind, obj, ready) -> None:
    assert RULES[kind](obj)[0] is ready


def test_a_lesson_lasts_from_its_start_to_its_last_check(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(["10:00", "10:01", "10:02"])
    monkeypatch.setattr(progress, "_now", lambda: next(moments))
    assert not progress.within("99", last="99.clean")
    progress.enter("99")
    assert progress.within("99", last="99.clean")
    assert not progress.within("98", last="98.clean")
    progress.passed("99.clean")
    assert not progress.within("99", last="99.clean"), "it is over: starting it again begins anew"
    progress.enter("99")
    assert progress.within("99", last="99.clean"), "an earlier visit's last check does not count"
