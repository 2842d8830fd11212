"""SPDY/3.1 framing, the part of it that ``kubectl port-forward`` speaks inside a WebSocket.

Source: "SPDY Protocol - Draft 3.1" (chromium.org). A connection carries numbered streams; a frame opens one with
headers, accepts it, carries its data, or ends it. Headers are compressed with zlib, one history per direction and a
dictionary known to both ends. Kubernetes' clients use no flow control: whoever cannot take more stops reading.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

DATA, SYN_STREAM, SYN_REPLY, RST_STREAM, PING, HEADERS = 0, 1, 2, 3, 6, 8
BLOCK = {SYN_STREAM: 10, HEADERS: 4}
"""Where the headers begin in the kinds of frame that have some."""
CONTROL, VERSION, FIN = 0x80, 3, 0x01
PROTOCOL_ERROR = 1
"""Why a stream is reset: it makes no sense here."""
HEAD = 8
LONGEST_FRAME = 1024 * 1024
LONGEST_HEADERS = 64 * 1024
"""Bytes. Clients send pieces of 32 KiB and three short headers; what is far beyond that is no client's doing."""

_NAMES = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)
_TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug "
    "Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,"
    "application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch"
    "charset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _counted(text: str) -> bytes:
    return struct.pack("!I", len(text)) + text.encode()


_WORDS = [
    *_NAMES.split(),
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
]
DICTIONARY = b"".join(map(_counted, _WORDS)) + _TEXT.encode()
"""What both ends have "seen" before the first header (draft 3.1, §2.6.10.1)."""


class ProtocolError(Exception):
    """The other end does not speak SPDY/3.1; the connection cannot go on."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What has arrived: a `kind`, its stream, and what that kind brings."""

    kind: int
    stream: int
    data: bytes = b""
    last: bool = False
    """No more comes from the other end on this stream."""
    headers: dict[str, str] = field(default_factory=dict)


class Framing:
    """One end of a connection, without input and output of its own."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Frames that are whole now that `data` has arrived, however it was cut. Raises `ProtocolError`."""
        self._buffer += data
        while len(self._buffer) >= HEAD:
            length = int.from_bytes(self._buffer[5:HEAD], "big")
            if length > LONGEST_FRAME:
                raise ProtocolError(f"a frame of {length} bytes")
            if len(self._buffer) < HEAD + length:
                return
            head, body = bytes(self._buffer[:HEAD]), bytes(self._buffer[HEAD : HEAD + length])
            del self._buffer[: HEAD + length]
            yield self._read(head, body)

    def _read(self, head: bytes, body: bytes) -> Frame:
        last = bool(head[4] & FIN)
        if not head[0] & CONTROL:
            return Frame(DATA, int.from_bytes(head[:4], "big"), body, last)
        version, kind = struct.unpack("!HH", head[:4])
        if version & 0x7FFF != VERSION:
            raise ProtocolError(f"version {version & 0x7FFF} of SPDY")
        stream = int.from_bytes(body[:4], "big")
        headers = self._headers(body[BLOCK[kind] :]) if kind in BLOCK else {}
        return Frame(kind, stream, body, last, headers)

    def _headers(self, block: bytes) -> dict[str, str]:
        """A number, then as many names and values, each with its length."""
        try:
            text = self._inflate.decompress(block, LONGEST_HEADERS)
            if self._inflate.unconsumed_tail:
                raise ProtocolError("headers that are too long")
            (count,), at, words = struct.unpack_from("!I", text), 4, []
            for _ in range(2 * count):
                (length,) = struct.unpack_from("!I", text, at)
                words.append(text[at + 4 : at + 4 + length].decode())
                at += 4 + length
        except (zlib.error, struct.error, UnicodeDecodeError) as error:
            raise ProtocolError(f"unreadable headers: {error}") from error
        return dict(zip(words[::2], words[1::2], strict=True))

    def reply(self, stream: int) -> bytes:
        """Accept a stream, without headers."""
        block = self._deflate.compress(struct.pack("!I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        return _control(SYN_REPLY, struct.pack("!I", stream) + block)


def data(stream: int, content: bytes, *, last: bool = False) -> bytes:
    """Data of a stream; `last` says that no more comes from this end."""
    return struct.pack("!IB", stream, FIN if last else 0) + len(content).to_bytes(3, "big") + content


def reset(stream: int, why: int) -> bytes:
    """End a stream at once, in both directions."""
    return _control(RST_STREAM, struct.pack("!II", stream, why))


def pong(ping: Frame) -> bytes:
    """The answer to a ping: the same once more."""
    return _control(PING, ping.data)


def _control(kind: int, body: bytes) -> bytes:
    return struct.pack("!HHI", CONTROL << 8 | VERSION, kind, len(body)) + body
