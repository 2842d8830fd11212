"""all-MiniLM-L6-v2 on ONNX Runtime: text to tokens, tokens to one vector of 384 numbers.

Texts are computed one by one: on a CPU a batch is no faster (it only multiplies memory by its size), and a vector
that never shares a computation with another text is the same whatever else was asked for. The memory arena is kept:
it keeps the peak near 300 MB instead of 470. A thread waits actively for its next step for 50 microseconds only. The
runtime's own, much longer waiting is no faster on a quiet machine (best of six rounds on two cores, 290 tokens: 20.6
passages a second, with 50 microseconds 21.1, with 20 only 19.5), and beside other busy processes about twice as slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from raglab.services.models import ModelError

MAX_TOKENS = 512  # the model's positions, and the limit of the NIM it stands for
_SPIN_MICROSECONDS = "50"
_PIECE = 32_768  # characters tokenised at once, which bounds the tokeniser's memory
_SLACK = 256  # characters searched for white space before a cut


@dataclass(frozen=True)
class Tokens:
    """A text's token numbers with the two special ones; `total` counts those before truncation."""

    ids: np.ndarray
    total: int


class Encoder:
    """The model; `load` it first. Both methods compute for milliseconds to seconds: call them in a thread."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder, self._threads = folder, threads

    def load(self) -> None:
        """Loads model and tokeniser. Raises ModelError when a file is missing."""
        model, tokenizer = self._folder / "model.onnx", self._folder / "tokenizer.json"
        for path in (model, tokenizer):
            if not path.is_file():
                raise ModelError(f"{path} is missing: run `raglab setup`")
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = (
            True  # a text that contains "[SEP]" contains just these characters
        )
        self._begin, self._end = self._tokenizer.encode("").ids
        self._session = onnxruntime.InferenceSession(
            str(model), self._options(), providers=["CPUExecutionProvider"]
        )
        self.embed(self.tokenise("warm up", keep_end=False))

    def tokenise(self, text: str, *, keep_end: bool) -> Tokens:
        """The tokens of a text, of a long one only the first 512 or, with `keep_end`, the last."""
        room, total = MAX_TOKENS - 2, 0
        kept: list[int] = []
        for piece in _pieces(text):
            ids = self._tokenizer.encode(piece, add_special_tokens=False).ids
            total += len(ids)
            kept = (kept + ids)[-room:] if keep_end else (kept + ids[: room - len(kept)])
        return Tokens(np.array([self._begin, *kept, self._end], np.int64), total + 2)

    def embed(self, tokens: Tokens) -> np.ndarray:
        """The mean of the token vectors, scaled to length one: shape (384,), float32."""
        ids = tokens.ids[np.newaxis]
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        (states,) = self._session.run(["last_hidden_state"], inputs)
        mean = states[0].mean(axis=0)
        return (mean / np.linalg.norm(mean)).astype(np.float32)

    def _options(self) -> onnxruntime.SessionOptions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.spin_duration_us", _SPIN_MICROSECONDS)
        return options


def _pieces(text: str) -> Iterator[str]:
    """Cuts a long text at white space, where no token spans the cut; a text without any is cut anywhere."""
    start = 0
    while len(text) - start > _PIECE:
        latest = start + _PIECE
        end = next((at for at in range(latest, latest - _SLACK, -1) if text[at - 1].isspace()), latest)
        yield text[start:end]
        start = end
    yield text[start:]
