"""`python -m raglab.gpus.smi`: what the program ``nvidia-smi`` of GPU pods runs.

Exit codes are the tool's: 0, 2 for arguments it cannot use, 6 for devices it cannot find.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NoReturn

from raglab.gpus.smi import matrix, monitor, query, table
from raglab.gpus.smi.query import QueryError
from raglab.gpus.smi.view import NOTE, PERIOD, View, readings, view

BAD_ARGUMENTS, NOT_FOUND = 2, 6
USAGE = """\
nvidia-smi                            a table of the devices and their processes
nvidia-smi -L                         the devices and their UUIDs
nvidia-smi topo -m                    how they are linked
nvidia-smi nvlink -s                  the speed of their NVLinks
nvidia-smi dmon [-c N] [-d SECONDS] [-s pucm]
nvidia-smi --query-gpu=FIELD,... --format=csv[,noheader][,nounits]
nvidia-smi --query-compute-apps=FIELD,... --format=csv[,noheader][,nounits]
nvidia-smi --help-query-gpu, --help-query-compute-apps
Each takes -i INDEX,... or UUID,... to choose devices.
"""


class _Parser(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        print("Invalid combination of input arguments. Please run 'nvidia-smi -h' for help.")
        self.exit(BAD_ARGUMENTS)


def main(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Answer the command line for a process with this environment; returns the exit code."""
    try:
        asked = _parse(list(arguments))
    except SystemExit:
        return BAD_ARGUMENTS
    seen = _chosen(view(environ), asked.id)
    if isinstance(seen, str):
        print(seen)
        return NOT_FOUND
    try:
        _answer(asked, seen)
    except QueryError as error:
        print(error)
        return BAD_ARGUMENTS
    except (KeyboardInterrupt, BrokenPipeError):
        return 0
    return 0


def _parse(arguments: list[str]) -> Namespace:
    """The arguments of one command; the parser ends the program if they do not fit together."""
    command = arguments.pop(0) if arguments and arguments[0] in OPTIONS else ""
    parser = _Parser("nvidia-smi", add_help=False, allow_abbrev=False)
    parser.add_argument("-i", "--id", default="")
    for names, settings in OPTIONS[command].items():
        parser.add_argument(*names.split(), **settings)
    return parser.parse_args(arguments, Namespace(command=command))


def _letters(text: str) -> str:
    """Letters of column groups; ValueError for others."""
    if not set(text) <= monitor.GROUPS.keys():
        raise ValueError(text)
    return text


_FLAG: dict[str, Any] = {"action": "store_true"}
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "topo": {"-m --matrix": _FLAG | {"required": True}},
    "nvlink": {"-s --status": _FLAG | {"required": True}},
    "dmon": {
        "-c --count": {"type": int, "default": 0},
        "-d --delay": {"type": int, "default": 1, "choices": range(1, 11)},
        "-s --select": {"type": _letters, "default": monitor.DEFAULT},
    },
    "": {
        "-h --help": _FLAG,
        "-L --list-gpus": _FLAG,
        "--query-gpu": {},
        "--query-compute-apps": {},
        "--help-query-gpu": _FLAG,
        "--help-query-compute-apps": _FLAG,
        "--format": {"default": ""},
    },
}
"""Options of each command, beside ``-i``."""


def _chosen(seen: View, ids: str) -> View | str:
    """The devices that ``-i`` names, or why there are none."""
    if not seen.devices:
        return "No devices were found"
    wanted = [word for word in ids.split(",") if word]
    names = {word for device in seen.devices for word in (str(device.index), device.uuid, device.pci_bus_id)}
    if unknown := [word for word in wanted if word not in names]:
        return f"No devices were found for {unknown[0]}"
    chosen = [d for d in seen.devices if not wanted or {str(d.index), d.uuid, d.pci_bus_id} & set(wanted)]
    return replace(seen, devices=tuple(chosen))


def _answer(asked: Namespace, seen: View) -> None:
    if asked.command == "dmon":
        for line in monitor.lines(seen, asked.select, asked.count, asked.delay):
            print(line, flush=True)
        return
    print(_text(asked, seen), end="")


def _text(asked: Namespace, seen: View) -> str:
    answers: dict[str, Callable[[View], str]] = {"topo": matrix.topo, "nvlink": matrix.nvlink}
    if asked.command:
        return answers[asked.command](seen)
    if asked.help:
        return f"{USAGE}{NOTE}\n"
    if asked.list_gpus:
        return table.listing(seen)
    for wanted, fields in ((asked.help_query_gpu, query.GPU), (asked.help_query_compute_apps, query.APPS)):
        if wanted:
            return "".join(f"{field.name}\n" for field in fields)
    for names, fields in ((asked.query_gpu, query.GPU), (asked.query_compute_apps, query.APPS)):
        if names:
            period = PERIOD if query.needs_load(names) else 0.0
            return query.csv(seen, readings(seen, period), names, asked.format, fields)
    return table.table(seen, readings(seen), datetime.now())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
