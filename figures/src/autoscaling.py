"""The control loop of autoscaling: from a busy GPU to one more replica, and what each step waits for."""

from __future__ import annotations

from drawing import Drawing

DESCRIPTION = (
    "A loop of six parts. The StatefulSet's pods keep GPUs busy. The DCGM exporter measures that every second. "
    "Prometheus scrapes the exporter every second and evaluates the recording rule every five. The metrics adapter "
    "answers the custom metrics API from that series, and looks for new series every 15 seconds. The "
    "HorizontalPodAutoscaler asks the API every 15 seconds and sets the StatefulSet's replicas, which closes the loop. "
    "Locust's users send requests to the pods. Dashed borders mark what is simulated on the pocket cluster."
)
PARTS = (
    ((320, 30), ["DCGM exporter", "measures · 1 s"], "yellow", True),
    ((610, 30), ["Prometheus", "scrapes · 1 s"], "red", False),
    ((610, 210), ["Metrics adapter", "new series · 15 s"], "green", True),
    ((320, 210), ["HorizontalPodAutoscaler", "decides · 15 s"], "blue", False),
)
SIZE = (210, 60)


def draw() -> Drawing:
    """The loop, clockwise from the pods at the left."""
    d = Drawing(900, 300, "The control loop of a HorizontalPodAutoscaler", DESCRIPTION)
    d.box((30, 30), (190, 60), ["Locust", "users"], "grey")
    d.box(
        (30, 150),
        (190, 90),
        ["StatefulSet", "nemollm-inference", "1 to 3 pods, a GPU each"],
        "blue",
        simulated=True,
    )
    for at, lines, colour, simulated in PARTS:
        d.box(at, SIZE, lines, colour, simulated=simulated)
    d.arrow([(125, 90), (125, 148)])
    d.text(172, 122, "requests", "small")
    d.arrow([(220, 170), (270, 170), (270, 60), (318, 60)])
    d.text(299, 122, "GPU use", "small")
    d.arrow([(530, 60), (608, 60)], "scrape")
    d.arrow([(705, 90), (705, 208)])
    d.text(774, 145, "recording rule · 5 s", "small")
    d.arrow([(608, 240), (532, 240)], "metrics API")
    d.arrow([(318, 225), (222, 225)], "replicas")
    return d
