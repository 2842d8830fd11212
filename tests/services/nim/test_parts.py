"""Parts of the stand-ins that are clearer to test without a model: the line, the busy clock, cutting, settings."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

import pytest

import raglab.services
from raglab.gpus.busy import BusyClock
from raglab.services.nim.admission import Admission
from raglab.services.nim.ea_command import apply_arguments
from raglab.services.nim.encoder import Encoder, _pieces
from raglab.services.nim.errors import ApiError
from raglab.services.nim.settings import SettingsError, llm_settings


async def test_the_line_is_first_come_first_served_even_for_the_big():
    line = Admission(2, 10, BusyClock())
    first = await line.enter(1)
    big = asyncio.ensure_future(line.enter(2))
    small = asyncio.ensure_future(line.enter(1))
    await asyncio.sleep(0)
    assert (line.running, line.waiting) == (1, 2)
    first.release()
    ticket = await big
    assert not small.done()
    ticket.release()
    (await small).release()
    assert (line.running, line.waiting) == (0, 0)


async def test_leaving_the_line_lets_the_next_one_in():
    line = Admission(2, 10, BusyClock())
    await line.enter(1)
    big = asyncio.ensure_future(line.enter(2))
    small = asyncio.ensure_future(line.enter(1))
    await asyncio.sleep(0)
    big.cancel()
    assert (await small).places == 1


async def test_being_admitted_and_abandoned_in_the_same_moment_gives_the_place_back():
    line = Admission(1, 10, BusyClock())
    first = await line.enter(1)
    second = asyncio.ensure_future(line.enter(1))
    await asyncio.sleep(0)
    first.release()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert line.running == 0


async def test_a_full_line_refuses():
    line = Admission(1, 0, BusyClock())
    line.check_room()
    await line.enter(1)
    with pytest.raises(ApiError) as refused:
        line.check_room()
    assert refused.value.status == 503
    assert refused.value.retry_after >= 1


def test_overlapping_work_counts_once():
    now = [0.0]
    clock = BusyClock(now=lambda: now[0])
    clock.start()
    now[0] = 1
    clock.start()
    now[0] = 3
    clock.stop()
    assert clock.seconds() == 3
    now[0] = 4
    clock.stop()
    now[0] = 9
    assert clock.seconds() == 4


@pytest.mark.parametrize("text", ["", "a b", "word " * 30_000, "x" * 100_000, " " * 70_000, "é, " * 20_000])
def test_pieces_put_together_are_the_text(text: str):
    pieces = list(_pieces(text))
    assert "".join(pieces) == text
    assert all(len(piece) <= 32_768 for piece in pieces)


def test_cutting_a_long_text_does_not_change_its_tokens(model_folder: Path):
    encoder = Encoder(model_folder / "embedding", 1)
    encoder.load()
    text = "Kubernetes schedules 12 pods; übergrößen don't matter. " * 3000
    whole = encoder._tokenizer.encode(text).ids
    head, tail = encoder.tokenise(text, keep_end=False), encoder.tokenise(text, keep_end=True)
    assert head.total == tail.total == len(whole)
    assert head.ids.tolist() == whole[:511] + whole[-1:]
    assert tail.ids.tolist() == whole[:1] + whole[-511:]


def test_the_early_access_command_sets_name_and_port(capfd: pytest.CaptureFixture[str]):
    environ = {"NIM_SERVER_PORT": "8000"}
    arguments = (
        "nemollm_inference_ms --model mistral-7b --openai_port 8005 --nemo_port=8006 --num_gpus=1 --paged"
    )
    apply_arguments(arguments.split(), environ)
    assert environ == {"NIM_SERVER_PORT": "8005", "NIM_SERVED_MODEL_NAME": "mistral-7b"}
    assert "--paged" in capfd.readouterr().err


def test_the_shim_starts_the_stand_in():
    shim = Path(raglab.services.__file__).parent / "bin" / "nim" / "nemollm_inference_ms"
    assert os.access(shim, os.X_OK)
    result = subprocess.run(
        [shim, "--model", "x"], env={"RAGLAB_PYTHON": "echo"}, capture_output=True, text=True
    )
    assert result.stdout.strip() == "-m raglab.services.nim.llm --model x"


@pytest.mark.parametrize("value", ["-1", "x", "99999999", "1.5", "٣"])
def test_bad_settings_are_named(value: str):
    with pytest.raises(SettingsError, match="NIM_MAX_MODEL_LEN"):
        llm_settings({"NIM_MAX_MODEL_LEN": value})


def test_only_the_pods_own_address_is_bound():
    assert llm_settings({}).host == "127.0.0.1"
    assert llm_settings({"POD_IP": "127.10.0.9"}).host == "127.10.0.9"
    assert llm_settings({"NIM_SERVED_MODEL_NAME": "a, b"}).names == ("a", "b")
