"""Checks of lesson 00, start here."""

from __future__ import annotations

from typing import Any

from raglab.lesson import cluster, progress
from raglab.lesson.checks.registry import Verdict, register


@register(
    "00.strict-shell",
    "A failing shell command fails its cell",
    "The first cell loads the extension; after a restart of the kernel it has to run again.",
)
def strict_shell() -> Verdict:
    loaded = progress.extension_loaded()
    state = "the lab's extension is loaded" if loaded else "the extension is not loaded"
    return Verdict(loaded, state, "%load_ext raglab.lesson has run", "Run the first cell of this lesson")


@register(
    "00.node-ready",
    "The node is Ready",
    "A cluster that has just started needs a moment; one that stays NotReady lacks disk or memory.",
)
def node_ready() -> Verdict:
    nodes = cluster.items("nodes")
    conditions = [c for node in nodes for c in node["status"]["conditions"] if c["type"] == "Ready"]
    ready = sum(c["status"] == "True" for c in conditions)
    return Verdict(
        ready > 0 and ready == len(nodes), f"{ready} of {len(nodes)}", "every node Ready", "raglab doctor"
    )


@register(
    "00.first-answer",
    "The model has answered",
    "Pass the whole JSON: `choices` holds the text, `usage` the counted tokens.",
)
def first_answer(answer: dict[str, Any]) -> Verdict:
    usage, choices = answer.get("usage", {}), answer.get("choices", [])
    text = choices[0]["message"]["content"].strip() if choices else ""
    observed = (
        "an answer with text and token counts"
        if text and usage.get("completion_tokens")
        else str(answer)[:200]
    )
    return Verdict(
        bool(text and usage.get("completion_tokens")),
        observed,
        "an answer with text",
        "Run the cell with the question again",
    )


@register(
    "00.first-pod",
    "Your first pod has run to its end",
    "A pod goes from Pending over Running to Succeeded; its Events say where it stopped.",
)
def first_pod() -> Verdict:
    phase = cluster.get("pod", "hello", namespace="hello")["status"]["phase"]
    return Verdict(phase == "Succeeded", phase, "Succeeded", "kubectl describe pod hello -n hello")


@register(
    "00.repaired",
    "The pod with the wrong image runs after its repair",
    "Compare the image in the pod's Events with one that exists, letter by letter.",
)
def repaired() -> Verdict:
    pod = cluster.get("pod", "typo", namespace="hello")
    image, phase = pod["spec"]["containers"][0]["image"], pod["status"]["phase"]
    observed = f"{phase} with {image}"
    return Verdict(phase == "Succeeded", observed, "Succeeded", "kubectl describe pod typo -n hello")


@register(
    "00.clean",
    "Nothing of this lesson remains",
    "A namespace takes all that is in it along when it is deleted.",
)
def clean() -> Verdict:
    left = cluster.exists("namespace", "hello")
    return Verdict(
        not left,
        "no namespace hello" if not left else "namespace hello",
        "no namespace hello",
        "kubectl delete namespace hello",
    )
