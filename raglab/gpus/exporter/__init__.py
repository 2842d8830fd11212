"""The DCGM exporter of the simulated GPUs: NVIDIA's series, labels and settings; values as measured or derived.

Utilisation and memory are measured from the processes that hold the devices, clocks, power and heat follow from them
(`raglab.gpus.physics`), and what is not simulated at all stays 0. Run it with ``python -m raglab.gpus.exporter``.
"""
