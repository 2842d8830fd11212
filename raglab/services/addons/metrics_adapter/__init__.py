"""Stand-in for prometheus-adapter: series of Prometheus as Kubernetes' custom and external metrics.

It reads the real adapter's rule file and behaves as prometheus-adapter v0.12.0 does towards clients; how that is was
read in its source and documentation (kubernetes-sigs/prometheus-adapter). `resourceRules` are the one part left out.
"""
