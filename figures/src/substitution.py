"""Two releases behind one Service: how a model is replaced while requests go on."""

from __future__ import annotations

from drawing import NIM, OBJECT, YOURS, Drawing

DESCRIPTION = (
    "Three moments of a substitution, from left to right. First: clients send requests to the Service "
    "nemollm-inference, which leads to the pod of the old release; the pod of the new release is ready and gets none. "
    "Second: the Service leads to the new release; the old pod answers what it has begun. Third: the old pod is gone. "
    "An arrow back from the second moment to the first is the rollback: nothing but the Service changes. "
    "Dashed borders mark the stand-ins of the pocket cluster, here the two models."
)
MOMENTS = ("1 · beside", "2 · switched", "3 · drained")
STEP, WIDTH = 295, 280


def draw() -> Drawing:
    """The three moments side by side."""
    d = Drawing(900, 305, "Substituting a model behind one Service", DESCRIPTION)
    for number, title in enumerate(MOMENTS):
        _moment(d, 15 + number * STEP, number, title)
    d.arrow([(450, 260), (450, 294), (155, 294), (155, 262)])
    d.text(302, 287, "helm rollback")
    return d


def _moment(d: Drawing, x: float, number: int, title: str) -> None:
    d.frame((x, 10), (WIDTH, 250), title)
    d.box((x + 95, 40), (90, 34), ["clients"], YOURS)
    d.box((x + 50, 105), (180, 46), ["Service", "nemollm-inference"], OBJECT)
    d.arrow([(x + 140, 74), (x + 140, 103)])
    d.box((x + 10, 190), (120, 56), ["old model", "llama-2-7b-chat"], NIM, lit=number < 2)
    d.box((x + 138, 190), (134, 56), ["new model", "mistral-7b-instruct"], NIM)
    d.arrow([(x + 110, 151), (x + 72, 188)] if number == 0 else [(x + 170, 151), (x + 205, 188)])
