"""The lean frames of a load run: written, masked, read however they are cut, refused."""

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.load.framing import Broken, ClientFrames, FrameReader, server_frame, unmask
from simulator.websocket import BINARY, CLOSE, PING, TEXT, ClientConnection, ServerConnection, Text

MASKS = st.binary(min_size=4, max_size=4)


@given(st.lists(st.binary(max_size=300), max_size=5), MASKS, st.integers(1, 200))
def test_what_is_written_is_read_however_it_is_cut(
    messages: list[bytes], mask: bytes, step: int
) -> None:
    """Masked frames of any size come back whole and in order, fed in pieces of any size."""
    writer = ClientFrames(mask)
    wire = b"".join(writer.write(TEXT, data) for data in messages)
    got: list[bytes] = []
    reader = FrameReader(lambda _, data: got.append(data), masked=True)
    for at in range(0, len(wire), step):
        reader.feed(wire[at : at + step])

    assert got == messages


@given(st.binary(max_size=1000), MASKS)
def test_masking_twice_is_nothing(data: bytes, mask: bytes) -> None:
    """RFC 6455 5.3: the same operation masks and unmasks."""
    assert unmask(mask, unmask(mask, data)) == data


def test_the_strict_reader_takes_the_lean_frames() -> None:
    """The full fakes' framing understands what this one writes, and the other way round."""
    server, client = ServerConnection(), ClientConnection(random.Random(1))
    server.feed(client.request("h", "/", []))
    got: list[bytes] = []
    reader = FrameReader(lambda _, data: got.append(data), masked=True)
    for size in (0, 125, 126, 65_535, 65_536):
        data = os.urandom(size)
        (message,) = server.feed(ClientFrames(b"abcd").write(TEXT, data))
        reader.feed(client.text(data))

        assert message == Text(data)
        assert got[-1] == data


def test_fragments_and_control_frames_are_put_in_order() -> None:
    """A ping between two fragments comes first; binary is told from text; nothing after a close."""
    got: list[tuple[int, bytes]] = []
    reader = FrameReader(lambda opcode, data: got.append((opcode, data)), masked=False)
    reader.feed(b"\x01\x02he" + server_frame(PING, b"p") + b"\x80\x03llo")
    reader.feed(server_frame(BINARY, b"b") + server_frame(CLOSE, b"") + server_frame(TEXT, b"x"))

    assert got == [(PING, b"p"), (TEXT, b"hello"), (BINARY, b"b"), (CLOSE, b"")]


@pytest.mark.parametrize(
    "wire",
    [b"\x81\x82abcdxy", b"\xc1\x00", b"\x83\x00", b"\x09\x00", b"\x80\x00", b"\x01\x01a\x81\x01b"],
    ids=["masked", "reserved bit", "unknown", "half a ping", "no beginning", "no end"],
)
def test_unlawful_frames_are_refused(wire: bytes) -> None:
    """What RFC 6455 forbids raises."""
    reader = FrameReader(lambda *_: None, masked=False)

    with pytest.raises(Broken):
        reader.feed(wire)
