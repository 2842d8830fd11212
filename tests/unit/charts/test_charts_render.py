"""The charts through real helm: linted, rendered, every object held against the Kubernetes 1.37 schemas."""

from __future__ import annotations

import kubernetes_validate
import pytest
import yaml

from tests.unit.charts.chart_rendering import CHARTS, CONFIG, TARGETS, pick, render, run_helm, values_file

KUBERNETES = "1.37"
STANDARD_LABELS = {
    f"app.kubernetes.io/{key}" for key in ("name", "instance", "version", "managed-by", "component")
}
# The lesson on substituting the model upgrades with these flags and without --reuse-values.
SUBSTITUTION = (
    "--set=image.repository=127.0.0.1:5000/ohlfw0olaadg/ea-participants/nemollm-inference-ms",
    "--set=model.name=mistral-7b-instruct",
    "--set=model.subPath=model-store-mistral",
)
TEMPLATE = f"--set-file=model.chatTemplate={CONFIG / 'chat-templates' / 'llama-2.jinja'}"


def containers(obj: dict) -> list[dict]:
    return obj.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [])


def gpus(objects: list[dict]) -> int:
    return sum(
        int(container["resources"]["limits"].get("nvidia.com/gpu", 0)) * obj["spec"].get("replicas", 1)
        for obj in objects
        for container in containers(obj)
    )


@pytest.mark.parametrize("chart", CHARTS)
def test_lint_finds_nothing(chart):
    files = [argument for target in TARGETS for argument in ("-f", values_file(target, chart))]
    result = run_helm("lint", "--strict", str(CONFIG / "charts" / chart), *files)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "WARNING" not in result.stdout


def test_objects_are_valid(rendered):
    for obj in rendered:
        kubernetes_validate.validate(obj, KUBERNETES, strict=True)


@pytest.mark.parametrize(
    ("chart", "flags"),
    [
        ("nemollm-inference", SUBSTITUTION),
        ("nemollm-inference", ("--set=fullnameOverride=second", "--set=service.release=x", TEMPLATE)),
        ("nemollm-inference", ("--set=persistence.existingClaim=", "--set=autoscaling.enabled=true")),
        ("nemollm-inference", ("--set=persistence.enabled=false", "--set=sharedMemory.enabled=true")),
        (
            "nemollm-inference",
            ("--set=args={--verbose}", "--set=service.type=ClusterIP", "--set=model.numGpus=0"),
        ),
        ("nemollm-embedding", ("--set=persistence.existingClaim=", "--set=model.ngcApiSecret=ngc-api")),
        ("nemollm-embedding", ("--set=persistence.enabled=false", "--set=nodeSelector.disk=ssd")),
        (
            "rag-app",
            ("--set=pgvector.persistence.existingClaim=", "--set=queryRouter.prompts.ragTemplate=a b"),
        ),
        (
            "rag-app",
            ("--set=pgvector.persistence.enabled=false", "--set=imagePullSecrets[0].name=ngc-secret"),
        ),
    ],
)
def test_other_settings_give_valid_objects(chart, flags):
    for obj in render(chart, *flags):
        kubernetes_validate.validate(obj, KUBERNETES, strict=True)


def test_labels_and_namespace(rendered):
    for obj in rendered:
        assert set(obj["metadata"]["labels"]) >= STANDARD_LABELS, obj["metadata"]["name"]
        assert obj["metadata"]["namespace"] == "rag-sample"
        if containers(obj):
            assert set(obj["spec"]["template"]["metadata"]["labels"]) >= STANDARD_LABELS


def test_services_select_exactly_one_workload(rendered):
    workloads = [obj for obj in rendered if containers(obj)]
    for service in (obj for obj in rendered if obj["kind"] == "Service"):
        selector = service["spec"]["selector"].items()
        chosen = [w for w in workloads if selector <= w["spec"]["template"]["metadata"]["labels"].items()]
        assert len(chosen) == 1, service["metadata"]["name"]
        names = {port["name"] for port in containers(chosen[0])[0]["ports"]}
        targets = {port["targetPort"] for port in service["spec"]["ports"]}
        assert {target for target in targets if isinstance(target, str)} <= names


