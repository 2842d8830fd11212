"""Checks of lesson 07, substitute the model."""

from __future__ import annotations

import json

from raglab.gpus.inventory import RESOURCE
from raglab.lesson import cluster, node_port, preparing
from raglab.lesson.checks.registry import Verdict, register
from raglab.lesson.grading import Grade

OLD, NEW = "llama-2-7b-chat", "mistral-7b-instruct"
FIRST, SECOND = "nemollm-inference", "nemollm-mistral"
PORT, ROUTER_PORT = 30005, 30081
ENOUGH = 1000  # requests that make zero failures worth something
FLOOR = 0.25  # a share of right answers that only a broken set-up misses


def _names() -> list[str]:
    """Names that the Service's model answers to, the first the one it signs with."""
    return [entry["id"] for entry in node_port.facts(PORT, "/v1/models")["data"]]


def _releases() -> set[str]:
    listed = cluster.run("helm", "list", "--all-namespaces", "-o", "json")
    return {entry["name"] for entry in json.loads(listed)}


def _missing_model() -> str:
    """What the log of a pod that cannot find its model says to do."""
    for name in (FIRST, SECOND):
        if not cluster.exists("pod", f"{name}-0"):
            continue
        log = cluster.kubectl("logs", f"{name}-0", "-n", cluster.NAMESPACE, "--tail=20")
        if "is missing: run" in log:
            return log.rpartition("run `")[2].partition("`")[0]
    return ""


@register(
    "07.incumbent",
    "The present model is graded",
    "Answers that are all wrong point to a model that is not ready, or to a template of another model.",
)
def incumbent(grade: Grade) -> Verdict:
    share = f"{grade.share:.2f} of the questions"
    return Verdict(
        grade.share >= FLOOR,
        "it reads and answers" if grade.share >= FLOOR else share,
        f"{FLOOR} of the questions or more",
        "Print the answers: [answer.text for answer in grade.answers]",
    )


@register(
    "07.outage",
    "In place, the substitution costs requests",
    "The load has to run before, during and after the upgrade.",
)
def outage(failed: int, seconds: float) -> Verdict:
    told = failed > 0 and seconds > 0
    return Verdict(
        told,
        "requests failed while no model was there" if told else f"{failed} failed, {seconds:.1f} s",
        "failed requests and seconds without an answer",
        "Was the load running? Look at the Locust page, port 30089",
    )


@register(
    "07.beside",
    "The new model runs beside the old one",
    "The second release needs a GPU of its own and its model's file.",
)
def beside() -> Verdict:
    ready = {
        name: cluster.get("statefulset", name)["status"].get("readyReplicas", 0) for name in (FIRST, SECOND)
    }
    wrong = [name for name, count in ready.items() if not count]
    return Verdict(
        not wrong,
        ", ".join(f"{name} {count}/1" for name, count in ready.items()),
        "both ready",
        _missing_model() or f"kubectl describe pod {wrong[0] if wrong else SECOND}-0 -n {cluster.NAMESPACE}",
    )


def _template() -> str:
    return f"helm get values {SECOND} -n {cluster.NAMESPACE}   (is chatTemplate set?)"


@register(
    "07.refused",
    "The gate refuses a model that is ready and useless",
    "A template of another model makes a ready server useless: the candidate has to be graded with it.",
)
def refused(candidate: Grade, present: Grade) -> Verdict:
    passed = candidate.keeps_up_with(present)
    return Verdict(not passed, "let through" if passed else "refused", "refused", _template())


@register(
    "07.accepted",
    "The gate lets the repaired model through",
    "A model brings the template it was trained with; the setting chatTemplate replaces it.",
)
def accepted(candidate: Grade, present: Grade) -> Verdict:
    passed = candidate.keeps_up_with(present)
    return Verdict(
        passed,
        "let through" if passed else f"refused, {candidate.right} right against {present.right}",
        "let through",
        _template(),
    )


@register(
    "07.switched",
    "The model was substituted without losing a request",
    "The selector is switched first, the old pod ends afterwards, and the load runs all the time.",
)
def switched(sent: int, failed: int) -> Verdict:
    names, old = _names(), cluster.get("statefulset", FIRST)["spec"]["replicas"]
    right = names[0] == NEW and OLD in names and not old and not failed and sent >= ENOUGH
    few = "at least 1,000" if sent >= ENOUGH else str(sent)
    return Verdict(
        right,
        f"{names[0]} answers, {failed} of {few} requests failed, {old} old pods",
        f"{NEW} answers, also to {OLD}; 0 of at least 1,000 requests failed, 0 old pods",
        f"kubectl get endpointslices -n {cluster.NAMESPACE}, and the failures on the Locust page",
    )


@register(
    "07.markers",
    "Markers of another model in a prompt ruin its answers",
    "Write the markers into the passage and the question; the server adds those of its own model as well.",
)
def markers(marked: Grade, plain: Grade) -> Verdict:
    worse = marked.right < plain.right
    return Verdict(
        worse, "fewer right answers" if worse else "as many right", "fewer right answers", "Look at hint 2"
    )


@register(
    "07.repaired",
    "The application gets answers again",
    "Clients send a model's name; a name that is not served is refused with 404.",
)
def repaired() -> Verdict:
    body = {"question": "Say yes.", "context": "", "use_knowledge_base": False, "num_tokens": 4}
    answer = node_port.ask(ROUTER_PORT, "/generate", body=body)
    return Verdict(
        answer.ok,
        "it answers" if answer.ok else f"{answer.status_code}: {answer.text}",
        "an answer",
        f"helm history {SECOND} -n {cluster.NAMESPACE}",
    )


@register(
    "07.leaves",
    "The old model answers and nothing of the lesson is left",
    "Go back to the first model before the second release is uninstalled.",
)
def leaves() -> Verdict:
    extra = sorted(_releases() & {SECOND, "locust"})
    extra += ["namespace locust"] if cluster.exists("namespace", "locust") else []
    free, total = preparing.gpus()
    names = _names()
    observed = f"{names[0]}, {free} of {total} {RESOURCE} free{f', {extra}' if extra else ''}"
    right = not extra and OLD in names and NEW not in names and free == 1
    return Verdict(right, observed, f"{OLD}, 1 of {total} free, nothing else", "Run the clean-up cells again")
