"""``raglab lab``: JupyterLab serves the lessons, its kernels reach the cluster, and all of it ends together."""

from __future__ import annotations

import json
import re
import signal
import uuid
from collections.abc import Iterator

import pytest
import requests
import websocket

from tests.cli.lab import Lab, wait_until

LIMIT = 60.0


class Open:
    """A lab whose JupyterLab listens."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.process = lab, lab.begin("lab")
        self.said = self._until_address()
        found = re.search(r"JupyterLab: (http://127\.0\.0\.1:\d+)/(\S+)\?token=(\S+)", self.said)
        assert found, self.said
        self.url, self.page, self.token = found.groups()
        self.headers = {"Authorization": f"token {self.token}"}

    def _until_address(self) -> str:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if "Ctrl-C here ends the lab" in line:
                break
        return "".join(lines)

    def get(self, path: str, **more) -> requests.Response:
        return requests.get(f"{self.url}/{path}", timeout=LIMIT, allow_redirects=False, **more)

    def execute(self, code: str) -> str:
        """Run code in a fresh kernel, as a notebook does, and return what it printed."""
        made = requests.post(
            f"{self.url}/api/kernels", headers=self.headers, timeout=LIMIT, json={"name": "python3"}
        )
        made.raise_for_status()
        address = f"{self.url.replace('http', 'ws')}/api/kernels/{made.json()['id']}/channels"
        header = [f"Authorization: token {self.token}"]
        connection = websocket.create_connection(address, header=header, timeout=LIMIT)
        connection.send(json.dumps(_request(code)))
        printed = []
        while True:
            message = json.loads(connection.recv())
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "stream":
                printed.append(content["text"])
            if kind == "execute_reply":
                assert content["status"] == "ok", content
                connection.close()
                return "".join(printed)


def _request(code: str) -> dict:
    identity = uuid.uuid4().hex
    header = {
        "msg_id": identity,
        "msg_type": "execute_request",
        "username": "",
        "session": identity,
        "version": "5.4",
    }
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    return {"channel": "shell", "header": header, "parent_header": {}, "metadata": {}, "content": content}


@pytest.fixture
def opened(lab: Lab) -> Iterator[Open]:
    made = Open(lab)
    yield made
    if made.process.poll() is None:
        lab.interrupt(made.process)


def test_lessons_are_served_to_those_who_have_the_token(opened: Open):
    assert opened.get(f"{opened.page}?token={opened.token}").status_code == 200
    assert opened.page.endswith("notebooks/00_start_here.ipynb")
    assert opened.get("api/contents/notebooks/00_start_here.ipynb").status_code == 403
    answer = opened.get("api/contents/notebooks/00_start_here.ipynb", headers=opened.headers)
    assert answer.status_code == 200
    assert answer.json()["type"] == "notebook"


def test_pictures_of_lessons_are_served(opened: Open):
    lesson = opened.get("api/contents/notebooks/00_start_here.ipynb", headers=opened.headers).json()
    cells = ["".join(cell["source"]) for cell in lesson["content"]["cells"]]
    pictures = [target for cell in cells for target in re.findall(r"!\[[^\]]*\]\(\.\./(\S+?)\)", cell)]
    assert pictures
    for picture in pictures:
        answer = opened.get(f"files/{picture}", headers=opened.headers)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml"), picture


def test_kernel_reaches_the_cluster_and_ctrl_c_ends_everything(opened: Open):
    printed = opened.execute("import subprocess\nprint(subprocess.getoutput('kubectl get nodes -o name'))")
    assert printed == "node/minikube\n"
    code, said = opened.lab.interrupt(opened.process)
    assert code == 0 and "Traceback" not in said
    assert "have ended" in said
    opened.lab.assert_nothing_left()
    assert list(opened.lab.user.iterdir()) == []


def test_second_lab_is_refused_and_down_ends_the_first(opened: Open):
    assert f"open already: {opened.url}" in opened.lab.fails("lab")
    assert "JupyterLab has ended" in opened.lab.run("down")
    code, _ = opened.lab.finish(opened.process)
    assert code == 0
    opened.lab.assert_nothing_left()


def test_closed_terminal_ends_the_lab(opened: Open):
    opened.lab.interrupt(opened.process, signal.SIGHUP)
    opened.lab.assert_nothing_left()


def test_down_ends_what_a_killed_lab_left(opened: Open):
    opened.process.kill()
    opened.process.wait()
    opened.lab.run("down")
    opened.lab.assert_nothing_left()


def test_interrupted_while_jupyter_starts(lab: Lab):
    starting = lab.begin("lab")
    record = lab.home / "jupyter" / "server.json"
    wait_until(lambda: record.exists() or starting.poll() is not None, lambda: "JupyterLab was not started")
    _, said = lab.interrupt(starting)
    assert "Traceback" not in said
    lab.assert_nothing_left()


def test_server_that_cannot_start_takes_the_cluster_down(lab: Lab):
    (lab.home / "jupyter").mkdir(parents=True)
    (lab.home / "jupyter" / "runtime").write_text("a file where a folder must be")
    code, said = lab.finish(lab.begin("lab"))
    assert code == 1 and "JupyterLab did not start" in said
    lab.assert_nothing_left()
