"""The control loop of autoscaling: from a busy GPU to one more replica, and what each step waits for."""

from __future__ import annotations

from drawing import GPU, KUBERNETES, MONITORING, NIM, PROMETHEUS, YOURS, Drawing

DESCRIPTION = (
    "A loop of six parts. The StatefulSet's pods keep GPUs busy. The DCGM exporter measures that every second. "
    "Prometheus scrapes the exporter every second and evaluates the recording rule every five. The metrics adapter "
    "answers the custom metrics API from that series, and looks for new series every 15 seconds. The "
    "HorizontalPodAutoscaler asks the API every 15 seconds and sets the StatefulSet's replicas, which closes the loop. "
    "Locust's users send requests to the pods. Dashed borders mark what is simulated or a stand-in on the pocket "
    "cluster."
)
PARTS = (
    ((325, 30), ["DCGM exporter", "measures · 1 s"], GPU),
    ((650, 30), ["Prometheus", "scrapes · 1 s"], PROMETHEUS),
    ((650, 210), ["Metrics adapter", "new series · 15 s"], MONITORING),
    ((325, 210), ["HorizontalPodAutoscaler", "decides · 15 s"], KUBERNETES),
)
SIZE = (235, 60)


def draw() -> Drawing:
    """The loop, clockwise from the pods at the left."""
    d = Drawing(900, 285, "The control loop of a HorizontalPodAutoscaler", DESCRIPTION)
    d.box((15, 30), (205, 60), ["Locust", "users"], YOURS)
    d.box((15, 150), (205, 90), ["StatefulSet", "nemollm-inference", "1 to 3 pods, a GPU each"], NIM)
    for at, lines, kind in PARTS:
        d.box(at, SIZE, lines, kind)
    d.arrow([(117, 90), (117, 148)])
    d.text(160, 124, "requests")
    d.arrow([(220, 170), (270, 170), (270, 60), (323, 60)])
    d.text(305, 124, "GPU use")
    d.arrow([(560, 60), (648, 60)], "scraped")
    d.arrow([(767, 90), (767, 208)])
    d.text(836, 150, "rule · 5 s")
    d.arrow([(650, 240), (562, 240)], "metrics API")
    d.arrow([(325, 225), (222, 225)], "replicas")
    return d
