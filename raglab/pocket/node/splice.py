"""Two TCP connections joined into one: bytes both ways, half-close passed on, a slow side slows the other down."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

CONNECT_TIMEOUT = 10.0
"""Seconds to reach an endpoint; everything is on this machine."""


class Side(asyncio.Protocol):
    """One of the two connections; `peer` is the other. What arrives before the peer exists is kept, reading paused."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer: Side | None = None
        self._early: list[bytes] = []
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def join(self, peer: Side) -> None:
        """Start passing what arrives here to `peer`."""
        self.peer = peer
        for data in self._early:
            peer.send(data)
        self._early.clear()
        if self._ended:
            peer.finish()
        elif self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self.peer is not None:
            self.peer.send(data)
            return
        self._early.append(data)
        if self.transport is not None:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        """The other end has said all; keep our direction open until it is done too."""
        self._ended = True
        if self.peer is not None:
            self.peer.finish()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._ended = True
        if self.peer is not None:
            self.peer.abort() if error else self.peer.close()

    def pause_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None and self.peer.transport is not None and not self.peer.transport.is_closing():
            self.peer.transport.resume_reading()

    def send(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def finish(self) -> None:
        """No more will be written; closes for good when the other direction has ended as well."""
        if self.transport is None or self.transport.is_closing():
            return
        if self._ended:
            self.close()
            if self.peer is not None:
                self.peer.close()
        elif self.transport.can_write_eof():
            with contextlib.suppress(OSError):
                self.transport.write_eof()

    def close(self) -> None:
        """Write what is left, then close."""
        if self.transport is not None:
            self.transport.close()

    def abort(self) -> None:
        """Close with a reset, as a refused connection looks to its client."""
        if self.transport is None or self.transport.is_closing():
            return
        if (sock := self.transport.get_extra_info("socket")) is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


async def connect(front: Side, address: tuple[str, int]) -> bool:
    """Join `front` to a new connection to `address`; False if that cannot be made."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            _, back = await loop.create_connection(Side, *address)
    except (OSError, TimeoutError):
        return False
    if front.transport is None or front.transport.is_closing():
        back.abort()
        return True
    back.peer = front
    front.join(back)
    return True
