"""Two releases behind one Service: how a model is replaced while requests go on."""

from __future__ import annotations

from drawing import Drawing

DESCRIPTION = (
    "Three moments of a substitution, from left to right. First: clients send requests to the Service "
    "nemollm-inference, which leads to the pod of the old release; the pod of the new release is ready and gets none. "
    "Second: the Service leads to the new release; the old pod answers what it has begun. Third: the old pod is gone. "
    "An arrow back from the second moment to the first is the rollback: nothing but the Service changes. "
    "Dashed borders mark what is simulated on the pocket cluster."
)
MOMENTS = ("1 · beside", "2 · switched", "3 · drained")
WIDTH = 290


def draw() -> Drawing:
    """The three moments side by side."""
    d = Drawing(900, 300, "Substituting a model behind one Service", DESCRIPTION)
    for number, title in enumerate(MOMENTS):
        _moment(d, 15 + number * WIDTH, number, title)
    d.arrow([(445, 268), (445, 284), (155, 284), (155, 268)])
    d.text(300, 278, "helm rollback", "small")
    return d


def _moment(d: Drawing, x: float, number: int, title: str) -> None:
    d.frame((x, 10), (WIDTH - 20, 250), title)
    d.box((x + 90, 40), (90, 34), ["clients"], "grey")
    d.box((x + 50, 105), (170, 46), ["Service", "nemollm-inference"], "green")
    d.arrow([(x + 135, 74), (x + 135, 103)])
    d.box((x + 12, 190), (118, 56), ["old model", "llama-2-7b-chat"], "blue", lit=number < 2, simulated=True)
    d.box((x + 140, 190), (118, 56), ["new model", "mistral-7b-instruct"], "red", simulated=True)
    d.arrow([(x + 110, 151), (x + 72, 188)], lit=number == 0)
    d.arrow([(x + 160, 151), (x + 198, 188)], lit=number > 0)
