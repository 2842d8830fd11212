"""SPDY framing, compared with what kubectl 1.37 and a real API server said to each other (recorded frames)."""

from __future__ import annotations

import zlib

import pytest

from raglab.pocket.api import spdy
from raglab.pocket.api.spdy import DATA, PING, RST_STREAM, SYN_STREAM, Framing, ProtocolError

ERRORS_OPEN = (
    "800300010000003d0000000100000000000078f9e3c6a7c202253a703a2b294a4dcc851625aca9a0808614cb45e01c606160002a84388b20"
    "d198094ade8c0600000000ffff"
)
ERRORS_ENDED = "0000000101000000"
DATA_OPEN = "800300010000001800000003000000000000c2aa19540e2512d60b000000ffff"
REQUEST = "0000000300000009474554202f0d0a0d0a"
DATA_RESET = "80030003000000080000000300000005"
GOAWAY = "80030007000000080000000000000000"
ACCEPTED = "80030002000000140000000178f9e3c6a7c26260606000000000ffff"
"""The real server's first answer; another implementation of zlib may write the same headers differently."""


def client(*frames: str) -> bytes:
    return b"".join(map(bytes.fromhex, frames))


OPENING = (ERRORS_OPEN, ERRORS_ENDED, DATA_OPEN, REQUEST)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_recorded_frames_are_read_however_they_are_cut(size):
    said = client(*OPENING, DATA_RESET, GOAWAY)
    framing = Framing()
    frames = [frame for at in range(0, len(said), size) for frame in framing.feed(said[at : at + size])]
    assert [(frame.kind, frame.stream, frame.last) for frame in frames] == [
        (SYN_STREAM, 1, False),
        (DATA, 1, True),
        (SYN_STREAM, 3, False),
        (DATA, 3, False),
        (RST_STREAM, 3, False),
        (7, 0, False),
    ]
    assert frames[0].headers == {"streamtype": "error", "port": "8005", "requestid": "0"}
    assert frames[2].headers == {"streamtype": "data", "port": "8005", "requestid": "0"}, (
        "one history for all"
    )
    assert frames[3].data == b"GET /\r\n\r\n"


def test_both_ends_share_the_dictionary():
    assert (len(spdy.DICTIONARY), zlib.adler32(spdy.DICTIONARY)) == (1423, 0xE3C6A7C2)


def test_replies_carry_no_headers_and_one_history():
    framing, inflate = Framing(), zlib.decompressobj(zdict=spdy.DICTIONARY)
    for frame in (framing.reply(1), framing.reply(3)):
        assert int.from_bytes(frame[5:8], "big") == len(frame) - 8
        assert inflate.decompress(frame[12:]) == bytes(4)
    recorded = zlib.decompressobj(zdict=spdy.DICTIONARY)
    assert recorded.decompress(bytes.fromhex(ACCEPTED)[12:]) == bytes(4)


def test_data_resets_and_pings_as_recorded():
    assert spdy.data(3, b"", last=True) == bytes.fromhex("0000000301000000")
    assert spdy.data(3, b"pf-ok\n") == bytes.fromhex("0000000300000006") + b"pf-ok\n"
    assert spdy.reset(3, 5) == bytes.fromhex(DATA_RESET)
    ping = bytes.fromhex("800300060000000400000001")
    (frame,) = Framing().feed(ping)
    assert (frame.kind, spdy.pong(frame)) == (PING, ping)


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        bytes.fromhex("80020001000000040000000a"),
        bytes.fromhex("0000000300ffffff"),
        client("800300010000000e00000001000000000000") + b"nonsense",
        client("800300010000001200000001000000000000") + bytes(8),
    ],
)
def test_what_is_no_spdy_is_refused(said):
    with pytest.raises(ProtocolError):
        list(Framing().feed(said))


def test_headers_cannot_grow_without_limit():
    deflate = zlib.compressobj(zdict=spdy.DICTIONARY)
    block = deflate.compress(bytes(50_000_000)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    frame = (
        bytes.fromhex("80030001")
        + (len(block) + 10).to_bytes(4, "big")
        + bytes.fromhex("00000001000000000000")
    )
    with pytest.raises(ProtocolError, match="too long"):
        list(Framing().feed(frame + block))
