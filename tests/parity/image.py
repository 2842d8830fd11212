"""What every container of the parity cluster runs, as the recording's node had none: says something, serves, waits.

``python image.py POD_IP [LINE ...]`` prints the lines and answers 200 on the ports that the manifests probe, and
"pf-ok" to ``/pf.txt``. ``/quit`` closes that port for good, ``/end`` ends the program at once. SIGTERM ends it after
the recorded 1.2 s.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys

PORTS = (8005, 8080, 8081)
ENDING = 1.2


async def main(address: str, lines: list[str]) -> None:
    print("\n".join(lines), flush=True)
    ended, terminated = asyncio.Event(), asyncio.Event()
    for port in PORTS:
        await listen(address, port, ended)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, lambda: (terminated.set(), ended.set()))
    await ended.wait()
    if terminated.is_set():
        await asyncio.sleep(ENDING)


async def listen(address: str, port: int, ended: asyncio.Event) -> None:
    """Answer on one port."""

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

    server = await asyncio.start_server(answer, address, port)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2:]))
