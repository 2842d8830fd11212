"""`python -m raglab.gpus.smi`: what the program ``nvidia-smi`` of GPU pods runs."""

from __future__ import annotations

import sys

from raglab.gpus.smi.view import view


def main(arguments: list[str]) -> int:
    """Answer the command line; returns the exit code."""
    seen = view()
    if arguments != ["-L"]:
        print("Only 'nvidia-smi -L' is possible with the simulated driver.", file=sys.stderr)
        return 2
    for device in seen.devices:
        print(f"GPU {device.index}: {seen.inventory.product} (UUID: {device.uuid})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
