"""The exporter against its contract: series, types, help and labels; values as measured, and only at the interval."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from raglab.gpus import inventory, physics, usage
from raglab.gpus.busy import BusyClock
from raglab.gpus.exporter import exposition, settings
from raglab.gpus.exporter.collecting import Collector
from raglab.gpus.exporter.workloads import Workload, Workloads
from raglab.gpus.usage import Hold
from raglab.incluster import ApiError
from raglab.services.nim.metrics import GENERATION, REQUESTS, Metrics
from tests.services.conftest import free_address

CONTRACT = yaml.safe_load((Path(__file__).parent / "contract.yaml").read_text())
CARDS = inventory.load()
HELD = Workload("nim", "rag-sample", "nemollm-inference-0")


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def collector(tmp_path: Path, clock: Time) -> Collector:
    return Collector(CARDS, tmp_path, "minikube", lambda: {CARDS.uuids[0]: HELD}, clock)


def hold(busy: BusyClock, folder: Path, *uuids: str) -> Hold:
    return Hold("a model", busy, {usage.DEVICES: ",".join(uuids), usage.FOLDER: str(folder)})


def values(page: str, name: str) -> list[float]:
    """The values of one series in the order of the devices."""
    return [float(text) for text in re.findall(rf"^{name}{{.*}} (\S+)$", page, re.M)]


def test_series_types_and_help_are_the_contract(collector: Collector) -> None:
    collector.collect()
    helps = re.findall(r"^# HELP (\w+) (.*) Simulated by raglab\.$", collector.page, re.M)
    types = re.findall(r"^# TYPE (DCGM\w+) (.*)$", collector.page, re.M)
    assert helps == [(name, text) for name, (_, text) in CONTRACT["series"].items()]
    assert types == [(name, kind) for name, (kind, _) in CONTRACT["series"].items()]


def test_every_device_has_every_series_with_the_labels_of_the_contract(collector: Collector) -> None:
    collector.collect()
    lines = [line for line in collector.page.splitlines() if line.startswith("DCGM")]
    assert len(lines) == 4 * len(CONTRACT["series"])
    for line in lines:
        held = CONTRACT["workload"] if 'gpu="0"' in line else []
        assert re.findall(r'[{,](\w+)="', line) == CONTRACT["labels"] + held
    assert lines[0].startswith(
        'DCGM_FI_DEV_SM_CLOCK{gpu="0",UUID="GPU-5a1e0000-0000-4000-8000-000000000000",pci_bus_id="00000001:00:00.0",'
        'device="nvidia0",modelName="NVIDIA A100 80GB PCIe",Hostname="minikube",DCGM_FI_DRIVER_VERSION="550.54.15",'
        'container="nim",namespace="rag-sample",pod="nemollm-inference-0"} '
    )


def test_prometheus_can_read_it(collector: Collector) -> None:
    collector.collect()
    families = {family.name: family for family in text_string_to_metric_families(collector.page)}
    assert set(CONTRACT["series"]) < set(families)
    assert families["raglab_simulated_info"].samples[0].value == 1


def test_label_values_are_escaped() -> None:
    reading = type("Reading", (), {"__getattr__": lambda self, name: self, "__format__": lambda *_: "1"})()
    page = exposition.write([({"pod": 'a"b\\c\nd'}, reading)])
    (sample, *_) = next(iter(text_string_to_metric_families(page))).samples
    assert sample.labels == {"pod": 'a"b\\c\nd'}


def test_utilisation_is_the_busy_share_of_the_interval(
    collector: Collector, tmp_path: Path, clock: Time
) -> None:
    busy = BusyClock(clock)
    with hold(busy, tmp_path, CARDS.uuids[1]) as held:
        held.memory(10 * 2**30)
        collector.collect()
        busy.start()
        clock.now += 3
        busy.stop()
        clock.now += 7
        collector.collect()
    page = collector.page
    assert values(page, "DCGM_FI_DEV_GPU_UTIL") == [0, 30, 0, 0]
    assert values(page, "DCGM_FI_PROF_GR_ENGINE_ACTIVE") == [0, pytest.approx(0.3), 0, 0]
    assert values(page, "DCGM_FI_DEV_FB_USED") == [0, 10240, 0, 0]
    assert values(page, "DCGM_FI_DEV_FB_FREE")[1] == 81920 - 10240 - physics.RESERVED // 2**20
    assert values(page, "DCGM_FI_DEV_POWER_USAGE") == [45, physics.state(0.3, 1).power, 45, 45]
    assert values(page, "DCGM_FI_DEV_SM_CLOCK") == [210, 1410, 210, 210]


def test_energy_is_power_over_time(collector: Collector, clock: Time) -> None:
    for _ in range(2):
        clock.now += 10
        collector.collect()
    assert values(collector.page, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION") == [45 * 20 * 1000] * 4


def test_utilisation_agrees_with_the_model_servers_own_counter(
    collector: Collector, tmp_path: Path, clock: Time
) -> None:
    """Ten minutes of uneven load; each minute within 5 points of what the NIM's own series says."""
    metrics = Metrics("a-model", REQUESTS + GENERATION)
    metrics.busy = BusyClock(clock)
    before = 0.0
    with hold(metrics.busy, tmp_path, CARDS.uuids[0]):
        for minute in range(10):
            for request in range(20):
                metrics.busy.start()
                clock.now += 0.15 * minute + 0.01 * request
                metrics.busy.stop()
                clock.now = max(clock.now, 100 + 60 * minute + 3 * (request + 1))
            collector.collect()
            own = 100 * (metrics.busy.seconds() - before) / 60
            before = metrics.busy.seconds()
            assert abs(values(collector.page, "DCGM_FI_DEV_GPU_UTIL")[0] - own) <= 5


