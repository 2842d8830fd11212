"""Splitting, token estimates, prompts and settings, without any service."""

from __future__ import annotations

import pytest
import yaml
from haystack import Document, Pipeline
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from raglab.paths import CHECKOUT
from raglab.services.query_router import extraction, pipelines, prompts, splitting, tokens
from raglab.services.query_router.components import ContextBudget
from raglab.services.query_router.errors import ApiError
from raglab.services.query_router.settings import Settings, SettingsError

TEXT = "One two three. Four five six! Seven eight nine? Ten eleven twelve. Thirteen."


def test_chunks_are_whole_sentences_that_overlap() -> None:
    found = [chunk.text for chunk in splitting.chunks(TEXT, size=10, overlap=5)]
    assert found == [
        "One two three. Four five six!",
        "Four five six! Seven eight nine?",
        "Seven eight nine? Ten eleven twelve.",
        "Ten eleven twelve. Thirteen.",
    ]


def test_pages_are_counted_from_one() -> None:
    text = "Alpha beta gamma.\fDelta epsilon zeta.\f\fEta theta iota."
    assert [(chunk.text, chunk.page) for chunk in splitting.chunks(text, size=4, overlap=0)] == [
        ("Alpha beta gamma.", 1),
        ("Delta epsilon zeta.", 2),
        ("Eta theta iota.", 4),
    ]


def test_quotes_stay_with_their_sentence() -> None:
    found = [
        item.text for item in splitting.sentences('He said "Go." She went (at 3.14 p.m.). 汉字。汉字。', 50)
    ]
    assert found == ['He said "Go."', "She went (at 3.14 p.m.).", "汉字。", "汉字。"]


@given(st.text(max_size=400), st.integers(1, 40), st.integers(0, 39))
def test_no_chunk_is_too_long_and_no_word_is_lost(text: str, size: int, overlap: int) -> None:
    text = extraction.clean(text)
    found = list(splitting.chunks(text, size, min(overlap, size - 1)))
    assert all(tokens.count(chunk.text) <= size for chunk in found)
    kept = "".join("".join(chunk.text.split()) for chunk in splitting.chunks(text, size, 0))
    assert kept == "".join(text.split())


@given(st.text(max_size=200), st.integers(0, 50))
def test_cut_keeps_a_beginning(text: str, limit: int) -> None:
    beginning = tokens.cut(text, limit)
    assert text.startswith(beginning)
    assert tokens.count(beginning) <= limit


def test_estimate_is_close_to_a_real_tokenizer(models) -> None:
    tokenizer = Tokenizer.from_file(str(models / "embedding" / "tokenizer.json"))
    tokenizer.no_truncation()
    for path in sorted((CHECKOUT / "data" / "documents").iterdir()):
        text = extraction.text_of(path.name, "", path.read_bytes())
        real = len(tokenizer.encode(text, add_special_tokens=False).ids)
        assert tokens.count(text) == pytest.approx(real, rel=0.15), path.name


def test_context_budget_keeps_the_best() -> None:
    documents = [Document(content=word * 3) for word in ("alpha ", "beta ", "gamma ")]
    kept = ContextBudget(max_tokens=7).run(documents)["documents"]
    assert [item.content for item in kept] == ["alpha alpha alpha ", "beta beta beta "]
    assert ContextBudget(max_tokens=2).run(documents)["documents"][0].content == "alpha alpha"


def test_pipelines_as_yaml_hold_no_secret_and_load_again() -> None:
    settings = Settings(database_password="hunter2")
    for build in (pipelines.indexing, pipelines.retrieval, pipelines.generation):
        text = build(settings).dumps()
        assert "hunter2" not in text
        again = Pipeline.loads(text, unsafe=True).to_dict()
        assert again["components"] == yaml.safe_load(text)["components"]
    assert "hunter2" not in settings.connection_string()
    assert "hunter2" not in repr(settings)


def test_a_plain_template_becomes_one_message() -> None:
    found = prompts.templates(Settings(rag_template="Read: {{ documents }} Say: {{ question }}"))["rag"]
    assert [message.role.value for message in found] == ["user"]
    listed = prompts.templates(Settings(chat_template="- system: Be kind.\n- user: '{{ question }}'"))["chat"]
    assert [message.role.value for message in listed] == ["system", "user"]


@pytest.mark.parametrize(
    "template", ["{{ question", "- nonsense", "- robot: hello", "{{ question | nothing }}"]
)
def test_bad_templates_are_found_at_start(template: str) -> None:
    with pytest.raises(SettingsError):
        prompts.templates(Settings(rag_template=template))


@pytest.mark.parametrize(
    "env",
    [
        {"PORT": "tcp://1.2.3.4:8081"},
        {"APP_TEXTSPLITTER_CHUNKSIZE": "0"},
        {"APP_TEXTSPLITTER_CHUNKOVERLAP": "500"},
    ],
)
def test_bad_settings_name_their_variable(env: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=next(iter(env))):
        Settings.from_environment(env)


def test_table_is_named_after_the_collection() -> None:
    assert Settings.from_environment({"COLLECTION_NAME": "canonical-rag"}).table == "data_canonical-rag"


@pytest.mark.parametrize("name", ["", "/", "..", "\x00", "a/.."])
def test_names_without_a_name_are_refused(name: str) -> None:
    with pytest.raises(ApiError):
        extraction.safe_name(name)
