"""Starts the service: ``python -m raglab.services.frontend``."""

from __future__ import annotations

import logging
import os
import sys

import uvicorn

from raglab.services.frontend.app import App
from raglab.services.frontend.settings import Settings, SettingsError

GRACE = 50
"""Seconds that running answers may take after SIGTERM; the pod's grace period is 60."""


def main() -> int:
    """Serve until SIGTERM; 1 with one line when a setting cannot work."""
    try:
        settings = Settings.from_environment(os.environ)
    except SettingsError as error:
        print(f"frontend: {error}", file=sys.stderr)
        return 1
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format=form)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger(__name__).info("asks %s, listens on port %d", settings.query_router, settings.port)
    uvicorn.run(
        App(settings).web,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,  # every open page asks for the state every few seconds
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=75,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
