"""What is wrong with a command that a document tells people to type, found without running it.

Programs of the lab are looked up: subcommands, options, make's targets, modules, files. Of kubectl and helm it is asked
that they are installed; `tests/newcomer` runs those of the README.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator

import click

from raglab.cli.app import cli
from raglab.paths import CHECKOUT, programs

ELSEWHERE = {"pre-commit", "pipx"}
"""Programs that people bring themselves."""
SHELL = {"source", "export", "eval", "set"}
TARGETS = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE))
TOP = {path.name for path in CHECKOUT.iterdir()}


def faults(line: str) -> list[str]:
    """Of one line of shell, commands inside ``$(...)`` included."""
    inner = re.findall(r"\$\(([^()]+)\)", line)
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    found = [fault for part in inner for fault in faults(part)]
    return found + (list(_faults(words[0], words[1:])) if words else [])


def _faults(program: str, arguments: list[str]) -> Iterator[str]:
    name = program.removeprefix(".venv/bin/")
    if name in ("python", "python3"):
        yield from _python(arguments)
    elif name == "raglab":
        yield from _raglab(cli, arguments)
    elif name == "make":
        yield from (
            f"make has no target {word}" for word in arguments if "=" not in word and word not in TARGETS
        )
    elif name not in ELSEWHERE | SHELL and not (programs() / name).exists():
        yield f"there is no program {name}"
    yield from (f"there is no {word}" for word in arguments if is_path(word) and not exists(word))


def _raglab(command: click.Command, arguments: list[str]) -> Iterator[str]:
    if isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        if inner := command.get_command(click.Context(command), arguments[0]):
            yield from _raglab(inner, arguments[1:])
        else:
            yield f"{command.name} has no command {arguments[0]}"
    elif not command.ignore_unknown_options:
        options = {option for parameter in command.params for option in parameter.opts}
        yield from (
            f"{command.name} has no option {w}" for w in arguments if w[:2] == "--" and w not in options
        )


def _python(arguments: list[str]) -> Iterator[str]:
    if arguments[0] == "-c":
        tree = ast.parse(arguments[1])
        modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    else:
        modules = [arguments[1]] if arguments[0] == "-m" else []
    yield from (f"there is no module {name}" for name in modules if importlib.util.find_spec(name) is None)
    if modules == ["raglab.bootstrap"]:
        yield from _raglab(cli, arguments[2:])


def is_path(word: str) -> bool:
    """Whether a word names something below the checkout."""
    return bool(re.fullmatch(r"[\w.-]+(/[\w.*-]*)+", word)) and word.split("/")[0] in TOP


def exists(path: str) -> bool:
    """A recipe may name files of the lesson to come, if the one before has the same."""
    return any(any(CHECKOUT.glob(name.rstrip("/"))) for name in (path, path.replace("_08", "_07")))
