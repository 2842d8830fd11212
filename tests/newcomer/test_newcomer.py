"""A newcomer clones the repository, types what the README says, and leaves nothing behind.

Everything happens in a temporary folder whose name has a space, with a home folder of its own. Run by root, the
newcomer is an ordinary user all the same, if a Python can be found that such a user may run.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from raglab.paths import CHECKOUT
from raglab.targets.network import Network, reserved
from tests.newcomer.readme import commands

USER = 54321
"""Any number that belongs to nobody."""
INSTALL_LIMIT = 300.0  # seconds, with a package mirror nearby
LIMIT = 120.0
LOOPBACK_ONLY = [
    "unshare",
    "--user",
    "--map-root-user",
    "--net",
    "sh",
    "-c",
    'ip link set lo up && exec "$@"',
    "sh",
]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@dataclass
class Newcomer:
    """A person with a fresh clone and an interactive shell."""

    folder: Path
    network: Network
    python: Path
    become: list[str]
    """Command prefix that makes an ordinary user of root; empty for those who are ordinary already."""

    @property
    def clone(self) -> Path:
        return self.folder / "my lab"

    @property
    def variables(self) -> dict[str, str]:
        """A bare machine's PATH with this Python first, and this machine's way to its package index."""
        kept = {
            name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "LANG"))
        }
        return {
            **kept,
            "PATH": f"{self.python.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "RAGLAB_HOME": str(self.folder / "state"),
            "RAGLAB_NETWORK": str(self.network.number),
            "NO_BROWSER": "1",
        }

    def begin(self, script: str, *prefix: str) -> subprocess.Popen[str]:
        """Start shell commands in the clone."""
        return subprocess.Popen(
            [*self.become, *prefix, "bash", "-ec", script],
            cwd=self.clone,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, script: str, *prefix: str, limit: float = LIMIT) -> str:
        """Output of shell commands that succeed."""
        process = self.begin(script, *prefix)
        try:
            said, _ = process.communicate(timeout=limit)
        finally:
            _kill_group(process)
        assert process.returncode == 0, said
        return said

    def assert_nothing_left(self) -> None:
        left = [p for p in psutil.process_iter() if _mentions(p, str(self.folder))]
        assert left == []
        assert self.network.in_use() == []


@pytest.fixture(scope="module")
def newcomer() -> Iterator[Newcomer]:
    """A clone of what is committed, not yet installed."""
    python, become = _ordinary_user()
    folder = Path(tempfile.mkdtemp(prefix="raglab-newcomer-"))
    with reserved() as network:
        person = Newcomer(folder, network, python, become)
        (folder / "home").mkdir()
        subprocess.run(
            ["git", "clone", "--quiet", str(CHECKOUT), str(person.clone)], check=True, timeout=LIMIT
        )
        if become:
            subprocess.run(["chown", "-R", f"{USER}:{USER}", str(folder)], check=True)
        yield person
    shutil.rmtree(folder)


def _ordinary_user() -> tuple[Path, list[str]]:
    """A Python that works for an ordinary user, and how to become one."""
    own = Path(sys.base_prefix) / "bin" / "python3"
    if os.geteuid() != 0:
        return own, []
    become = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
    for python in (own, Path("/usr/bin/python3")):
        probe = [
            *become,
            str(python),
            "-c",
            "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))",
        ]
        if subprocess.run(probe, capture_output=True, cwd="/").returncode == 0:
            return python, become
    return own, []


def follow(process: subprocess.Popen[str], until: str, limit: float) -> str:
    """Read output up to a line that contains `until`."""
    assert process.stdout is not None
    deadline, said = time.monotonic() + limit, ""
    for line in process.stdout:
        said += line
        if until in line:
            return said
        assert time.monotonic() < deadline, said
    pytest.fail(f"ended before {until!r}:\n{said}")


def press_ctrl_c(process: subprocess.Popen[str]) -> str:
    """What a terminal does: the whole foreground group gets the signal."""
    os.killpg(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=LIMIT)
    return said


def _kill_group(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _mentions(process: psutil.Process, text: str) -> bool:
    try:
        return any(text in item for item in [*process.cmdline(), *process.environ().values()])
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False


def test_1_interrupted_installation_goes_on_and_opens_the_course(newcomer: Newcomer):
    lab = commands("I want to start")[0]
    assert lab == "make lab"
    first = newcomer.begin(lab)
    follow(first, "installing", INSTALL_LIMIT)
    follow(first, "%", INSTALL_LIMIT)
    assert "run the same command again" in press_ctrl_c(first)
    newcomer.assert_nothing_left()

    second = newcomer.begin(lab)
    try:
        said = follow(second, "Ctrl-C here ends the lab", INSTALL_LIMIT)
        assert "creating .venv" not in said and "100 %" in said and "GB in" in said
        found = re.search(r"http://127\.0\.0\.1:\S+", said)
        assert found, said
        assert requests.get(found[0], timeout=LIMIT).status_code == 200
        assert "have ended" in press_ctrl_c(second)
    finally:
        _kill_group(second)
    newcomer.assert_nothing_left()


def test_2_commands_without_notebooks(newcomer: Newcomer):
    started = time.monotonic()
    assert "ready" in newcomer.run("make help && python3 -m raglab.bootstrap setup")
    assert time.monotonic() - started < 5, "nothing was left to do"
    said = newcomer.run(
        "\n".join(commands("I would rather use a terminal")).replace("raglab doctor", "raglab doctor || true")
    )
    for expected in ("is ready after", "minikube (v", "kubectl and helm run", "have ended"):
        assert expected in said
    newcomer.assert_nothing_left()
    assert list((newcomer.folder / "home").iterdir()) == []
    assert newcomer.run("git status --short") == ""


def test_3_installation_is_what_requirements_say(newcomer: Newcomer):
    newcomer.run(".venv/bin/python -m pytest -q -p no:cacheprovider tests/cli/test_requirements.py")


QUESTION = (
    '{"model": "llama-2-7b-chat", "max_tokens": 8, "messages": [{"role": "user", "content": "Say hello."}]}'
)
BEGIN = """
source .venv/bin/activate
raglab up
eval "$(raglab env)"
kubectl apply -f kubernetes-config/namespace.yaml -f kubernetes-config/storage
install() {
  helm upgrade --install "$1" "kubernetes-config/charts/$1" -n rag-sample -f "$VALUES/$1.yaml"
}
"""
APPLICATION = f"""{BEGIN}
for chart in nemollm-inference nemollm-embedding rag-app; do install $chart; done
kubectl wait pod --all -n rag-sample --for=condition=Ready --timeout=90s
kubectl exec -n rag-sample pgvector-0 -- sh -c \
  'PGPASSWORD=$POSTGRES_PASSWORD psql -U $POSTGRES_USER -d $POSTGRES_DB -c "SELECT 6 * 7 AS answer"'
