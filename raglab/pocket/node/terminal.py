"""Pseudo terminals of programs in containers."""

from __future__ import annotations

import fcntl
import struct
import sys
import termios

ENV = {"TERM": "xterm"}
"""What container runtimes say about a terminal, if the container does not."""
END_OF_INPUT = b"\x04"
"""Ctrl-D: a terminal has no other end."""
_TAKE = (
    "import fcntl, os, sys, termios\n"
    "os.getsid(0) == os.getpid() or os.setsid()\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execvp(sys.argv[1], sys.argv[1:])\n"
)


def taking(command: list[str]) -> list[str]:
    """`command`, with the terminal on standard input as its controlling one: shells have job control, Ctrl-C works."""
    return [sys.executable, "-I", "-S", "-c", _TAKE, *command]


def resize(descriptor: int, width: int, height: int) -> None:
    """New size, in characters."""
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
