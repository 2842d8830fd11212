"""Signals that arrive while a process is being started wait until it is known."""

from __future__ import annotations

import os
import signal

import pytest

from raglab.targets import processes


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
