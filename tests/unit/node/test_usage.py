"""What programs use, measured on real ones: CPU of families, of members that ended, of programs that come and go."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from raglab.pocket.node.figures import ContainerFigures, Figures, PodFigures, exposition, summary
from raglab.pocket.node.usage import Meter, Processes, Use

BURN = "import time\nwhile time.process_time() < {}: pass\n"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts programs in sessions of their own, which end with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def run(*command: str) -> subprocess.Popen[bytes]:
        started.append(subprocess.Popen(command, start_new_session=True))
        return started[-1]

    yield run
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.wait()


def until(look: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline, "this has not come true"
        time.sleep(0.02)


def test_a_family_is_counted_whole_also_those_that_have_ended(start: Start):
    python = f"{sys.executable} -c '{BURN.format(0.4)}'"
    host = start("sh", "-c", f"{python}; {python} & wait; exec sleep 300")
    until(lambda: Processes().use(host.pid).cpu > 0.75 and Processes().family(host.pid) == {host.pid})
    assert Processes().use(host.pid).cpu < 5


def test_an_orphan_of_the_session_still_belongs_to_it(start: Start):
    host = start("sh", "-c", "(sleep 300 &) ; exec sleep 300")
    until(lambda: len(Processes().family(host.pid)) == 2)
    assert Processes().use(host.pid).memory > 0


def test_a_counter_never_falls_although_programs_end(start: Start):
    meter, host = Meter(), start("sleep", "300")
    guest = start(sys.executable, "-c", BURN.format(0.3) + "time.sleep(300)")
    until(lambda: meter.read(Processes(), [host.pid, guest.pid]).cpu > 0.25)
    both = meter.read(Processes(), [host.pid, guest.pid])
    guest.kill()
    guest.wait()
    alone = meter.read(Processes(), [host.pid])
    assert alone.cpu >= both.cpu
    assert 0 < alone.memory < both.memory


def test_a_process_that_is_gone_uses_nothing():
    assert Processes().use(2**22 + 1) == Use(0.0, 0)


def test_pages_name_pods_and_containers_as_a_kubelet_does():
    meta = {"name": "web-0", "namespace": "rag", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    containers = [
        ContainerFigures("c", 1000.0, Use(1.25, 4096)),
        ContainerFigures("d", 1001.0, Use(0.5, 8192)),
    ]
    node = Figures("minikube", 1010.5, 900.0, Use(7.0, 2**30), [PodFigures({"metadata": meta}, containers)])
    lines = exposition(node).splitlines()
    for line in (
        "# TYPE container_cpu_usage_seconds_total counter",
        'container_cpu_usage_seconds_total{container="c",namespace="rag",pod="web-0"} 1.25 1010500',
        'container_start_time_seconds{container="d",namespace="rag",pod="web-0"} 1001.0',
        'pod_cpu_usage_seconds_total{namespace="rag",pod="web-0"} 1.75 1010500',
        'pod_memory_working_set_bytes{namespace="rag",pod="web-0"} 12288 1010500',
        "node_cpu_usage_seconds_total 7.0 1010500",
        "resource_scrape_error 0",
    ):
        assert line in lines
    (pod,) = summary(node)["pods"]
    assert pod["podRef"] == {"name": "web-0", "namespace": "rag", "uid": "u"}
    assert pod["containers"][0]["cpu"] == {
        "time": "1970-01-01T00:16:50Z",
        "usageCoreNanoSeconds": 1_250_000_000,
    }
    assert pod["memory"]["workingSetBytes"] == 12288
