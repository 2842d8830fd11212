"""Signals that arrive while a process is being started wait until it is known."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from raglab.targets import processes


@pytest.fixture(autouse=True)
def python_handler() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, also where a shell started the tests in the background and had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_signal_waits_for_the_end_of_the_block() -> None:
    finished = False
    with pytest.raises(KeyboardInterrupt), processes.uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        finished = True
    assert finished


def test_handlers_are_as_before() -> None:
    before = [signal.getsignal(number) for number in processes.INTERRUPTS]
    with processes.uninterrupted():
        pass
    assert [signal.getsignal(number) for number in processes.INTERRUPTS] == before
