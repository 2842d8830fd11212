"""Windows between scrapes: which two points make a usage, and when there is none."""

from __future__ import annotations

import pytest

from raglab.services.addons.metrics_server import options
from raglab.services.addons.metrics_server.options import OptionError
from raglab.services.addons.metrics_server.quantities import cores, duration, size
from raglab.services.addons.metrics_server.scraping import read
from raglab.services.addons.metrics_server.storage import Batch, Point, Storage, Usage

KEY = ("rag", "web-0")


def scraped(*looks: dict[str, Point], resolution: float = 15.0) -> Storage:
    """A storage after scrapes that saw these containers of one pod."""
    storage = Storage(resolution)
    for containers in looks:
        storage.store(Batch({}, {KEY: containers} if containers else {}))
    return storage


def test_two_scrapes_make_a_window():
    storage = Storage(15.0)
    storage.store(Batch({"minikube": Point(100.0, 10.0, 1024)}))
    assert (storage.ready, storage.node("minikube")) == (False, None)
    storage.store(Batch({"minikube": Point(115.0, 40.0, 2048)}))
    assert (storage.ready, storage.node("minikube")) == (True, Usage(115.0, 15000, 2_000_000_000, 2048))


def test_a_pod_is_known_only_when_all_its_containers_are():
    old, new = {"a": Point(100.0, 1.0, 1)}, {"a": Point(115.0, 2.0, 1), "b": Point(115.0, 0.1, 1, 112.0)}
    assert scraped(old, new).pod(KEY) == {}
    later = {name: Point(130.0, point.cpu + 3.0, 1, point.started) for name, point in new.items()}
    assert {name: usage.nanocores for name, usage in scraped(old, new, later).pod(KEY).items()} == {
        "a": 200_000_000,
        "b": 200_000_000,
    }


def test_the_window_of_a_new_container_begins_with_its_start():
    assert scraped({"a": Point(112.0, 6.0, 1, 100.0)}).pod(KEY)["a"] == Usage(112.0, 12000, 500_000_000, 1)
    assert scraped({"a": Point(109.0, 6.0, 1, 100.0)}).pod(KEY) == {}


def test_a_container_that_started_again_has_no_window_across_both_lives():
    first, again = {"a": Point(100.0, 50.0, 1, 10.0)}, {"a": Point(115.0, 1.0, 1, 110.0)}
    assert scraped(first, again).pod(KEY) == {}


def test_the_same_point_twice_keeps_the_window_and_what_is_gone_is_forgotten():
    looks = [{"a": Point(100.0, 1.0, 1)}, {"a": Point(115.0, 2.0, 1)}]
    assert scraped(*looks, looks[1]).pod(KEY) == scraped(*looks).pod(KEY) != {}
    assert scraped(*looks, {}).pod(KEY) == {}


def test_a_page_of_the_kubelet_is_read():
    labels = '{container="c",namespace="rag",pod="web-0"}'
    text = f"""
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{labels} 1.25 1010500
container_cpu_usage_seconds_total{labels.replace('"c"', '"x"')} 1.25 1010500
container_memory_working_set_bytes{labels} 4096 1010500
container_start_time_seconds{labels} 1000.0
# TYPE node_cpu_usage_seconds_total counter
node_cpu_usage_seconds_total 7.0 1010500
node_memory_working_set_bytes 10 1010500
"""
    batch = read("minikube", text)
    assert batch.pods == {KEY: {"c": Point(1010.5, 1.25, 4096, 1000.0)}}
    assert batch.nodes == {"minikube": Point(1010.5, 7.0, 10)}


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (cores(0), "0"),
        (cores(82387), "82387n"),
        (cores(250_000_000), "250m"),
        (cores(2_000_000_000), "2"),
        (size(425_984), "416Ki"),
        (size(2 * 1024 * 1024), "2Mi"),
        (duration(15_062), "15.062s"),
        (duration(60_500), "1m0.5s"),
        (duration(10_000), "10s"),
    ],
)
def test_amounts_are_written_as_kubernetes_writes_them(said: str, text: str):
    assert said == text


def test_upstreams_arguments_are_understood_and_too_short_a_pause_is_refused():
    usual = [
        "--secure-port=10250",
        "--cert-dir=/tmp",
        "--kubelet-use-node-status-port",
        "--kubelet-insecure-tls",
    ]
    usual += ["--kubelet-preferred-address-types=InternalIP", "--metric-resolution=15s"]
    given = options.read(usual)
    assert (given.port, given.resolution, str(given.key)) == (10250, 15.0, "/tmp/apiserver.key")
    with pytest.raises(OptionError, match="at least 10s, but value 5s"):
        options.read(["--metric-resolution=5s"])
    with pytest.raises(OptionError, match="--nosuch"):
        options.read(["--nosuch"])
