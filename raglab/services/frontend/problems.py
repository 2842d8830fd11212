"""Failures as a person reads them: what happened, why, what to do next.

The query-router tells by status code whose turn it is (see its README): 4xx the person's, 503 time's, 502 the
administrator's; its body names the service that failed. Names of services are also the labels of their pods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

QUERY_ROUTER = "query-router"
LLM, EMBEDDING, DATABASE = "nemollm-inference", "nemollm-embedding", "pgvector"
TITLES = {
    QUERY_ROUTER: "The query-router does not answer",
    LLM: "The language model does not answer",
    EMBEDDING: "The embedding model does not answer",
    DATABASE: "The database does not answer",
}
MEANWHILE = {
    EMBEDDING: "Until then you can chat without the knowledge base, which needs the language model only.",
    DATABASE: "Until then you can chat without the knowledge base, which needs the language model only.",
    LLM: "Until then the knowledge base still finds passages.",
}


@dataclass(eq=False)
class Problem(Exception):
    """What the page shows instead of an answer."""

    what: str
    why: str
    next: str
    command: str = ""
    """For a terminal; empty when none helps."""
    service: str = ""
    status: int = 503
    """The HTTP status that the frontend answers with."""

    def body(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "problem": {name: getattr(self, name) for name in ("what", "why", "next", "command", "service")}
        }


def look(service: str, namespace: str) -> str:
    """The command that shows the pods of a service."""
    return f"kubectl get pods -l app.kubernetes.io/name={service}{f' -n {namespace}' if namespace else ''}"


def unreachable(address: str, namespace: str) -> Problem:
    """The query-router takes no connection."""
    return Problem(
        TITLES[QUERY_ROUTER],
        f"No connection to {address}. Its pod is starting, restarting or gone.",
        "Look at its pod; when it is ready, try again.",
        look(QUERY_ROUTER, namespace),
        QUERY_ROUTER,
    )


def too_late(address: str, namespace: str) -> Problem:
    """The query-router took the request and then fell silent."""
    return Problem(
        "The answer takes too long",
        f"The query-router at {address} accepted the request and sent nothing more.",
        "Look at what it is doing; then try again.",
        f"kubectl logs deployment/{QUERY_ROUTER}{f' -n {namespace}' if namespace else ''} --tail=20",
        QUERY_ROUTER,
        504,
    )


def broken_off(reason: str) -> Problem:
    """An answer that ended in the middle, with the reason that the query-router gave."""
    return Problem("The answer broke off", reason, "What came so far is above. Try again.")


def refused(response: httpx.Response, namespace: str) -> Problem:
    """An answer other than success; its body has been read."""
    why, service = _told(response)
    status = response.status_code
    if status == 503 and service in TITLES:
        after = MEANWHILE.get(service, "")
        step = f"Look at its pod; when it is ready, try again. {after}".strip()
        return Problem(TITLES[service], why, step, look(service, namespace), service)
    if status == 502:
        step = "Compare the names and sizes in the chart's values with what the service offers."
        where = f" -n {namespace}" if namespace else ""
        return Problem(
            "The parts do not fit together",
            why,
            step,
            f"helm get values rag-app --all{where}",
            service,
            status,
        )
    if status < 500:
        return Problem("This was not accepted", why, _remedy(status), status=status)
    logs = f"kubectl logs deployment/{QUERY_ROUTER}{f' -n {namespace}' if namespace else ''} --tail=20"
    return Problem("The query-router failed", why, "Its log has the details.", logs, QUERY_ROUTER, status)


def _told(response: httpx.Response) -> tuple[str, str]:
    """The reason and the name of the failed service in an answer of the query-router."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    if isinstance(details := body.get("detail"), list):
        return "; ".join(str(one.get("msg", "")) for one in details), ""
    return str(body.get("message") or f"Status {response.status_code}."), str(body.get("dependency", ""))


def _remedy(status: int) -> str:
    if status == 404:
        return "Somebody else may have deleted it: the list below is up to date."
    if status == 413:
        return "Split the document, or upload a smaller one."
    if status == 415:
        return "Save it as PDF, DOCX, HTML, Markdown or text, and upload that."
    return "Change it and try again."
