"""Checks of lesson 05, monitoring. They ask the exporter, and Prometheus at its NodePort."""

from __future__ import annotations

from raglab.gpus.inventory import RESOURCE
from raglab.lesson import cluster, preparing, prometheus, upstream
from raglab.lesson.checks.registry import Verdict, register

NAMESPACE = upstream.STACK.namespace
JOBS = ("gpu-metrics", "kube-prometheus-stack-prometheus", "kube-prometheus-stack-grafana")
GRAFANA = "kube-prometheus-stack-grafana"
GRAFANA_PORT, PORT_NAME = 31091, "http-web"
LLM = '{pod=~"nemollm-inference-.*"}'
FRESH = "last_over_time(DCGM_FI_DEV_GPU_UTIL{}[5s])"
"""What is scraped now: Prometheus goes on showing the series of a removed job for five minutes."""
BUSY = 50  # per cent that the language model's GPU has reached under load; a wide margin below 100
ENERGY = 'sum by (pod) (increase(DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{pod!=""}[1m])) / 1000'
CLOSE = 0.05  # share by which two energies may differ: a moment passes between the queries


@register(
    "05.series",
    "You know who holds the GPUs",
    "The label container of DCGM_FI_DEV_FB_USED names the holder; an idle GPU has none.",
)
def series(holders: dict[str, str]) -> Verdict:
    pods = cluster.items("pods", "-A", "--field-selector=status.phase=Running")
    wanted = {
        container["name"]
        for pod in pods
        for container in pod["spec"]["containers"]
        if RESOURCE in container.get("resources", {}).get("limits", {})
    }
    found = {name for name in holders.values() if name}
    _, total = preparing.gpus()
    observed = f"{len(holders)} GPUs, held by {', '.join(sorted(found)) or 'nobody'}"
    next_step = "Read the labels of DCGM_FI_DEV_FB_USED again"
    return Verdict(found == wanted and len(holders) == total, observed, ", ".join(sorted(wanted)), next_step)


@register(
    "05.targets",
    "Prometheus scrapes the exporter, itself and Grafana",
    "A target appears some seconds after its monitor; one that is down says why on the page.",
)
def targets() -> Verdict:
    found = prometheus.targets()
    wrong = [f"{job}: {found.get(job, 'no target')}" for job in JOBS if found.get(job) != "up"]
    down = [f"{job}: {health}" for job, health in found.items() if health != "up" and job not in JOBS]
    observed = "; ".join(wrong + down) or "all targets up"
    return Verdict(
        not wrong + down, observed, "all targets up", "Open the page Status > Targets at port 30090"
    )


@register(
    "05.busy",
    "Load has made the language model's GPU busy",
    "The check looks back two minutes, at the series whose label pod names the language model.",
)
def busy() -> Verdict:
    found = prometheus.query(f"max_over_time(DCGM_FI_DEV_GPU_UTIL{LLM}[2m])")
    most = max((value for _, value in found), default=0.0)
    observed = f"its utilisation has passed {BUSY} %" if most > BUSY else f"at most {most:.0f} %"
    return Verdict(most > BUSY, observed, f"more than {BUSY} %", "Run the cell with load() again")


@register(
    "05.nims",
    "Prometheus scrapes the model servers, each once",
    "Prometheus takes only monitors with the label release=kube-prometheus-stack.",
)
def nims() -> Verdict:
    pods = cluster.items("pods", "-l", "app.kubernetes.io/name in (nemollm-inference,nemollm-embedding)")
    wanted = sorted(pod["metadata"]["name"] for pod in pods)
    found = sorted(labels["pod"] for labels, _ in prometheus.query('up{namespace="rag-sample"} == 1'))
    observed = ", ".join(found) or "no target in rag-sample"
    next_step = "kubectl get podmonitors -n prometheus --show-labels"
    return Verdict(found == wanted != [], observed, ", ".join(wanted), next_step)


@register(
    "05.grafana",
    "Grafana is open at its port and still a target",
    "The ServiceMonitor looks for a port by its name: the patch must keep it.",
)
def grafana() -> Verdict:
    (port,) = cluster.get("service", GRAFANA, namespace=NAMESPACE)["spec"]["ports"]
    health = prometheus.targets().get(GRAFANA, "no target")
    observed = f"port {port['name']} at {port.get('nodePort', 'no NodePort')}, target {health}"
    right = (port["name"], port.get("nodePort"), health) == (PORT_NAME, GRAFANA_PORT, "up")
    expected = f"port {PORT_NAME} at {GRAFANA_PORT}, target up"
    return Verdict(right, observed, expected, f"kubectl get service {GRAFANA} -n {NAMESPACE} -o yaml")


@register(
    "05.energy",
    "Your expression tells the energy of each pod",
    "The counter is in millijoules and never stops: increase over [1m], one series for each pod, no idle GPU.",
)
def energy(expression: str) -> Verdict:
    found, wanted = (
        prometheus.query(expression),
        {labels["pod"]: value for labels, value in prometheus.query(ENERGY)},
    )
    told = {labels.get("pod", ""): value for labels, value in found}
    expected = f"one series per pod, for {len(wanted)} pods, in joules of the last minute"
    if told.keys() != wanted.keys() or len(found) != len(told):
        names = ", ".join(sorted(told)) or "nothing"
        return Verdict(
            False, f"{len(found)} series: {names}", expected, 'sum by (pod) (…), with pod!="" inside'
        )
    far = [pod for pod, value in told.items() if abs(value - wanted[pod]) > CLOSE * wanted[pod]]
    observed = f"{', '.join(far)}: other values" if far else f"{len(told)} pods, in joules"
    return Verdict(not far and bool(told), observed, expected, "The counter is in mJ; increase(…[1m])")


@register(
    "05.repaired",
    "Every GPU counts once, and its pod is called pod",
    "Two jobs count each GPU twice; honorLabels keeps the exporter's own label pod.",
)
def repaired() -> Verdict:
    _, total = preparing.gpus()
    counted = len(prometheus.query(FRESH.format("")))
    named = len(prometheus.query(FRESH.format(LLM)))
    observed = f"{counted} series for {total} GPUs, {named} with the language model's pod"
    next_step = "kubectl get servicemonitor dcgm-exporter -n gpu-operator -o yaml"
    return Verdict(counted == total and named == 1, observed, f"{total} series, 1 with its pod", next_step)


@register(
    "05.clean",
    "Nothing of this lesson remains",
    "Uninstalling a chart leaves the kinds (CRDs) that it brought.",
)
def clean() -> Verdict:
    charts = (upstream.GPU_OPERATOR, upstream.STACK)
    spaces = [c.namespace for c in charts if cluster.exists("namespace", c.namespace)]
    left = [f"namespace/{name}" for name in spaces] + [f"crd/{n}" for c in charts for n in upstream.kinds(c)]
    observed = ", ".join(left) or "no namespace of this lesson, no kind of its operators"
    return Verdict(not left, observed, "neither namespaces nor kinds", f"kubectl delete {' '.join(left)}")
