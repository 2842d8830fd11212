"""`nvidia-smi` for the simulated GPUs: the parts of it that people use, in its own formats."""