raglab status
raglab down
"""
TWO_LABS = """
source .venv/bin/activate
raglab up
RAGLAB_HOME="$RAGLAB_HOME/other" raglab up && exit 1
raglab status
raglab down
"""
ANSWER = f"""
! getent hosts example.com
{BEGIN}
install nemollm-inference
kubectl rollout status statefulset/nemollm-inference -n rag-sample --timeout=90s
python -c '
import os, requests, sys
url = "http://" + os.environ["NODE_ADDRESS"] + ":30005/v1/chat/completions"
print(requests.post(url, data=sys.argv[1], headers={{"Content-Type": "application/json"}}, timeout=60).json())
' '{QUESTION}'
raglab down
"""


def test_4_application_runs_for_an_ordinary_user(newcomer: Newcomer):
    said = newcomer.run(APPLICATION)
    assert said.count("condition met") == 5 and "42" in said
    assert "3 of 4 in use (simulated)" in said
    newcomer.assert_nothing_left()


def test_5_a_second_lab_of_an_ordinary_user_is_kept_apart(newcomer: Newcomer):
    """Nothing listens yet at the addresses of the first: port 443 of its only Service is root's."""
    said = newcomer.run(TWO_LABS)
    assert "Another lab on this machine uses the same addresses" in said and "have ended" in said
    newcomer.assert_nothing_left()


def test_6_everything_works_without_a_network(newcomer: Newcomer):
    allowed = subprocess.run([*newcomer.become, *LOOPBACK_ONLY, "true"], capture_output=True, text=True)
    if allowed.returncode:
        pytest.skip(f"this machine forbids network namespaces: {allowed.stderr.strip()}")
    said = newcomer.run(ANSWER, *LOOPBACK_ONLY)
    assert "'usage'" in said and "have ended" in said
    newcomer.assert_nothing_left()
