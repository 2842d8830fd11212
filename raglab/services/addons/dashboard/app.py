"""The web application: the page, what it draws, and the small part of Grafana's API that people use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
from aiohttp import ClientSession, web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest

import raglab
from raglab.incluster import Api
from raglab.services.addons.dashboard.library import Contents, Dashboard, Library
from raglab.services.addons.dashboard.login import login
from raglab.services.addons.dashboard.prometheus import Prometheus, PrometheusError
from raglab.services.addons.dashboard.rendering import render
from raglab.services.addons.dashboard.settings import Settings
from raglab.services.addons.dashboard.timerange import RangeError
from raglab.services.addons.dashboard.view import Request, view

STATIC = Path(__file__).parent / "static"
MOST_POINTS = 2000
ABOUT = "raglab dashboard: renders Grafana dashboards; not Grafana"
HEADERS = {
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
VIEWS = Counter("raglab_dashboard_views", "Dashboards that were shown or refreshed.", ["uid"])
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class App:
    """One service: its library and its connection to Prometheus."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.web = web.Application(
            middlewares=[
                _headers,
                login(settings.user, settings.password, settings.anonymous),  # type: ignore[list-item]
            ]
        )
        self.web.cleanup_ctx.append(self._connect)
        self.web.add_routes([web.get(path, handler) for path, handler in self._routes().items()])
        self.web.router.add_static("/static", STATIC)

    def _routes(self) -> dict[str, Handler]:
        return {
            "/": self._page,
            "/dashboards": self._page,
            "/d/{uid}": self._page,
            "/d/{uid}/{slug}": self._page,
            "/api/health": self._health,
            "/metrics": self._metrics,
            "/api/search": self._search,
            "/api/dashboards/uid/{uid}": self._dashboard,
            "/api/raglab/home": self._home,
            "/api/raglab/view/{uid}": self._view,
        }

    async def _connect(self, app: web.Application) -> Any:
        settings = self._settings
        async with ClientSession() as self._session:
            api = Api() if settings.in_cluster else None
            datasources = settings.provisioning / "datasources"
            self._library = Library(settings.dashboards, datasources, api, self._defaults)
            yield

    def _defaults(self) -> Contents:
        return Contents(prometheus_url=self._settings.prometheus_url, interval=self._settings.interval)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _health(self, request: web.Request) -> web.Response:
        return _json({"database": "ok", "version": raglab.__version__, "raglab": ABOUT})

    async def _metrics(self, request: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=generate_latest(), headers=headers)

    async def _search(self, request: web.Request) -> web.Response:
        wanted = request.query.get("query", "").lower()
        contents = await self._library.contents()
        entries = [_entry(one) for one in contents.dashboards.values() if wanted in one.title.lower()]
        return _json(sorted(entries, key=lambda entry: str(entry["title"])))

    async def _dashboard(self, request: web.Request) -> web.Response:
        found = await self._find(request)
        return _json({"meta": {"type": "db", "slug": found.slug, "url": found.url}, "dashboard": found.json})

    async def _home(self, request: web.Request) -> web.Response:
        contents = await self._library.contents()
        entries = [_entry(one) | {"source": one.source} for one in contents.dashboards.values()]
        problems = contents.problems + await self._prometheus_problems(contents)
        return _json({"dashboards": sorted(entries, key=lambda one: str(one["title"])), "problems": problems})

    async def _prometheus_problems(self, contents: Contents) -> list[str]:
        if not contents.prometheus_url:
            return ["No datasource says where Prometheus is."]
        try:
            await Prometheus(self._session, contents.prometheus_url).instant("vector(1)", 0)
        except PrometheusError as error:
            return [str(error)]
        return []

    async def _view(self, request: web.Request) -> web.Response:
        found, contents = await self._find(request), await self._library.contents()
        prometheus = Prometheus(self._session, contents.prometheus_url)
        VIEWS.labels(found.uid).inc()
        try:
            shown = await view(found.json, _asked(request), prometheus, contents.interval)
        except RangeError as error:
            return _json({"message": str(error)}, 400)
        body = await asyncio.to_thread(orjson.dumps, render(shown, found.uid))
        return web.Response(body=body, content_type="application/json")

    async def _find(self, request: web.Request) -> Dashboard:
        uid = request.match_info["uid"]
        if found := (await self._library.contents()).dashboards.get(uid):
            return found
        raise web.HTTPNotFound(text='{"message":"Dashboard not found"}', content_type="application/json")


def _entry(one: Dashboard) -> dict[str, Any]:
    return {
        "uid": one.uid,
        "title": one.title,
        "url": one.url,
        "type": "dash-db",
        "tags": one.json.get("tags") or [],
    }


def _asked(request: web.Request) -> Request:
    query = request.query
    chosen = {name[4:]: query.getall(name) for name in query if name.startswith("var-")}
    points = query.get("points", "")
    amount = min(max(int(points), 10), MOST_POINTS) if points.isdigit() else Request.points
    return Request(query.get("from", ""), query.get("to", ""), chosen, amount)


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


@web.middleware
async def _headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(HEADERS)
        raise
    response.headers.update(HEADERS)
    return response
