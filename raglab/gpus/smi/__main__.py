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
from typing import NoReturn

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
    command = arguments.pop(0) if arguments and arguments[0] in ("topo", "nvlink", "dmon") else ""
    parser = _Parser("nvidia-smi", add_help=False, allow_abbrev=False)
    parser.add_argument("-i", "--id", default="")
    if command == "topo":
        parser.add_argument("-m", "--matrix", action="store_true", required=True)
    elif command == "nvlink":
        parser.add_argument("-s", "--status", action="store_true", required=True)
    elif command == "dmon":
        parser.add_argument("-c", "--count", type=int, default=0)
        parser.add_argument("-d", "--delay", type=int, choices=range(1, 11), default=1)
        parser.add_argument("-s", "--select", default=monitor.DEFAULT)
    else:
        parser.add_argument("-h", "--help", action="store_true")
        parser.add_argument("-L", "--list-gpus", action="store_true")
        parser.add_argument("--query-gpu")
        parser.add_argument("--query-compute-apps")
        parser.add_argument("--help-query-gpu", action="store_true")
        parser.add_argument("--help-query-compute-apps", action="store_true")
        parser.add_argument("--format", default="")
    asked = parser.parse_args(arguments)
    if command == "dmon" and not (set(asked.select) <= monitor.GROUPS.keys() and asked.count >= 0):
        parser.error("")
    asked.command = command
    return asked


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
