"""Starts the service: ``python -m raglab.services.addons.dashboard``."""

from __future__ import annotations

import logging
import os
import sys

from aiohttp import web

from raglab.services.addons.dashboard.app import ABOUT, App
from raglab.services.addons.dashboard.settings import Settings, SettingsError

GRACE = 2.0  # seconds that running answers may take after SIGTERM


def main() -> int:
    """Serve until SIGTERM; 1 with one line when a setting cannot work."""
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        print(f"dashboard: {error}", file=sys.stderr)
        return 1
    logging.getLogger("raglab.dashboard").info("%s, on %s:%d", ABOUT, settings.host, settings.port)
    web.run_app(
        App(settings).web,
        host=settings.host,
        port=settings.port,
        print=None,
        access_log=None,
        shutdown_timeout=GRACE,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
