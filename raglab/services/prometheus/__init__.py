"""The real Prometheus: fetched once at set-up, run by pods.

`prepare` makes a folder with ``prometheus`` and ``promtool``; `python -m raglab.services.prometheus` is what the image
``quay.io/prometheus/prometheus`` starts.
"""
