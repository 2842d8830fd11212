"""The extension in a real IPython shell: exit codes count, output is merged, nothing is left running."""

from __future__ import annotations

import contextlib
import os

import psutil
import pytest
from IPython.core.interactiveshell import InteractiveShell

from raglab.lesson import extension
from raglab.lesson.extension import CommandFailed


@pytest.fixture
def shell(tmp_path):
    before = dict(os.environ)
    os.environ["RAGLAB_HOME"] = str(tmp_path)
    made = InteractiveShell()
    extension.load(made)
    yield made
    os.environ.clear()
    os.environ.update(before)


def run(shell: InteractiveShell, cell: str):
    return shell.run_cell(cell, store_history=False)


@pytest.mark.parametrize(
    "cell",
    [
        "!false",
        "!false | cat",
        "out = !false",
        "%%bash\nfalse\necho later",
        "%%bash\nfalse | cat\necho later",
        "!no-such-program-at-all",
    ],
)
def test_a_failing_command_fails_the_cell(shell, cell, capsys) -> None:
    result = run(shell, cell)
    assert isinstance(result.error_in_exec, CommandFailed)
    assert "later" not in capsys.readouterr().out


def test_output_arrives_in_order_and_merged(shell, capsys) -> None:
    assert run(shell, "!echo one; echo two >&2; echo three").success
    assert capsys.readouterr().out == "one\ntwo\nthree\n"


def test_python_variables_are_filled_in(shell, capsys) -> None:
    run(shell, "name = 'world'\n!echo hello {name}\nlines = !printf 'a\\nb\\n'")
    assert capsys.readouterr().out == "hello world\n"
    assert shell.user_ns["lines"] == ["a", "b"]


def test_commands_run_on_the_labs_cluster(shell, capsys, tmp_path) -> None:
    run(shell, "!echo $KUBECONFIG $KUBECACHEDIR $HELM_CACHE_HOME")
    paths = capsys.readouterr().out.split()
    assert len(paths) == 3
    assert all(path.startswith(str(tmp_path)) for path in paths)


def test_background_processes_end_with_the_cell(shell, capsys) -> None:
    run(shell, "%%bash\nsleep 600 >/dev/null 2>&1 & echo $!")
    pid = int(capsys.readouterr().out)
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(10)
