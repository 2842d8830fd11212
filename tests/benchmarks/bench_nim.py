"""What the NIM stand-ins cost over the runtimes they use: `python tests/benchmarks/bench_nim.py`.

The runtime called directly (in a process of its own, same model, same threads) and the stand-in over HTTP take turns
for every measurement, so that whatever else the machine does falls on both alike. Long measurements are compared by
their quicker quarter, the undisturbed ones, passages pair by pair, single queries by their median over blocks. Each
line says what the project asks for; the CPU times do not depend on the load at all.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from raglab.services import models
from tests.services.nim.conftest import Nim, running

TOKENS, PASSAGES = 96, 4
REST = 0.05  # seconds; called directly, the runtime keeps a core busy for a while after each answer
PROMPT = "Explain how a scheduler places pods on nodes with free devices. " * 6
PASSAGE = "word " * 298  # 300 tokens with the two special ones
QUERY = "How long does a pod wait for a free device before it is placed on a node in the cluster?"


def direct_llama(pipe: Connection, folder: str) -> None:
    """llama.cpp without anything in front: answers (seconds to the first token, total, CPU)."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = f"{folder}/{models.model('llm').files[0].target}"
    parameters.hostnames = [f"{tempfile.mkdtemp()}/direct.sock"]
    parameters.n_ctx, parameters.n_parallel = 4 * 4096, 4
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.cache_ram_mib, parameters.ui, parameters.verbosity = 0, False, 0
    server = xllamacpp.Server(parameters)
    request = {"prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0, "ignore_eos": True, "stream": True}
    body = json.dumps(request | {"cache_prompt": False})
    pipe.send("ready")
    while pipe.recv():
        times: list[float] = []
        begun, cpu = time.perf_counter(), time.process_time()
        server.handle_completions(body, lambda chunk, times=times: times.append(time.perf_counter()))
        pipe.send((times[0] - begun, time.perf_counter() - begun, time.process_time() - cpu))


def blocks(ask: Callable[[Any], Any], client: Any) -> tuple[list[float], list[float]]:
    """Seconds per single query, directly and over HTTP, in turns of 50 of which the first 5 warm up."""
    plain: list[float] = []
    ours: list[float] = []
    for _ in range(4):
        plain += [ask([QUERY])[0] for _ in range(50)][5:]
        ours += [embed(client, [QUERY]) for _ in range(50)][5:]
    return plain, ours


def direct_onnx(pipe: Connection, folder: str) -> None:
    """ONNX Runtime in its best setting on two threads: answers (seconds, CPU seconds) for some texts."""
    import numpy
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(f"{folder}/embedding/model.onnx", options)
    tokenizer = Tokenizer.from_file(f"{folder}/embedding/tokenizer.json")
    tokenizer.no_padding()
    tokenizer.no_truncation()
    pipe.send("ready")
    while texts := pipe.recv():
        begun, cpu = time.perf_counter(), time.process_time()
        for text in texts:
            ids = numpy.array([tokenizer.encode(text).ids], numpy.int64)
            (states,) = session.run(
                None,
                {
                    "input_ids": ids,
                    "attention_mask": numpy.ones_like(ids),
                    "token_type_ids": numpy.zeros_like(ids),
                },
            )
            vector = states[0].mean(axis=0)
            vector / numpy.linalg.norm(vector)
        pipe.send((time.perf_counter() - begun, time.process_time() - cpu))


@contextmanager
def direct(worker: Callable[[Connection, str], None], folder: Path) -> Iterator[Callable[[Any], Any]]:
    """A process that runs `worker`; the function asks it once."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=worker, args=(theirs, str(folder)), daemon=True)
    process.start()
    try:
        ours.recv()

        def ask(question: Any) -> Any:
            ours.send(question)
            return ours.recv()

        yield ask
    finally:
        process.kill()
        process.join()


def stream(client: httpx.Client) -> tuple[float, float]:
    """One stream through the stand-in: seconds to the first byte of the body, and to the end."""
    request = {"model": "llama-2-7b-chat", "prompt": PROMPT, "max_tokens": TOKENS, "temperature": 0}
    begun = time.perf_counter()
    first = 0.0
    with client.stream(
        "POST", "/v1/completions", json=request | {"stream": True, "ignore_eos": True}
    ) as response:
        for _ in response.iter_raw():
            first = first or time.perf_counter() - begun
    return first, time.perf_counter() - begun


def embed(client: http.client.HTTPConnection, texts: list[str]) -> float:
    """Seconds for one request to the stand-in, from a client that costs next to nothing itself."""
    begun = time.perf_counter()
    request = {"model": "NV-Embed-QA", "input": texts, "input_type": "passage", "encoding_format": "base64"}
    client.request("POST", "/v1/embeddings", json.dumps(request))
    answer = client.getresponse()
    data = json.loads(answer.read())["data"]
    assert len(data) == len(texts)
    return time.perf_counter() - begun


def rested(measure: Callable[[], Any]) -> Any:
    """The result of `measure`, taken when the side asked before it has come to rest."""
    time.sleep(REST)
    return measure()


def cpu_seconds(process: psutil.Process) -> float:
    """CPU time a process has used."""
    times = process.cpu_times()
    return times.user + times.system


def report(name: str, value: float, unit: str, wanted: str, good: bool) -> None:
    """One line."""
    print(f"{name:<52} {value:8.3f} {unit:<3} wanted {wanted:<8} {'OK' if good else 'MISSED'}", flush=True)


def bench_llm(folder: Path, nim: Nim) -> None:
    """Tokens per second and the way of the first token."""
    with direct(direct_llama, folder) as ask, nim.client() as client:
        ask(True), stream(client)
        process, rounds = psutil.Process(nim.process.pid), 9
        before = cpu_seconds(process)
        pairs = [(ask(True), stream(client)) for _ in range(rounds)]
        ours_cpu = (cpu_seconds(process) - before) / rounds
    plain_cpu = statistics.mean(cpu for (_, _, cpu), _ in pairs)
    plain = TOKENS / statistics.quantiles(total for (_, total, _), _ in pairs)[0]
    ours = TOKENS / statistics.quantiles(total for _, (_, total) in pairs)[0]
    print(f"LLM: {plain:.1f} tokens/s direct, {ours:.1f} through the stand-in, prompt included;", end=" ")
    print(f"{plain_cpu:.2f} and {ours_cpu:.2f} CPU s each, ratio {plain_cpu / ours_cpu:.3f}")
    report("LLM tokens/s, stand-in / llama.cpp", ours / plain, "", ">= 0.95", ours / plain >= 0.95)
    late = statistics.median(first - plain_first for (plain_first, _, _), (first, _) in pairs) * 1000
    report("LLM first byte after the first token", late, "ms", "<= 50", late <= 50)


def bench_embedding(folder: Path, nim: Nim) -> None:
    """Passages per second, a single query, and the peak of memory."""
    passages = [PASSAGE] * PASSAGES
    client = http.client.HTTPConnection(nim.url.removeprefix("http://"))
    with direct(direct_onnx, folder) as ask, closing(client):
        ask(passages[:1]), embed(client, passages[:1])
        process, rounds = psutil.Process(nim.process.pid), 20
        before = cpu_seconds(process)
        pairs = [
            (*rested(lambda: ask(passages)), rested(lambda: embed(client, passages))) for _ in range(rounds)
        ]
        ours_cpu = (cpu_seconds(process) - before) / rounds / PASSAGES * 1000
        plain_cpu = statistics.mean(cpu for _, cpu, _ in pairs) / PASSAGES * 1000
        ratio = statistics.median(plain / ours for plain, _, ours in pairs)
        plain, ours = (PASSAGES / statistics.median(side) for side in list(zip(*pairs, strict=True))[::2])
        print(f"embedding: {plain:.1f} passages/s direct, {ours:.1f} through the stand-in;", end=" ")
        print(f"{plain_cpu:.0f} and {ours_cpu:.0f} CPU ms each")
        report("embedding passages/s, stand-in / ONNX Runtime", ratio, "", ">= 0.9", ratio >= 0.9)
        # In blocks, for the same reason; a rest before each query would measure how a sleeping core wakes up.
        plain, ours = (statistics.median(side) * 1000 for side in blocks(ask, client))
        print(f"embedding: {plain:.1f} ms per query direct, {ours:.1f} ms over HTTP")
        report("embedding single query, over HTTP - direct", ours - plain, "ms", "<= 3", ours - plain <= 3)
        embed(client, ["word " * 500] * 64)
    status = Path(f"/proc/{nim.process.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    report("embedding peak memory, 64 texts of 500 tokens", peak, "MB", "<= 500", peak <= 500)


def main() -> None:
    """Runs everything."""
    print(f"load average before the run {psutil.getloadavg()[0]:.2f} on {psutil.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "models"
        models.prepare(folder, lambda step, share: None)
        with running("llm", folder) as nim:
            bench_llm(folder, nim)
        with running("embedding", folder) as nim:
            bench_embedding(folder, nim)


if __name__ == "__main__":
    main()
