"""Starts the service: ``python -m raglab.services.query_router``."""

from __future__ import annotations

import logging
import logging.config
import os
import sys

os.environ.setdefault("HAYSTACK_TELEMETRY_ENABLED", "False")  # read when Haystack is imported

import uvicorn

from raglab.services.query_router.settings import Settings, SettingsError

GRACE = 50
"""Seconds that running answers may take after SIGTERM; the pod's grace period is 60."""
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"probes": {"()": "raglab.services.query_router.__main__.NotAProbe"}},
    "handlers": {
        "out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "line"}
    },
    "root": {"level": "INFO", "handlers": ["out"]},
    "loggers": {
        "uvicorn.access": {"filters": ["probes"]},
        "haystack": {"level": "WARNING"},
        "haystack.components.generators": {"level": "ERROR"},  # warns when num_tokens ends an answer
        "haystack_integrations": {"level": "ERROR"},  # warns for each connection that the index exists
        "httpx": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
    },
}


class NotAProbe(logging.Filter):
    """Drops the access log's lines for probes and scrapes, which come every few seconds."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Uvicorn passes client, method, path, version, status."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        return len(arguments) < 5 or arguments[4] != 200 or str(arguments[2]) not in ("/health", "/metrics")


def main() -> int:
    """Serve until SIGTERM; 1 with one line when a setting cannot work."""
    try:
        settings = Settings.from_environment(os.environ)
        logging.config.dictConfig(LOGGING)
        from raglab.services.query_router.app import create_app  # after the settings: it imports for seconds

        app = create_app(settings)
    except SettingsError as error:
        print(f"query-router: {error}", file=sys.stderr)
        return 1
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=75,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
