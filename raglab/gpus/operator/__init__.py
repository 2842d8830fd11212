"""What runs in the pods of the chart ``gpu-operator`` on the pocket node: small programs with the jobs of NVIDIA's.

Where the real component installs something into a node, its stand-in checks that the pocket node does it by itself, and
says so in its log. Features, labels and validations are found, written and made as the real ones do, through the API.
Run one with ``python -m raglab.gpus.operator PART``.
"""
