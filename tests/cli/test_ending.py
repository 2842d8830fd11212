"""When a killed process counts as ended: not before its addresses are free."""

from __future__ import annotations

import ipaddress
import subprocess
import sys

import psutil

from raglab.targets import processes
from raglab.targets.network import Network, listening, reserved

TRIES = 10
PROGRAM = """
import socket, sys, threading, time
sockets = [socket.create_server((sys.argv[1], 20000 + number)) for number in range(200)]
for _ in range(8):  # threads that do not end at once
    threading.Thread(target=lambda: [sum(range(1000)) for _ in iter(int, 1)], daemon=True).start()
print("ready", flush=True)
time.sleep(1000)
"""


def test_a_killed_process_has_ended_once_nobody_listens_there_any_more() -> None:
    """Its first thread is a zombie while others still hold its sockets: a new cluster would find them taken."""
    with reserved() as network:
        taken = [_sockets_after_kill(network) for _ in range(TRIES)]
    assert taken == [0] * TRIES


def _sockets_after_kill(network: Network) -> int:
    address = ipaddress.IPv4Address(network.node_ip)
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(address)], stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        said = program.stdout.readline()
        program.kill()
        assert said == b"ready\n"
        processes.gone(psutil.Process(program.pid))
        return [ip for ip, _ in listening()].count(address)
