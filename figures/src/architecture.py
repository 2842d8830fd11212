"""The one architecture drawing; each lesson lights its own part."""

from __future__ import annotations

from drawing import Drawing

EVERYTHING = frozenset({"tools", "api", "router", "llm", "embedding", "pgvector", "volumes", "gpus"})

LESSONS = {
    "00": frozenset({"tools", "api", "llm", "gpus"}),
    "01": frozenset({"tools", "api", "gpus"}),
    "02": frozenset({"tools", "api", "gpus"}),
    "03": EVERYTHING,
    "04": frozenset({"tools", "router", "llm", "embedding", "pgvector"}),
    "05": frozenset({"tools", "api", "llm", "embedding", "gpus", "monitoring"}),
    "06": frozenset({"tools", "api", "llm", "embedding", "gpus", "monitoring"}),
    "07": frozenset({"tools", "api", "router", "llm", "gpus"}),
}

DESCRIPTION = (
    "On the left the learner's tools: notebook, kubectl, helm. They talk to the Kubernetes API and, through "
    "node ports, to the pods. In the cluster the query-router calls the LLM NIM, the embedding NIM and pgvector. "
    "Each has a "
    "persistent volume, and the LLM NIM, the embedding NIM and the query-router hold one GPU each of the node's four. "
    "Dashed borders mark what is simulated on the pocket cluster: the Kubernetes API with its node, and the GPUs. "
)
MONITORING = (
    "Below them stands the monitoring, which reads the GPUs and NIMs: DCGM exporter, Prometheus, Grafana. "
)


def draw(lesson: str) -> Drawing:
    """The architecture with the parts of `lesson` lit."""
    lit = LESSONS[lesson]
    lights = "Everything is lit." if lit == EVERYTHING else f"Lit in this lesson: {', '.join(sorted(lit))}."
    told = DESCRIPTION + (MONITORING if "monitoring" in lit else "") + lights
    d = Drawing(900, 430, f"The lab's architecture, lesson {lesson}", told)
    d.box(
        (20, 120),
        (150, 110),
        ["Your tools", "notebook", "kubectl · helm", "Python client"],
        lit="tools" in lit,
    )
    d.frame(
        (210, 20),
        (670, 390),
        "Kubernetes node minikube (pocket: pods are processes on this machine)",
        simulated=True,
    )
    d.box(
        (230, 60),
        (150, 60),
        ["Kubernetes API", "kubeconfig, TLS"],
        "yellow",
        simulated=True,
        lit="api" in lit,
    )
    d.arrow([(170, 150), (200, 150), (200, 90), (228, 90)], lit="api" in lit)
    d.arrow([(170, 200), (228, 200)], lit="router" in lit)
    d.box((230, 165), (175, 70), ["query-router", "upload · search · generate"], "green", lit="router" in lit)
    d.box((500, 50), (170, 70), ["LLM NIM", "nemollm-inference"], "blue", lit="llm" in lit)
    d.box((500, 165), (170, 70), ["Embedding NIM", "nemollm-embedding"], "red", lit="embedding" in lit)
    d.box((500, 280), (170, 70), ["pgvector", "PostgreSQL + vectors"], "green", lit="pgvector" in lit)
    asks = "router" in lit
    d.arrow([(405, 185), (450, 185), (450, 85), (498, 85)], lit=asks)
    d.arrow([(405, 200), (498, 200)], lit=asks)
    d.arrow([(405, 215), (450, 215), (450, 315), (498, 315)], lit=asks)
    for y, size in ((55, "50Gi"), (170, "50Gi"), (285, "5Gi")):
        d.box((730, y), (120, 60), ["Volume", size], "grey", lit="volumes" in lit)
        d.arrow([(670, y + 30), (728, y + 30)], lit="volumes" in lit)
    for index in range(4):
        d.box(
            (230 + 62 * index, 355), (54, 38), [f"GPU {index}"], "yellow", simulated=True, lit="gpus" in lit
        )
    if "monitoring" in lit:
        lines = ["Monitoring", "DCGM exporter · Prometheus · Grafana"]
        d.box((510, 358), (340, 44), lines, "yellow", simulated=True)
        d.arrow([(510, 375), (476, 375)])
    return d
