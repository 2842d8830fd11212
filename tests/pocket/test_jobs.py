"""Jobs and CronJobs through kubectl."""

from __future__ import annotations

from tests.pocket.conftest import Cluster, eventually

IMAGE = "--image=busybox"


def test_a_cron_job_starts_jobs_and_remembers_few(cluster: Cluster, namespace: str) -> None:
    def kubectl(*args: str) -> str:
        return cluster.kubectl("-n", namespace, *args)

    kubectl("create", "cronjob", "often", IMAGE, "--schedule=@every 1s", "--", "sh", "-c", "echo done")
    kubectl("wait", "--for=jsonpath={.status.lastSuccessfulTime}", "cronjob/often", "--timeout=60s")
    described = kubectl("describe", "cronjob", "often")
    for line in (
        "SuccessfulCreate  ",
        "SawCompletedJob  ",
        "Saw completed job: often-",
        "Concurrency Policy:            Allow",
    ):
        assert line in described, described
    kubectl("patch", "cronjob", "often", "-p", '{"spec":{"suspend":true,"successfulJobsHistoryLimit":0}}')
    eventually(lambda: not kubectl("get", "jobs", "-o", "name"))
    kubectl("patch", "cronjob", "often", "-p", '{"spec":{"successfulJobsHistoryLimit":1}}')
    kubectl("create", "job", "by-hand", "--from=cronjob/often")
    kubectl("wait", "--for=condition=Complete", "job/by-hand", "--timeout=60s")
    assert kubectl("logs", "job/by-hand") == "done\n"
    assert "True" in kubectl("get", "cronjob", "often", "--no-headers")
    kubectl("delete", "cronjob", "often", "--cascade=foreground")
    assert not kubectl("get", "jobs,pods", "-o", "name")


def test_schedules_that_mean_nothing_are_refused(cluster: Cluster, namespace: str) -> None:
    said = cluster.refused("-n", namespace, "create", "cronjob", "c", IMAGE, "--schedule=61 * * * *")
    assert 'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61' in said


INDEXED = """
apiVersion: batch/v1
kind: Job
metadata: {name: parts}
spec:
  completions: 3
  parallelism: 3
  completionMode: Indexed
  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: busybox, args: [sh, -c, echo "$JOB_COMPLETION_INDEX of $HOSTNAME"]}]
"""


def test_an_indexed_job_tells_each_pod_its_number(cluster: Cluster, namespace: str) -> None:
    def kubectl(*args: str, **more: str) -> str:
        return cluster.kubectl("-n", namespace, *args, **more)

    kubectl("apply", "-f", "-", stdin=INDEXED)
    kubectl("wait", "--for=condition=Complete", "job/parts", "--timeout=60s")
    assert "Completed Indexes:  0-2" in kubectl("describe", "job", "parts")
    label = "batch.kubernetes.io/job-completion-index=2"
    assert kubectl("logs", "-l", label) == "2 of parts-2\n"
