"""From a GPU to a chart: who measures, who scrapes, who asks, and who tells Prometheus what to scrape."""

from __future__ import annotations

from drawing import GPU, MONITORING, NIM, OBJECT, PROMETHEUS, YOURS, Drawing

DESCRIPTION = (
    "From left to right. The driver knows how busy each GPU is; the DCGM exporter reads it every 1 to 30 seconds and "
    "answers on port 9400. Prometheus scrapes the exporter and the model servers and keeps the values. "
    "Grafana and your notebook ask Prometheus with PromQL. Above, the Prometheus operator turns ServiceMonitors and "
    "PodMonitors that carry the release label into Prometheus' settings. GPUs, exporter, NIMs, operator, Grafana are "
    "stand-ins on the pocket cluster, so their borders are dashed; Prometheus is the real one."
)


def draw() -> Drawing:
    """Sources at the left, Prometheus in the middle, those who ask at the right, the operator above."""
    d = Drawing(900, 295, "How a GPU's numbers reach you", DESCRIPTION)
    d.box((15, 125), (110, 60), ["GPUs", "driver"], GPU)
    d.box((205, 125), (180, 60), ["DCGM exporter", "port 9400, /metrics"], GPU)
    d.box((205, 220), (180, 60), ["NIMs", "/v1/metrics"], NIM)
    d.box((490, 155), (150, 70), ["Prometheus", "series over time"], PROMETHEUS)
    d.box((740, 115), (145, 55), ["Grafana", "port 31091"], MONITORING)
    d.box((740, 210), (145, 55), ["your notebook", "port 30090"], YOURS)
    d.box((205, 15), (180, 68), ["ServiceMonitor", "PodMonitor", "label release=…"], OBJECT)
    d.box((462, 15), (206, 68), ["Prometheus operator", "monitors → settings"], MONITORING)
    d.arrow([(385, 49), (460, 49)])
    d.arrow([(565, 83), (565, 153)])
    d.arrow([(205, 155), (127, 155)], "1–30 s")
    d.arrow([(490, 175), (437, 175), (437, 155), (387, 155)])
    d.arrow([(490, 205), (437, 205), (437, 250), (387, 250)])
    d.text(437, 145, "scrape")
    d.arrow([(740, 142), (690, 142), (690, 178), (642, 178)])
    d.arrow([(740, 237), (690, 237), (690, 202), (642, 202)])
    d.text(690, 132, "PromQL")
    return d
