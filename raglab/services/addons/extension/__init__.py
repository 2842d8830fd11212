"""What servers behind the Kubernetes API have in common: certificate, callers, refusals, the API as a pod sees it."""
