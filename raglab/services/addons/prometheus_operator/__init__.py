"""Stand-in for the Prometheus operator v0.71: from objects of monitoring.coreos.com to a configured Prometheus.

Selection, names of what it makes, and the generated configuration are the real operator's; what it leaves out is what
the course does not use (Alertmanager, Thanos, Probe, ScrapeConfig, remote write, more than one shard).
Reference: https://prometheus-operator.dev/docs/api-reference/api/.
"""
