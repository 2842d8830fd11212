"""Stand-in for metrics-server: what nodes and pods use, as Kubernetes' resource metrics API (``kubectl top``).

It behaves as metrics-server v0.7 does towards clients; how that is was read in its source and documentation
(kubernetes-sigs/metrics-server). One thing differs: kubelets are asked through the API server's proxy, since on the
pocket cluster they have no port of their own.
"""
