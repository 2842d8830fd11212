"""``python -m raglab.pocket --config FILE``: run a cluster in the foreground until Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import logging
from pathlib import Path

from raglab.pocket import cluster
from raglab.pocket.config import Settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m raglab.pocket", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="settings of the cluster, a YAML file")
    parser.add_argument("--log-level", default="INFO", help="DEBUG, INFO, WARNING or ERROR")
    arguments = parser.parse_args()
    logging.basicConfig(level=arguments.log_level, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(cluster.run(Settings.load(arguments.config)))


if __name__ == "__main__":
    main()
