"""What the environment says about the load."""

import os

MODEL = os.environ.get("LOAD_MODEL", "")
"""Name of the model to ask for; empty: the one that the service offers."""
MAX_TOKENS = int(os.environ.get("LOAD_MAX_TOKENS", "50"))
"""Most tokens of an answer."""
WAIT = tuple(float(part) for part in os.environ.get("LOAD_WAIT", "2,5").split(","))
"""Shortest and longest pause between two requests of a user, in seconds."""
ROUTER = os.environ.get("LOAD_ROUTER", "http://query-router.rag-sample.svc.cluster.local:8081").rstrip("/")
"""Where the query-router answers; LOCUST_HOST is the language model's address."""
TIMEOUT = float(os.environ.get("LOAD_TIMEOUT", "120"))
"""Seconds that a user waits for an answer."""
HEADERS = {"Connection": "close"}
"""A new connection per request. A kept one stays with one pod for ever, so that new replicas would get no work."""
