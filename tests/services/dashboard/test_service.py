"""The service over HTTP: Grafana's small API, views on a real Prometheus, login, and what goes wrong."""

from __future__ import annotations

import json
import subprocess

import pytest

from raglab.services.addons.dashboard.timerange import TimeRange
from tests.services.conftest import free_address
from tests.services.dashboard.conftest import get, start
from tests.services.dashboard.history import GPUS, INTERVAL, SAMPLES, temperature
from tests.services.dashboard.test_dashboards import DASHBOARDS, queries

UIDS = [dashboard["uid"] for dashboard in DASHBOARDS.values()]


def view(running, uid: str = "raglab-gpu", query: str = "") -> dict:
    return get(running, f"/api/raglab/view/{uid}?{query}").json()


def panel(found: dict, title: str) -> dict:
    return next(one for one in found["panels"] if one["title"] == title)


def test_health_says_what_this_is(dashboard):
    answer = get(dashboard, "/api/health").json()
    assert answer["database"] == "ok"
    assert "not Grafana" in answer["raglab"]


def test_search_lists_and_filters_as_grafana_does(dashboard):
    assert {one["uid"] for one in get(dashboard, "/api/search").json()} == set(UIDS)
    (found,) = get(dashboard, "/api/search?query=gpu").json()
    assert (found["uid"], found["type"]) == ("raglab-gpu", "dash-db")
    assert get(dashboard, found["url"]).status_code == 200


def test_a_dashboard_is_given_back_as_it_was_written(dashboard):
    assert get(dashboard, "/api/dashboards/uid/raglab-gpu").json()["dashboard"] == DASHBOARDS["gpu"]
    missing = get(dashboard, "/api/dashboards/uid/nothing")
    assert (missing.status_code, missing.json()) == (404, {"message": "Dashboard not found"})


@pytest.mark.parametrize("uid", UIDS)
def test_every_panel_shows_something(dashboard, uid):
    for one in view(dashboard, uid)["panels"]:
        assert not one["error"]
        assert one["series"] or one["table"] or one["html"] or one["kind"] == "row", one["title"]


def test_panels_show_the_values_of_the_series(dashboard):
    found = panel(view(dashboard), "GPU temperature")
    last = SAMPLES - 1
    assert [one["value"] for one in found["series"]] == [temperature(gpu, last) for gpu in GPUS]
    assert found["series"][3]["high"] == "43 °C"


def test_a_variable_chooses_series(dashboard):
    found = view(dashboard, query="var-gpu=1&var-gpu=3")
    assert [one["name"] for one in panel(found, "GPU temperature")["series"]] == ["GPU 1", "GPU 3"]
    assert panel(found, "GPU average temperature")["series"][0]["value"] == temperature(2, SAMPLES - 1)


def test_the_time_range_chooses_points(dashboard):
    found = view(dashboard, query="from=now-5m&to=now&points=20")
    times = panel(found, "GPU temperature")["times"]
    assert len(times) == 300 / INTERVAL + 1
    assert TimeRange(found["start"], found["end"]).length == pytest.approx(300)


@pytest.mark.parametrize("query", ["from=yesterday", "from=now&to=now-1h"])
def test_a_range_that_is_none_is_refused(dashboard, query):
    answer = get(dashboard, f"/api/raglab/view/raglab-gpu?{query}")
    assert answer.status_code == 400
    assert "time" in answer.json()["message"]


def test_without_prometheus_every_panel_says_so_and_text_is_still_shown(service):
    away = start(service, PROMETHEUS_URL=f"http://{free_address()}:9090")
    found = view(away)
    assert "cannot be reached" in panel(found, "GPU temperature")["error"]
    assert "simulated" in found["panels"][-1]["html"]
    assert "cannot be reached" in get(away, "/api/raglab/home").json()["problems"][0]


def test_answers_forbid_foreign_scripts(dashboard):
    for path in ("/", "/d/raglab-gpu", "/static/main.js", "/api/search", "/api/dashboards/uid/nothing"):
        assert "default-src 'self'" in get(dashboard, path).headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path", ["/static/../app.py", "/static/%2e%2e/app.py", "/d/a/b/c", "/api/raglab/view/"]
)
def test_nothing_else_is_served(dashboard, path):
    assert get(dashboard, path).status_code == 404


@pytest.fixture(scope="module")
def closed(service, prometheus):
    return start(service, PROMETHEUS_URL=prometheus.url, GF_SECURITY_ADMIN_PASSWORD="sesame")


def test_asks_for_the_password(closed):
    answer = get(closed, "/api/search")
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert get(closed, "/").status_code == 401


def test_opens_with_it(closed):
    assert get(closed, "/api/search", auth=("admin", "sesame")).status_code == 200


@pytest.mark.parametrize("auth", [("admin", "wrong"), ("root", "sesame")])
def test_refuses_another(closed, auth):
    answer = get(closed, "/api/search", auth=auth)
    assert (answer.status_code, answer.json()) == (401, {"message": "Invalid username or password"})


def test_refuses_what_is_no_login(closed):
    for text in ("Basic ???", "Bearer sesame", "Basic"):
        assert get(closed, "/api/search", headers={"Authorization": text}).status_code == 401


def test_health_and_metrics_are_open_to_probes_and_scrapes(closed):
    assert get(closed, "/api/health").status_code == 200
    assert "raglab_dashboard_views_total" in get(closed, "/metrics").text


def test_anonymous_people_may_look_where_the_setting_says_so(service):
    env = {"GF_SECURITY_ADMIN_PASSWORD": "sesame", "GF_AUTH_ANONYMOUS_ENABLED": "true"}
    opened = start(service, **env)
    assert get(opened, "/api/search").status_code == 200
    assert get(opened, "/api/search", auth=("admin", "wrong")).status_code == 401


@pytest.mark.parametrize(("name", "value"), [("GF_SERVER_HTTP_PORT", "x"), ("SCRAPE_INTERVAL", "15")])
def test_a_setting_that_cannot_work_ends_with_its_name(service, name, value):
    running = service("raglab.services.addons.dashboard", 3000, {name: value})
    assert running.process.wait(30) == 1
    assert f"dashboard: {name}" in running.output()


@pytest.mark.parametrize("name", DASHBOARDS)
def test_queries_are_promql(name, programs, tmp_path):
    fill = {"$__rate_interval": "1m", "$__interval": "15s", "$__range": "15m"}
    rules = []
    for number, query in enumerate(queries(name)):
        for variable, value in fill.items():
            query = query.replace(variable, value)
        rules.append({"record": f"query:{number}", "expr": query})
    file = tmp_path / "rules.json"
    file.write_text(json.dumps({"groups": [{"name": name, "rules": rules}]}))
    done = subprocess.run([programs / "promtool", "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
