"""What a NIM is made of: an API server, a chat template, an engine, a model on a volume, one GPU."""

from __future__ import annotations

from drawing import APPLICATION, GPU, KUBERNETES, NIM, OBJECT, PROMETHEUS, YOURS, Drawing, Kind

DESCRIPTION = (
    "On the left those who talk to the NIM. The query-router and you come through the Service nemollm-inference, port "
    "8005, node port 30005. The kubelet probes /v1/health, Prometheus scrapes /v1/metrics. In the middle the pod: its "
    "API server answers them on one port; a chat template turns messages into a prompt, and the engine makes token "
    "after token on one GPU. It has read the model's files from /model-store, a volume, which the NIM fills from NGC "
    "at its first start. All dashed parts are stand-ins on the pocket cluster: there the engine is llama.cpp on the "
    "CPU, its small model comes with the image, and nothing is downloaded."
)
NGC = Kind("grey", stand_in=True)
ASKERS = (
    ["query-router", "chat completions"],
    ["You", "NodePort 30005"],
    ["kubelet", "/v1/health/…"],
    ["Prometheus", "/v1/metrics"],
)
KINDS = (APPLICATION, YOURS, KUBERNETES, PROMETHEUS)
PROBES = (
    "The kubelet's probes: startup waits until the model is loaded,",
    "readiness lets the Service send requests, liveness restarts.",
)


def draw() -> Drawing:
    """Who asks at the left, then the Service, then the pod with its parts, and the volume below."""
    d = Drawing(900, 335, "Anatomy of a NIM", DESCRIPTION)
    middles = [67 + 52 * row for row in range(len(ASKERS))]
    for lines, kind, y in zip(ASKERS, KINDS, middles, strict=True):
        d.box((15, y - 22), (150, 44), lines, kind)
    d.box((195, 45), (145, 96), ["Service", "nemollm-inference", "port 8005"], OBJECT)
    _pod(d)
    for y in middles[:2]:
        d.arrow([(165, y), (193, y)])
    d.arrow([(340, 93), (388, 93)])
    for y in middles[2:]:
        d.arrow([(165, y), (388, y)])
    for number, line in enumerate(PROBES):
        d.text(15, 302 + 17 * number, line, "muted left")
    return d


def _pod(d: Drawing) -> None:
    d.frame((370, 15), (518, 238), "pod nemollm-inference-0", stand_in=True)
    d.box((390, 45), (155, 192), ["API server", "OpenAI's paths,", "health, metrics"], NIM)
    d.box((575, 45), (150, 60), ["Chat template", "messages → prompt"], NIM)
    d.box((750, 45), (128, 60), ["Engine", "token after token"], NIM)
    d.box((750, 177), (128, 60), ["GPU", "nvidia.com/gpu: 1"], GPU)
    d.box((575, 177), (150, 60), ["Model files", "/model-store"], NIM)
    d.arrow([(545, 75), (573, 75)])
    d.arrow([(725, 75), (748, 75)])
    d.arrow([(814, 105), (814, 175)])
    d.arrow([(725, 207), (738, 207), (738, 93), (748, 93)])
    d.box((575, 275), (150, 54), ["Volume", "by its claim"], OBJECT)
    d.box((750, 275), (128, 54), ["NGC", "at the first start"], NGC)
    d.arrow([(650, 275), (650, 239)])
    d.arrow([(750, 302), (727, 302)])
