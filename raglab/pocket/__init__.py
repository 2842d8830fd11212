"""The pocket cluster: a small Kubernetes whose pods are local processes.

It serves the Kubernetes API to real clients and runs pods as process groups on this machine.
It knows nothing of lessons, models or GPUs: images and devices are handed in as data (see ``config``).
"""
