"""From a GPU to a chart: who measures, who scrapes, who asks, and who tells Prometheus what to scrape."""

from __future__ import annotations

from drawing import Drawing

DESCRIPTION = (
    "From left to right. The driver knows how busy each GPU is; the DCGM exporter reads it every 1 to 30 seconds and "
    "answers on port 9400. Prometheus scrapes the exporter and the model servers and keeps the values. "
    "Grafana and your notebook ask Prometheus with PromQL. Above, the Prometheus operator turns ServiceMonitors and "
    "PodMonitors that carry the release label into Prometheus' settings. GPUs, exporter, NIMs, operator, Grafana are "
    "stand-ins on the pocket cluster, so their borders are dashed; Prometheus is the real one."
)


def draw() -> Drawing:
    """Sources at the left, Prometheus in the middle, those who ask at the right, the operator above."""
    d = Drawing(880, 300, "How a GPU's numbers reach you", DESCRIPTION)
    d.box((20, 120), (130, 60), ["GPUs", "driver"], "yellow", simulated=True)
    d.box((235, 120), (165, 60), ["DCGM exporter", "port 9400, /metrics"], "red", simulated=True)
    d.box((235, 215), (165, 60), ["NIMs", "/v1/metrics"], "blue", simulated=True)
    d.box((495, 150), (140, 70), ["Prometheus", "series over time"], "green")
    d.box((735, 110), (130, 55), ["Grafana", "port 31091"], "yellow", simulated=True)
    d.box((735, 205), (130, 55), ["your notebook", "port 30090"], "grey")
    d.box((220, 15), (195, 62), ["ServiceMonitor", "PodMonitor", "label release=…"], "grey")
    d.box((475, 15), (180, 62), ["Prometheus operator", "monitors → settings"], "blue", simulated=True)
    d.arrow([(415, 46), (473, 46)])
    d.arrow([(565, 77), (565, 148)])
    d.arrow([(235, 150), (152, 150)], "1–30 s")
    d.arrow([(495, 170), (450, 170), (450, 150), (402, 150)])
    d.arrow([(495, 200), (450, 200), (450, 245), (402, 245)])
    d.text(450, 140, "scrape", "small")
    d.arrow([(735, 138), (690, 138), (690, 175), (637, 175)])
    d.arrow([(735, 232), (690, 232), (690, 195), (637, 195)])
    d.text(688, 128, "PromQL", "small")
    return d
