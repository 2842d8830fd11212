"""Kill -9 at random moments: what was acknowledged is there, and nothing is half there."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from raglab.pocket.store import Store

ROUNDS = 6
ROOT = Path(__file__).parents[3]
WRITER = """
import sys
from pathlib import Path
from pathlib import Path
from raglab.pocket.store import Store

store, step = Store(Path(sys.argv[1])), 0
while True:
    step += 1
    name = f"n{step % 7}"
    if step % 5 == 0 and store.get("/pods", "a", name):
        version = store.remove("/pods", "a", name).version
    else:
        data = {"step": step, "filling": "x" * (step * 37 % 9000)}
        obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "a"}, "data": data}
        version = store.put("/pods", obj).version
    held = {item.object["metadata"]["name"]: item.version for item in store.records("/pods")}
    print(version, sorted(held.items()), sep="\\t", flush=True)
"""


def write_until_killed(path, lines):
    """Let a writer work until it has told of `lines` writes; all that it told of, by version."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    told = {}
    try:
        for line in writer.stdout:
            if not line.endswith("\n"):
                break
            version, held = line.split("\t")
            told[int(version)] = held.strip()
            if len(told) == lines:
                writer.send_signal(signal.SIGKILL)  # it writes on until the signal arrives
    finally:
        writer.kill()
        writer.wait()
        writer.stdout.close()
    return told


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_acknowledged_writes_survive(tmp_path, seed):
    path, dice = tmp_path / "store.sqlite", random.Random(seed)
    newest = 0
    for _ in range(2):
        told = write_until_killed(path, dice.randrange(1, 400))
        store = Store(path)
        assert max(told) <= store.version <= max(told) + 1  # the last write may have happened untold
        assert min(told) == newest + 1
        for record in store.records("/pods"):
            assert json.loads(record.raw) == record.object
            assert record.object["metadata"]["resourceVersion"] == str(record.version)
            step = record.object["data"]["step"]
            assert len(record.object["data"]["filling"]) == step * 37 % 9000
        if store.version in told:
            held = {item.object["metadata"]["name"]: item.version for item in store.records("/pods")}
            assert str(sorted(held.items())) == told[store.version]
        newest = store.version
        store.close()
