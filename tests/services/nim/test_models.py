"""Setting the models up: verified, atomic, repeatable, and honest about damage."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from gguf import GGUFReader

from raglab.services import models
from raglab.services.models import Model, ModelError, ModelFile, Source


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Model:
    """A catalogue with one small file in a package of its own."""
    package = tmp_path / "packages" / "tiny_weights"
    package.mkdir(parents=True)
    (package / "weights.bin").write_bytes(b"weights")
    monkeypatch.syspath_prepend(package.parent)
    source = Source("tiny_weights", "weights.bin", models.sha256(package / "weights.bin"), 7)
    entry = dataclasses.replace(models.model("llm"), files=(ModelFile("llm/weights.bin", source),))
    monkeypatch.setattr(models, "catalogue", lambda: (entry,))
    return entry


def source_of(entry: Model) -> Source:
    assert entry.files[0].source
    return entry.files[0].source


def ignore(step: str, share: float) -> None:
    """Progress nobody looks at."""


def test_prepare_makes_a_folder_that_check_accepts(small: Model, tmp_path: Path):
    assert models.check(tmp_path / "models") == [f"{tmp_path}/models/llm/weights.bin is missing"]
    (path,) = models.prepare(tmp_path / "models", ignore)
    assert path.read_bytes() == b"weights"
    assert models.check(tmp_path / "models") == []


def test_a_second_run_keeps_the_files(small: Model, tmp_path: Path):
    (path,) = models.prepare(tmp_path / "models", ignore)
    before = path.stat().st_mtime_ns
    steps: list[tuple[str, float]] = []
    models.prepare(tmp_path / "models", lambda step, share: steps.append((step, share)))
    assert path.stat().st_mtime_ns == before
    assert steps == [("SmolLM2-135M-Instruct: weights.bin is there", 1.0)]


def test_damage_is_seen_and_mended(small: Model, tmp_path: Path):
    (path,) = models.prepare(tmp_path / "models", ignore)
    path.write_bytes(b"weighty")
    assert models.check(tmp_path / "models") == [f"{path} is damaged"]
    models.prepare(tmp_path / "models", ignore)
    assert path.read_bytes() == b"weights"


def test_an_interrupted_run_is_taken_up_again(small: Model, tmp_path: Path):
    (path,) = models.prepare(tmp_path / "models", ignore)
    path.with_name("weights.bin.json").unlink()
    path.with_name("weights.bin.part").write_bytes(b"half")
    assert models.check(tmp_path / "models") == [f"{path} was not finished"]
    models.prepare(tmp_path / "models", ignore)
    assert models.check(tmp_path / "models") == []
    assert not path.with_name("weights.bin.part").exists()


def test_an_altered_source_is_refused(small: Model, tmp_path: Path):
    source_of(small).path().write_bytes(b"trojans")
    with pytest.raises(ModelError, match="pinned SHA-256"):
        models.prepare(tmp_path / "models", ignore)
    assert not (tmp_path / "models" / "llm" / "weights.bin").exists()


def test_a_missing_package_is_named(small: Model, tmp_path: Path):
    source_of(small).path().unlink()
    with pytest.raises(ModelError, match="tiny_weights"):
        models.prepare(tmp_path / "models", ignore)


@pytest.mark.parametrize(("served", "form"), [("llama-2-7b-chat", "Q8_0"), ("mistral-7b-instruct", "Q4_0")])
def test_the_language_model_is_requantised_whole(model_folder: Path, served: str, form: str):
    file = models.model("llm", served).files[0]
    assert file.source
    source, target = GGUFReader(file.source.path()), GGUFReader(model_folder / file.target)
    assert [tensor.name for tensor in target.tensors] == [tensor.name for tensor in source.tensors]
    assert {tensor.tensor_type.name for tensor in target.tensors} == {"F32", "Q8_0", form}
    kept = set(source.fields) - {"general.file_type"}
    for name in kept - {"GGUF.version", "GGUF.tensor_count", "GGUF.kv_count"}:
        ours, theirs = target.fields[name], source.fields[name]
        assert (ours.types, len(ours.data)) == (theirs.types, len(theirs.data)), name
        assert ours.contents(slice(100)) == theirs.contents(slice(100)), name
    stamp = json.loads((model_folder / f"{file.target}.json").read_text())
    assert stamp["source_sha256"] == file.source.sha256


@pytest.mark.parametrize(
    ("served", "answers"),
    [
        ("llama-2-7b-chat", "SmolLM2-135M-Instruct"),
        ("mistral-7b-instruct", "SmolLM2-135M-Instruct-Q4_0"),
        ("mistralai/Mistral-7B-Instruct", "SmolLM2-135M-Instruct-Q4_0"),
        ("qwen2.5-coder", "Qwen2.5-Coder-0.5B-Instruct"),
        ("anything", "SmolLM2-135M-Instruct"),
        ("", "SmolLM2-135M-Instruct"),
    ],
)
def test_the_served_name_chooses_the_model(served: str, answers: str):
    assert models.model("llm", served).name == answers


def test_every_role_has_a_catch_all():
    for role in ("llm", "embedding"):
        assert not models.model(role, "a name nobody thought of").optional
