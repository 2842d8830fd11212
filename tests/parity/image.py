"""What every container of the parity cluster runs, as the recording's node had none: says something, serves, waits.

``python image.py POD_IP [LINE ...]`` prints the lines and answers 200 on the ports that the manifests probe, and
"pf-ok" to ``/pf.txt``; on the model server's port after a second, as pods were ready that much after they ran.
``/quit`` closes that port for good, ``/end`` ends the program at once, SIGTERM after a while (see ``images.yaml``).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

PORTS = {8080: 0.0, 8081: 0.0, 8005: 1.0}
"""Each with the seconds until it is listened on."""
ENDING = 3 * 1.2
"""Seconds."""


async def main(address: str, lines: list[str]) -> None:
    print("\n".join(lines), flush=True)
    ended, terminated = asyncio.Event(), asyncio.Event()
    listening = [asyncio.create_task(listen(address, port, later, ended)) for port, later in PORTS.items()]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: (terminated.set(), ended.set()))
    await ended.wait()
    for task in listening:
        task.cancel()
    if terminated.is_set():
        await asyncio.sleep(ENDING)


async def listen(address: str, port: int, later: float, ended: asyncio.Event) -> None:
    """Answer on one port, after so many seconds."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readline()).decode().split()
        body = "pf-ok\n" if "/pf.txt" in request else ""
        writer.write(f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        with contextlib.suppress(ConnectionError):
            await writer.drain()
            writer.close()
        if "/quit" in request:
            server.close()
        if "/end" in request:
            ended.set()

    await asyncio.sleep(later)
    server = await asyncio.start_server(answer, address, port)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
