"""NIM_CHAT_TEMPLATE: how messages become a prompt, in place of what the model brings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from raglab import paths
from tests.services.nim.conftest import Nim
from tests.services.nim.sse import chat

CHAT = "/v1/chat/completions"
LLAMA_2 = paths.CHECKOUT / "kubernetes-config" / "chat-templates" / "llama-2.jinja"


def prompt_tokens(nim: Nim) -> int:
    with nim.client() as client:
        return client.post(CHAT, json=chat("one two three")).json()["usage"]["prompt_tokens"]


def test_the_template_makes_the_prompt(start: Callable[..., Nim], llm: Nim, tmp_path: Path):
    (tmp_path / "bare.jinja").write_text("{{ messages[0].content }}")
    bare = prompt_tokens(start("llm", NIM_CHAT_TEMPLATE=str(tmp_path / "bare.jinja")))
    assert bare == 3
    assert bare < prompt_tokens(start("llm", NIM_CHAT_TEMPLATE=str(LLAMA_2))) < prompt_tokens(llm)


@pytest.mark.parametrize(
    ("text", "says"), [("{% for %}", "line 1 of which is no Jinja"), (None, "NIM_CHAT_TEMPLATE names")]
)
def test_a_template_that_cannot_be_used_ends_the_server(
    start: Callable[..., Nim], tmp_path: Path, text: str | None, says: str
):
    path = tmp_path / "broken.jinja"
    if text is not None:
        path.write_text(text)
    with pytest.raises(AssertionError, match=says):
        start("llm", NIM_CHAT_TEMPLATE=str(path))