def test_a_pod_that_is_not_known_is_looked_up_once(tmp_path: Path) -> None:
    file, asked = tmp_path / "checkpoint", []

    def pods() -> list[dict]:
        asked.append(1)
        return [{"metadata": {"uid": "u1", "namespace": "n", "name": "p"}}]

    workloads = Workloads(file, pods)
    assert workloads.by_device() == {} and not asked
    entry = {
        "PodUID": "u1",
        "ContainerName": "c",
        "ResourceName": "nvidia.com/gpu",
        "DeviceIDs": {"-1": ["G"]},
    }
    other = entry | {"ResourceName": "example.com/other", "DeviceIDs": {"0": ["X"]}}
    file.write_text(json.dumps({"Data": {"PodDeviceEntries": [entry, other], "RegisteredDevices": {}}}))
    assert workloads.by_device() == workloads.by_device() == {"G": Workload("c", "n", "p")}
    assert len(asked) == 1


def test_an_api_that_refuses_costs_the_labels_only(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "checkpoint"
    entry = {
        "PodUID": "u",
        "ContainerName": "c",
        "ResourceName": "nvidia.com/gpu",
        "DeviceIDs": {"-1": ["G"]},
    }
    file.write_text(json.dumps({"Data": {"PodDeviceEntries": [entry]}}))

    def refuse() -> list[dict]:
        raise ApiError(403, "pods is forbidden")

    workloads = Workloads(file, refuse)
    assert workloads.by_device() == workloads.by_device() == {}
    assert caplog.text.count("pods is forbidden") == 1


@pytest.mark.parametrize(
    ("environ", "host", "port", "interval", "kubernetes"),
    [
        ({}, "127.0.0.1", 9400, 30.0, False),
        ({"POD_IP": "127.10.0.9", "DCGM_EXPORTER_KUBERNETES": "true"}, "127.10.0.9", 9400, 30.0, True),
        ({"DCGM_EXPORTER_LISTEN": "0.0.0.0:9500", "DCGM_EXPORTER_INTERVAL": "1000"}, "127.0.0.1", 9500, 1.0, False),
        ({"DCGM_EXPORTER_LISTEN": "127.0.0.7:1"}, "127.0.0.7", 1, 30.0, False),
    ],
)  # fmt: skip
def test_settings_are_nvidias(environ, host, port, interval, kubernetes) -> None:
    found = settings.read([], environ)
    assert (found.host, found.port, found.interval, found.kubernetes) == (host, port, interval, kubernetes)


@pytest.mark.parametrize(
    ("name", "value"),
    [("INTERVAL", "soon"), ("INTERVAL", "0"), ("INTERVAL", "-5"), ("LISTEN", "9400"), ("LISTEN", ":99999"),
     ("KUBERNETES", "maybe")],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(name, value, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        settings.read([], {f"DCGM_EXPORTER_{name}": value})
    assert value in capsys.readouterr().err


@contextmanager
def running(folder: Path, interval: int) -> Iterator[str]:
    """An exporter of its own, by URL; it must end well."""
    address = f"{free_address()}:9400"
    environ = {"DCGM_EXPORTER_LISTEN": address, "DCGM_EXPORTER_INTERVAL": str(interval)}
    command = [sys.executable, "-m", "raglab.gpus.exporter"]
    process = subprocess.Popen(command, env={**os.environ, **environ, "RAGLAB_GPU_DRIVER": str(folder)})
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        assert process.wait(30) == 0


def ask(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


def until(url: str, status: int) -> str:
    deadline = time.monotonic() + 30
    while (found := ask(url))[0] != status:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found[1]


def test_pages_of_a_running_exporter(tmp_path: Path) -> None:
    with running(tmp_path, 100) as url:
        until(f"{url}/health", 200)
        first = until(f"{url}/metrics", 200)
        assert "DCGM_FI_DEV_GPU_UTIL" in first
        assert ask(f"{url}/nowhere")[0] == 404
        with hold(BusyClock(), tmp_path, CARDS.uuids[2]) as held:
            held.memory(2**30)
            deadline = time.monotonic() + 30
            while values(ask(f"{url}/metrics")[1], "DCGM_FI_DEV_FB_USED") != [0, 0, 1024, 0]:
                assert time.monotonic() < deadline
                time.sleep(0.05)


def test_between_collections_every_scrape_reads_the_same(tmp_path: Path) -> None:
    with running(tmp_path, 3_600_000) as url:
        until(f"{url}/health", 200)
        page = until(f"{url}/metrics", 200)
        with hold(BusyClock(), tmp_path, CARDS.uuids[2]) as held:
            held.memory(2**30)
            assert until(f"{url}/metrics", 200) == page


def test_a_taken_port_is_told(tmp_path: Path) -> None:
    with running(tmp_path, 1000) as url:
        until(f"{url}/health", 200)
        environ = {**os.environ, "DCGM_EXPORTER_LISTEN": url.removeprefix("http://")}
        command = [sys.executable, "-m", "raglab.gpus.exporter"]
        second = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert "cannot listen on 127." in second.stdout


def test_without_a_cluster_nobody_can_tell_workloads(tmp_path: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("KUBERNETES_")}
    command = [sys.executable, "-m", "raglab.gpus.exporter", "-k", "true"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set" in done.stdout
    environ |= {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": "1",
        "POD_ROOT": str(tmp_path),
    }
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "this pod has no service account" in done.stdout
