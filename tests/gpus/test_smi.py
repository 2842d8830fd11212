"""`nvidia-smi` of the simulated GPUs: its formats, its errors, and that only what was given is visible."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from raglab.gpus import inventory, physics, usage
from raglab.gpus.busy import BusyClock
from raglab.gpus.smi import query
from raglab.gpus.smi.__main__ import main
from raglab.gpus.usage import Hold

UUIDS = inventory.load().uuids


@pytest.fixture
def smi(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Runs the tool as on the node, or with the devices given; (exit code, output)."""

    def run(*arguments: str, devices: str | None = None) -> tuple[int, str]:
        environ = {usage.FOLDER: str(tmp_path)} | ({usage.DEVICES: devices} if devices is not None else {})
        code = main(arguments, environ)
        return code, capsys.readouterr().out

    return run


@pytest.fixture
def busy(tmp_path: Path):
    """A process that holds the second device, has 10 GiB there and works all the time."""
    clock = BusyClock()
    with Hold("server", clock, {usage.FOLDER: str(tmp_path), usage.DEVICES: UUIDS[1]}) as hold:
        hold.memory(10 * 2**30)
        clock.start()
        yield


def test_the_table_has_the_tools_layout_and_says_that_it_is_simulated(smi, busy) -> None:
    code, text = smi()
    lines = text.splitlines()
    assert code == 0
    assert {len(line) for line in lines[1:] if line.startswith(("|", "+"))} == {91}
    assert (
        "| N/A   61C    P0            285W /  300W |   10240MiB /  81920MiB |    100%      Default |" in lines
    )
    assert any(line.startswith("|    1   N/A  N/A") and "server" in line for line in lines)
    assert "Simulated" in text


def test_an_idle_node_has_no_processes(smi) -> None:
    assert "No running processes found" in smi()[1]


def test_only_given_devices_are_visible_and_count_from_zero(smi) -> None:
    assert len(smi("-L")[1].splitlines()) == 4
    assert smi("-L", devices=UUIDS[2])[1] == f"GPU 0: NVIDIA A100 80GB PCIe (UUID: {UUIDS[2]})\n"
    code, text = smi("topo", "-m", devices=f"{UUIDS[1]},{UUIDS[2]}")
    assert (code, text.splitlines()[1]) == (0, "GPU0\t X \tSYS\t24-47\t1\t\tN/A")
    assert smi("-L", devices="") == (6, "No devices were found\n")


def test_fields_come_as_csv(smi, busy) -> None:
    fields = "index,name,memory.used,utilization.gpu,power.draw,clocks.sm,pstate"
    head, *rows = smi(f"--query-gpu={fields}", "--format=csv")[1].splitlines()
    assert head == (
        "index, name, memory.used [MiB], utilization.gpu [%], power.draw [W], clocks.current.sm [MHz], pstate"
    )
    assert rows[0] == "0, NVIDIA A100 80GB PCIe, 0 MiB, 0 %, 45.00 W, 210 MHz, P0"
    assert rows[1].startswith("1, NVIDIA A100 80GB PCIe, 10240 MiB, 100 %, 285.00 W, 1410 MHz, P0")
    bare = smi("--query-gpu=index,memory.used", "--format=csv,noheader,nounits", "-i", "1")[1]
    assert bare == "1, 10240\n"


def test_every_field_that_is_listed_can_be_asked(smi, busy) -> None:
    for kind, known in (("gpu", query.GPU), ("compute-apps", query.APPS)):
        names = smi(f"--help-query-{kind}")[1].split()
        assert names == [field.name for field in known]
        rows = list(csv.reader(smi(f"--query-{kind}={','.join(names)}", "--format=csv")[1].splitlines()))
        assert {len(row) for row in rows} == {len(names)}


def test_memory_adds_up(smi, busy) -> None:
    text = smi(
        "--query-gpu=memory.total,memory.reserved,memory.used,memory.free", "--format=csv,noheader,nounits"
    )
    for line in text[1].splitlines():
        total, *parts = map(int, line.split(","))
        assert total == sum(parts) == 81920


def test_processes(smi, busy) -> None:
    text = smi("--query-compute-apps=gpu_uuid,process_name,used_memory", "--format=csv")[1]
    assert text == f"gpu_uuid, process_name, used_gpu_memory [MiB]\n{UUIDS[1]}, server, 10240 MiB\n"


def test_dmon_is_bounded_and_aligned(smi, busy) -> None:
    code, text = smi("dmon", "-c", "1", "-s", "pum")
    lines = text.splitlines()
    assert code == 0 and len(lines) == 6
    assert len({len(line) for line in lines}) == 1
    assert lines[3].split()[:5] == ["1", "285", "61", "65", "100"]
    assert lines[3].split()[-1] == "10240"


def test_links_have_their_speed(smi) -> None:
    lines = smi("nvlink", "-s", "-i", "0")[1].splitlines()
    assert len(lines) == 13 and lines[-1] == "\t Link 11: 25 GB/s"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--query-gpu=index,nope", "--format=csv"], 2, 'Field "nope" is not a valid field to query.'),
        (["--query-gpu=index"], 2, "--format"),
        (["--query-gpu=index", "--format=xml"], 2, "--format"),
        (["--what"], 2, "Please run 'nvidia-smi -h' for help."),
        (["topo"], 2, "Please run 'nvidia-smi -h' for help."),
        (["dmon", "-c", "many"], 2, "Please run 'nvidia-smi -h' for help."),
        (["dmon", "-d", "99"], 2, "Please run 'nvidia-smi -h' for help."),
        (["dmon", "-s", "x"], 2, "Please run 'nvidia-smi -h' for help."),
        (["-i", "9"], 6, "No devices were found for 9"),
    ],
)
def test_what_cannot_be_answered(smi, arguments: list[str], code: int, says: str) -> None:
    found, text = smi(*arguments)
    assert found == code
    assert says in text


def test_help_says_that_it_is_simulated(smi) -> None:
    assert "Simulated" in smi("-h")[1]


def test_derived_values_come_from_the_one_model(smi, busy) -> None:
    state = physics.state(1.0, 10 * 2**30)
    text = smi("--query-gpu=power.draw,temperature.gpu", "--format=csv,noheader,nounits", "-i", "1")[1]
    assert text == f"{state.power:.2f}, {state.temperature}\n"
