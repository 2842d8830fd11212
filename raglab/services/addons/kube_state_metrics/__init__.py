"""Stand-in for kube-state-metrics: what the objects of the cluster say of themselves, as series for Prometheus.

Names and labels are those of kube-state-metrics 2.10 (its documentation, ``docs/metrics``); only the families that
lessons and dashboards use are here.
"""
