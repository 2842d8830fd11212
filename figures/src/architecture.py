"""The one architecture drawing; each lesson lights its own part."""

from __future__ import annotations

from drawing import APPLICATION, GPU, KUBERNETES, MONITORING, NIM, OBJECT, PROMETHEUS, YOURS, Drawing

EVERYTHING = frozenset(
    {"tools", "api", "frontend", "router", "llm", "embedding", "pgvector", "volumes", "gpus"}
)

LESSONS = {
    "00": frozenset({"tools", "api", "llm", "gpus"}),
    "01": frozenset({"tools", "api", "gpus"}),
    "02": frozenset({"tools", "api", "gpus"}),
    "03": EVERYTHING,
    "04": frozenset({"tools", "frontend", "router", "llm", "embedding", "pgvector"}),
    "05": frozenset({"tools", "api", "llm", "embedding", "gpus", "monitoring"}),
    "06": frozenset({"tools", "api", "llm", "embedding", "gpus", "monitoring"}),
    "07": frozenset({"tools", "api", "router", "llm", "gpus"}),
}

DESCRIPTION = (
    "On the left the learner's tools: notebook, kubectl, helm. They talk to the Kubernetes API and, through "
    "node ports, to the pods; a browser opens the frontend, a chat page. In the cluster the frontend asks the "
    "query-router, and the query-router calls the LLM NIM, the embedding NIM and pgvector. "
    "These three have a persistent volume each, and the two NIMs and the query-router hold one GPU each of the "
    "node's four. "
    "Dashed borders mark what is simulated or a stand-in on the pocket cluster: the Kubernetes API with its node, "
    "the two NIMs, and the GPUs. "
)
MONITORING_STACK = (
    "Below them stands the monitoring: Grafana asks Prometheus, Prometheus the DCGM exporter, "
    "and the exporter the GPUs. "
)


def draw(lesson: str) -> Drawing:
    """The architecture with the parts of `lesson` lit."""
    lit = LESSONS[lesson]
    lights = "Everything is lit." if lit == EVERYTHING else f"Lit in this lesson: {', '.join(sorted(lit))}."
    told = DESCRIPTION + (MONITORING_STACK if "monitoring" in lit else "") + lights
    d = Drawing(900, 430, f"The lab's architecture, lesson {lesson}", told)
    d.frame(
        (200, 15), (685, 410), "Kubernetes node minikube (pocket: pods are processes on this machine)", True
    )
    _clients(d, lit)
    _application(d, lit)
    _gpus(d, lit)
    if "monitoring" in lit:
        _monitoring(d)
    return d


def _clients(d: Drawing, lit: frozenset[str]) -> None:
    tools = ["Your tools", "notebook", "kubectl · helm", "Python client"]
    d.box((15, 50), (150, 150), tools, YOURS, "tools" in lit)
    d.box((15, 265), (150, 56), ["Your browser", "NodePort 30001"], YOURS, "frontend" in lit)
    d.arrow([(165, 78), (213, 78)], lit="api" in lit)
    d.arrow([(165, 178), (213, 178)], lit="router" in lit)
    d.arrow([(165, 293), (213, 293)], lit="frontend" in lit)


def _application(d: Drawing, lit: frozenset[str]) -> None:
    d.box((215, 50), (180, 56), ["Kubernetes API", "kubeconfig, TLS"], KUBERNETES, "api" in lit)
    router = ["query-router", "upload · search · generate"]
    d.box((215, 150), (180, 70), router, APPLICATION, "router" in lit)
    d.box((215, 265), (180, 56), ["frontend", "chat page"], APPLICATION, "frontend" in lit)
    d.arrow([(305, 265), (305, 222)], lit="frontend" in lit and "router" in lit)
    stores = (
        ("llm", 50, ["LLM NIM", "nemollm-inference"], NIM, "50Gi"),
        ("embedding", 157, ["Embedding NIM", "nemollm-embedding"], NIM, "50Gi"),
        ("pgvector", 265, ["pgvector", "PostgreSQL and vectors"], APPLICATION, "5Gi"),
    )
    for name, y, lines, kind, size in stores:
        d.arrow([(395, 185), (440, 185), (440, y + 28), (483, y + 28)], lit="router" in lit)
        d.box((485, y), (185, 56), lines, kind, name in lit)
        d.arrow([(670, y + 28), (728, y + 28)], lit="volumes" in lit)
        d.box((730, y), (135, 56), ["Volume", size], OBJECT, "volumes" in lit)


def _gpus(d: Drawing, lit: frozenset[str]) -> None:
    for index in range(4):
        d.box((215 + 66 * index, 365), (58, 42), [f"GPU {index}"], GPU, "gpus" in lit)
    if "router" in lit and "gpus" in lit:
        d.text(490, 390, "one each for the two NIMs and the query-router", "muted left")


def _monitoring(d: Drawing) -> None:
    d.box((497, 365), (132, 42), ["DCGM exporter"], GPU)
    d.box((653, 365), (106, 42), ["Prometheus"], PROMETHEUS)
    d.box((783, 365), (82, 42), ["Grafana"], MONITORING)
    for right, left in ((497, 473), (653, 629), (783, 759)):
        d.arrow([(right, 386), (left + 2, 386)])
