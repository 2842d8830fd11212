"""Answers as Kubernetes writes them."""

from __future__ import annotations

import json
import logging
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from raglab.services.addons.extension.errors import StatusError

HEALTH = ("/healthz", "/livez", "/readyz")
"""Paths for probes."""

log = logging.getLogger("raglab.extension")


def api_group(group: str, versions: tuple[str, ...]) -> dict[str, Any]:
    """The entry of an API group in discovery; its first version is the preferred one."""
    listed = [{"groupVersion": f"{group}/{version}", "version": version} for version in versions]
    return {"name": group, "versions": listed, "preferredVersion": listed[0]}


def answer(body: dict[str, Any], status: int = 200) -> web.Response:
    """Compact, as Kubernetes writes it: ``kubectl get --raw`` shows the bytes."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n"
    return web.Response(text=text, content_type="application/json", status=status)


async def ok(request: web.Request) -> web.Response:
    """The server is well."""
    return web.Response(text="ok")


@web.middleware
async def refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refusals as Status objects; unknown paths as Kubernetes' plain text."""
    try:
        return await handler(request)
    except StatusError as error:
        return answer(error.status(), status=error.code)
    except web.HTTPNotFound:
        return web.Response(text="404 page not found\n", status=404)
    except web.HTTPException:
        raise
    except Exception:
        log.exception("%s failed", request.path)
        return answer(StatusError(500, "InternalError", "Internal error occurred").status(), status=500)
