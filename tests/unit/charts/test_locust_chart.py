"""The stand-in for Locust's chart: objects, variables and ports of upstream, with the commands of the lessons."""

from __future__ import annotations

import importlib.metadata

import kubernetes_validate
import pytest
import yaml

from tests.unit.charts.chart_rendering import CONFIG, TARGETS, Object, pick, run_helm, values_file

CHART = CONFIG / "charts-pocket" / "deliveryhero" / "locust"
LESSON = (
    "--set=loadtest.name=rag-loadtest",
    "--set=loadtest.locust_locustfile_configmap=rag-loadtest-locustfile",
    "--set=loadtest.locust_host=http://nemollm-inference.rag-sample.svc.cluster.local:8005",
)


def render(*flags: str) -> list[Object]:
    done = run_helm("template", "locust", str(CHART), "-n", "locust", *flags)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def container(objects: list[Object], role: str) -> Object:
    return pick(objects, "Deployment", f"locust-{role}")["spec"]["template"]["spec"]["containers"][0]


def variables(objects: list[Object], role: str) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in container(objects, role)["env"]}


def test_lint_finds_nothing():
    done = run_helm("lint", "--strict", str(CHART), *LESSON)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("target", ["", *TARGETS])
def test_objects_are_valid_and_called_as_upstream(target):
    flags = ("-f", values_file(target, "locust")) if target else ()
    objects = render(*LESSON, *flags)
    for obj in objects:
        kubernetes_validate.validate(obj, "1.37", strict=True)
        assert obj["metadata"]["labels"]["load_test"] == "rag-loadtest"
    assert {f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects} == {
        "ServiceAccount/locust-master",
        "ServiceAccount/locust-worker",
        "ConfigMap/locust-config",
        "ConfigMap/example-lib",
        "Service/locust",
        "Deployment/locust-master",
        "Deployment/locust-worker",
    }


def test_ports():
    def of(*flags: str) -> tuple[str, dict[str, tuple[int, int | None]]]:
        spec = pick(render(*flags), "Service", "locust")["spec"]
        return spec["type"], {port["name"]: (port["port"], port.get("nodePort")) for port in spec["ports"]}

    inner = {"master-p1": (5557, None), "master-p2": (5558, None)}
    assert of() == ("ClusterIP", inner | {"master-p3": (8089, None)})
    for target in TARGETS:
        assert of("-f", values_file(target, "locust")) == ("NodePort", inner | {"master-p3": (8089, 30089)})


def test_master_and_worker_find_each_other_the_locustfile_and_the_target():
    objects = render(*LESSON)
    common = {
        "LOCUST_HOST": "http://nemollm-inference.rag-sample.svc.cluster.local:8005",
        "LOCUST_LOGLEVEL": "INFO",
        "LOCUST_LOCUSTFILE": "/mnt/locust/main.py",
    }
    master = {"LOCUST_MASTER_NODE_HOST": "locust", "LOCUST_MASTER_NODE_PORT": "5557"}
    assert variables(objects, "master") == common
    assert variables(objects, "worker") == common | master
    assert container(objects, "master")["args"] == ["--master"]
    assert container(objects, "worker")["args"] == ["--worker"]
    assert container(objects, "worker")["command"] == ["sh", "/config/docker-entrypoint.sh"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container(objects, "master")["volumeMounts"]}
    assert mounts == {"/mnt/locust": "locustfile", "/mnt/locust/lib": "lib", "/config": "config"}
    probe = container(objects, "master")["readinessProbe"]["httpGet"]
    assert (probe["path"], probe["port"]) == ("/", 8089)


def test_the_service_selects_the_master_alone():
    objects = render(*LESSON)
    selector = pick(objects, "Service", "locust")["spec"]["selector"].items()
    labels = {
        role: pick(objects, "Deployment", f"locust-{role}")["spec"]["template"]["metadata"]["labels"].items()
        for role in ("master", "worker")
    }
    assert selector <= labels["master"] and not selector <= labels["worker"]


def test_environment_reaches_both_and_each_ones_own_wins():
    flags = ("loadtest.environment.A=1", "loadtest.environment.B=1", "worker.environment.B=2")
    objects = render(*(f"--set={flag}" for flag in flags))
    assert {key: variables(objects, "master")[key] for key in "AB"} == {"A": "1", "B": "1"}
    assert {key: variables(objects, "worker")[key] for key in "AB"} == {"A": "1", "B": "2"}


def test_headless_adds_only_the_flag_and_takes_the_probe():
    master = container(render("--set=loadtest.headless=true"), "master")
    assert master["args"] == ["--master", "--headless"]
    assert "readinessProbe" not in master


def test_a_changed_user_config_map_restarts_nothing():
    """Upstream's trap 1, kept: the checksum knows only the chart's own maps."""

    def checksum(*flags: str) -> str:
        deployment = pick(render(*flags), "Deployment", "locust-worker")
        return deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]

    assert checksum(*LESSON) == checksum(*LESSON, "--set=loadtest.locust_host=http://other")
    assert checksum(*LESSON) != checksum(*LESSON, "--set=loadtest.locustCmd=other")


def test_without_a_config_map_there_is_an_example():
    example = pick(render(), "ConfigMap", "example-locustfile")["data"]["main.py"]
    compile(example, "main.py", "exec")


def test_the_tag_is_the_version_that_really_runs():
    assert container(render(), "worker")["image"] == f"locustio/locust:{importlib.metadata.version('locust')}"


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--set=loadtest.locust_hots=http://x", "locust_hots"),
        ("--set=loadtest.locust_host=nemollm-inference:8005", "locust_host"),
        ("--set=master.replicas=2", "replicas"),
        ("--set=worker.keda.enabled=true", "keda"),
    ],
)
def test_what_it_does_not_know_is_refused(flag, complaint):
    done = run_helm("template", "a", str(CHART), flag)
    assert done.returncode != 0
    assert complaint in done.stderr