def test_workloads_are_fit_for_production(rendered):
    for obj in rendered:
        for container in containers(obj):
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert obj["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 60
            assert obj["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


def test_images_are_pinned(rendered):
    for obj in rendered:
        for container in containers(obj):
            tag = container["image"].rpartition(":")[2]
            assert tag and "/" not in tag and tag != "latest", container["image"]


def test_inference_service_lists_the_five_ports():
    ports = pick(render("nemollm-inference"), "Service", "nemollm-inference")["spec"]["ports"]
    assert [(port["name"], port["port"]) for port in ports] == [
        ("http", 8000),
        ("grpc", 8001),
        ("metrics", 8002),
        ("http-openai", 8005),
        ("http-nemo", 8006),
    ]


@pytest.mark.parametrize(
    ("chart", "service", "port", "node_port"),
    [
        ("nemollm-inference", "nemollm-inference", 8005, 30005),
        ("nemollm-embedding", "nemollm-embedding", 9080, 30080),
        ("rag-app", "frontend", 8090, 30001),
        ("rag-app", "query-router", 8081, 30081),
        ("rag-app", "pgvector", 5432, 30432),
    ],
)
@pytest.mark.parametrize("target", TARGETS)
def test_node_ports(chart, service, port, node_port, target):
    spec = pick(render(chart, "-f", values_file(target, chart)), "Service", service)["spec"]
    assert spec["type"] == "NodePort"
    assert {entry["port"]: entry.get("nodePort") for entry in spec["ports"]}[port] == node_port


@pytest.mark.parametrize("chart", ["nemollm-inference", "nemollm-embedding"])
def test_nims_are_parallel_stateful_sets_with_a_headless_service(chart):
    objects = render(chart)
    spec = pick(objects, "StatefulSet", chart)["spec"]
    assert (spec["podManagementPolicy"], spec["serviceName"], spec["replicas"]) == (
        "Parallel",
        f"{chart}-sts",
        1,
    )
    assert pick(objects, "Service", f"{chart}-sts")["spec"]["clusterIP"] == "None"


def test_substitution_keeps_node_port_and_claim():
    objects = render("nemollm-inference", *SUBSTITUTION)
    ports = pick(objects, "Service", "nemollm-inference")["spec"]["ports"]
    assert [port["nodePort"] for port in ports if port["name"] == "http-openai"] == [30005]
    pod = pick(objects, "StatefulSet", "nemollm-inference")["spec"]["template"]["spec"]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == "nemollm-inference-pvc"
    assert pod["containers"][0]["volumeMounts"][0]["subPath"] == "model-store-mistral"
    assert {"name": "NIM_SERVED_MODEL_NAME", "value": "mistral-7b-instruct"} in pod["containers"][0]["env"]
    assert pod["containers"][0]["image"].endswith("/ea-participants/nemollm-inference-ms:24.01")


def test_three_of_four_gpus_are_taken():
    assert gpus([obj for chart in CHARTS for obj in render(chart)]) == 3
    assert gpus(render("rag-app", "--set=queryRouter.numGpus=0")) == 0


def test_everything_with_a_fourth_gpu_pod_fits_two_cores():
    objects = [obj for chart in CHARTS for obj in render(chart, "-f", values_file("pocket", chart))]
    cpu = [containers(obj)[0]["resources"]["requests"]["cpu"] for obj in objects if containers(obj)]
    millis = sum(int(value.removesuffix("m")) for value in cpu)
    assert millis + 200 <= 1500, "leave a quarter of two cores to the lab itself"


def test_autoscaled_workload_has_no_replicas():
    objects = render("nemollm-inference", "--set=autoscaling.enabled=true")
    assert "replicas" not in pick(objects, "StatefulSet", "nemollm-inference")["spec"]


def test_a_secret_of_ones_own_replaces_the_lab_password():
    objects = render("rag-app", "--set=pgvector.auth.existingSecret=mine")
    assert not [obj for obj in objects if obj["kind"] == "Secret"]
    references = [
        variable["valueFrom"]["secretKeyRef"]["name"]
        for obj in objects
        for container in containers(obj)
        for variable in container["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    ]
    assert references == ["mine"] * 4


def test_prompts_reach_the_router_and_roll_its_pods():
    before = pick(render("rag-app"), "Deployment", "query-router")["spec"]["template"]
    objects = render("rag-app", "--set=queryRouter.prompts.ragTemplate=Context: x")
    after = pick(objects, "Deployment", "query-router")["spec"]["template"]
    assert pick(objects, "ConfigMap", "query-router-prompts")["data"] == {
        "APP_PROMPTS_RAGTEMPLATE": "Context: x"
    }
    assert before["metadata"]["annotations"] != after["metadata"]["annotations"]
    assert "envFrom" not in before["spec"]["containers"][0]


def test_the_helm_pipeline_is_the_three_charts_with_their_defaults(tmp_path):
    pipeline = yaml.safe_load((CONFIG / "helm-pipeline.yaml").read_text())["spec"]["pipeline"]
    assert {step["chartSpec"]["chart"] for step in pipeline} == set(CHARTS)
    for step in pipeline:
        chart = step["chartSpec"]["chart"]
        values = tmp_path / f"{chart}.yaml"
        values.write_text(yaml.safe_dump(step["chartValues"]))
        assert render(chart, "-f", str(values)) == render(chart)


def test_a_second_release_shares_no_object_and_no_pod_with_the_first():
    first = render("nemollm-inference")
    second = render("nemollm-inference", "--set=fullnameOverride=second", TEMPLATE, release="second")
    assert not {(o["kind"], o["metadata"]["name"]) for o in first} & {
        (o["kind"], o["metadata"]["name"]) for o in second
    }
    pods = pick(second, "StatefulSet", "second")["spec"]["template"]["metadata"]["labels"]
    assert not pick(first, "Service", "nemollm-inference")["spec"]["selector"].items() <= pods.items()


def test_a_service_hands_over_to_another_release_and_nothing_else_changes():
    before, after = render("nemollm-inference"), render("nemollm-inference", "--set=service.release=second")
    second = render("nemollm-inference", "--set=fullnameOverride=second", release="second")
    pods = pick(second, "StatefulSet", "second")["spec"]["template"]["metadata"]["labels"]
    service = pick(after, "Service", "nemollm-inference")
    assert service["spec"]["selector"].items() <= pods.items()
    assert [a for b, a in zip(before, after, strict=True) if a != b] == [service]


def test_a_chat_template_reaches_the_server_and_a_new_one_replaces_the_pods():
    objects = render("nemollm-inference", TEMPLATE)
    text = (CONFIG / "chat-templates" / "llama-2.jinja").read_text().rstrip("\n")
    config = pick(objects, "ConfigMap", "nemollm-inference-chat-template")
    assert config["data"] == {"chat-template.jinja": text}
    template = pick(objects, "StatefulSet", "nemollm-inference")["spec"]["template"]
    assert template["metadata"]["annotations"]["checksum/chat-template"]
    (server,) = template["spec"]["containers"]
    (mount,) = [mount for mount in server["volumeMounts"] if mount["name"] == "chat-template"]
    assert {"name": "NIM_CHAT_TEMPLATE", "value": f"{mount['mountPath']}/chat-template.jinja"} in server[
        "env"
    ]


def test_pods_serve_on_while_they_leave_their_services():
    (server,) = containers(pick(render("nemollm-inference"), "StatefulSet", "nemollm-inference"))
    assert server["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    (server,) = containers(
        pick(render("nemollm-inference", "--set=preStopSleepSeconds=0"), "StatefulSet", "nemollm-inference")
    )
    assert "lifecycle" not in server


def test_the_page_follows_the_router_of_its_release():
    """Port and number of passages are set once, at the query-router."""
    flags = ("--set=queryRouter.service.port=8181", "--set=queryRouter.retriever.topK=7")
    container = containers(pick(render("rag-app", *flags), "Deployment", "frontend"))[0]
    told = {variable["name"]: variable.get("value") for variable in container["env"]}
    assert (told["APP_SERVERURL"], told["APP_SERVERPORT"]) == ("http://query-router", "8181")
    assert told["APP_RETRIEVER_TOPK"] == "7"
