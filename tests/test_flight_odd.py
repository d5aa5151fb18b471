"""Flight records of peers that send anything: each event has its line, and no call its end."""

import errno
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core import twilio
from bridge.flight import shelf as shelves
from bridge.flight.flight import FlightName, Piece
from bridge.flight.line import DEPTH_MAX, REMOVED, LineWriter
from bridge.flight.shelf import Shelf
from bridge.flight.writer import flight_files
from bridge.log import make_log
from bridge.write_behind import WriteBehind
from tests.far_ends import CALL as SID
from tests.far_ends import NOW, Lines
from tests.file_writers import at_once, run

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
KINDS = ["response.output_audio.delta", "response.audio.delta", "error", "x"]


def written(what: Any) -> Any:
    """The message of the line for one event."""
    return json.loads(LineWriter(audio=True).line((1.0, "realtime", "in", what)))["m"]


def nested(depth: int, inside: str = "") -> str:
    """An event with so many lists in each other."""
    return '{"type":"x","a":' + "[" * depth + inside + "]" * depth + "}"


@pytest.mark.parametrize("kind", ["[]", "{}", "null", "7", '["response.audio.delta"]'])
def test_a_type_that_is_no_text_is_malformed(kind: str) -> None:
    """Its length is told."""
    text = f'{{"type":{kind}}}'

    assert written(text) == {"type": "malformed", "chars": len(text)}


@pytest.mark.parametrize("depth", [100, 400, 480, 520, 600, 900])
def test_an_event_is_written_down_to_a_depth(depth: int) -> None:
    """What lies deeper is left out, and nothing of it is shown."""
    shown = json.dumps(written(nested(depth, '"+15550100001"')))

    assert 20 < shown.count("[") <= DEPTH_MAX
    assert REMOVED in shown
    assert "555" not in shown


@pytest.mark.parametrize("depth", [2000, 100_000])
def test_an_event_that_is_too_deep_to_be_read_is_malformed(depth: int) -> None:
    """The decoder gives up before we do."""
    assert written(nested(depth))["type"] == "malformed"


@pytest.mark.parametrize("field", ["delta", "output"])
def test_depth_in_a_field_that_is_looked_at(field: str) -> None:
    """Also where a text is expected."""
    event: dict[str, Any] = {"type": KINDS[0], "delta": "", "item": {"output": ""}}
    inner = json.loads("[" * 900 + "]" * 900)
    (event if field == "delta" else event["item"])[field] = inner

    assert written(json.dumps(event))["type"] == KINDS[0]


def test_sound_that_is_no_text_is_masked_like_anything() -> None:
    """It is not taken for audio, which is not looked into."""
    event = {"type": KINDS[0], "delta": {"call": "+15550100001"}}

    assert written(json.dumps(event))["delta"] == {"call": REMOVED}


class _Odd:
    """Nothing that the format knows."""


@pytest.mark.parametrize("what", [_Odd(), b"\xff", 7])
def test_what_cannot_be_written_is_malformed(what: Any) -> None:
    """A mistake of ours costs its own line only."""
    shown = written(what)

    assert shown["event"] == "malformed"
    assert shown["why"] in {"TypeError", "ValueError", "ValidationError"}


@given(st.fixed_dictionaries({}, optional={
    "type": st.sampled_from(KINDS) | ANY, "delta": ANY, "item": ANY, "error": ANY,
    "obfuscation": ANY, "a": ANY,
}))  # fmt: skip
def test_every_event_has_a_line(event: dict[str, Any]) -> None:
    """Whatever stands in the fields that are looked at."""
    assert isinstance(written(json.dumps(event)), dict)


@given(st.integers(), st.binary(max_size=9), st.text(max_size=9))
def test_every_message_of_twilio_has_a_line(number: int, audio: bytes, name: str) -> None:
    """Numbers without a bound, names of anything."""
    for message in (twilio.Media(number, number, audio), twilio.Mark(name), twilio.Dtmf(name)):
        assert written(message)["event"]


# ---------------------------------------------------------------------------- the files
class _Full:
    """A disk that has no room for the first so many appends, in place of gzip."""

    def __init__(self, failures: int) -> None:
        self._failures = failures

    def compress(self, data: bytes, **_given: Any) -> bytes:
        """As gzip does, or as a full disk."""
        self._failures -= 1
        if self._failures >= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return gzip.compress(data)


def files_in(folder: Path) -> list[Path]:
    """All of them."""
    return list(folder.iterdir())


async def test_a_record_that_cannot_begin_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a full disk would be full of empty files."""
    monkeypatch.setattr(shelves, "gzip", _Full(1))
    lines = Lines()
    files = flight_files(Shelf(tmp_path, 10**6, 0), LineWriter(audio=True))
    log = make_log(lines.keep, lambda: NOW)
    writer = WriteBehind(files, blocking=at_once, log=log)
    call = FlightName(SID, NOW, {})
    for keep in (None, None, True):
        writer.take(Piece(call, [(1.0, "realtime", "in", "{}")], 100, keep))
    await run(writer)

    assert files_in(tmp_path) == []
    assert [line["event"] for line in lines] == ["flight_record_lost"]


async def test_odd_events_cost_no_record(tmp_path: Path) -> None:
    """They stand in it as far as they can be told, and the others as ever."""
    lines = Lines()
    files = flight_files(Shelf(tmp_path, 10**6, 0), LineWriter(audio=True))
    log = make_log(lines.keep, lambda: NOW)
    writer = WriteBehind(files, blocking=at_once, log=log)
    texts = ['{"type":[]}', nested(600), '{"type":"y"}']
    entries: list[Any] = [(1.0, "realtime", "in", text) for text in texts]
    writer.take(Piece(FlightName(SID, NOW, {}), entries, 100, keep=True))
    await run(writer)
    (path,) = files_in(tmp_path)
    kept = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]

    assert lines == []
    assert [line["m"]["type"] for line in kept[1:]] == ["malformed", "x", "y"]
