"""`nvidia-smi` for the simulated GPUs: the parts of it that people use, in its own formats.

It says in its table, its matrix and its help that the devices are simulated; output that programs read (CSV, `-L`,
`dmon`) is left as it is. One difference is deliberate: a pod is shown its processes, with the ids they have there; the
real tool sees none from inside a container.
"""
