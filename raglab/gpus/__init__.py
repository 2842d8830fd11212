"""The simulated GPUs: what there is, what processes do on them, and the programs that show it (and say so)."""
