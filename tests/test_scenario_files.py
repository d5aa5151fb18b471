"""Files that are no scenario: bytes, bombs, sounds and annotations which cannot be used."""

import wave
from itertools import pairwise
from pathlib import Path

import pytest

from simulator.scenario import load_scenario
from simulator.scenario.loading import read_scenario
from simulator.scenario.tree import DEPTH_MAX, FILE_BYTES_MAX, NODES_MAX, Source, Unusable, decode

HOME = Path("folder/a.call.yaml")


@pytest.mark.parametrize(
    ("raw", "place", "message"),
    [
        (b"name: caf\xe9\n", "1:10", "not UTF-8"),
        (b"\xff\xfen\x00", "1:1", "not UTF-8"),
        (b"a: b\nc: \x80", "2:4", "not UTF-8"),
        (b"#" * (FILE_BYTES_MAX + 1), "0:0", "larger than 256 KiB"),
    ],
)
def test_bytes_that_are_no_text(raw: bytes, place: str, message: str) -> None:
    """Bad UTF-8 has its place; a huge file is not read."""
    with pytest.raises(Unusable) as caught:
        decode(HOME, raw)
    found = caught.value.problem

    assert f"{found.line}:{found.column}" == place
    assert message in found.message


def test_byte_order_mark_is_no_mistake() -> None:
    """An editor's mark at the beginning of a file is not part of the text."""
    assert decode(HOME, b"\xef\xbb\xbfcaller: []").text == "caller: []"


def test_unreadable_file(tmp_path: Path) -> None:
    """A file which the system will not open is a problem, too."""
    _, (found,) = load_scenario(tmp_path)

    assert "cannot be read" in found.message


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * (DEPTH_MAX + 1),
        "- " * (DEPTH_MAX + 1) + "a",
        "[" + "a," * (NODES_MAX + 2) + "]",
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{b}: &{b} [{','.join([f'*{a} '] * 9)}]\n" for a, b in pairwise("abcdefg")),
    ],
    ids=["deep flow", "deep block", "long", "anchor bomb"],
)
def test_bombs_are_bounded(text: str) -> None:
    """Depth, size and what aliases multiply have bounds."""
    _, (found,) = read_scenario(Source(HOME, text))

    assert "this is no scenario" in found.message


def test_sound_of_the_wrong_rate(tmp_path: Path) -> None:
    """A sound no telephone plays is an error where it is named, which says what it is."""
    with wave.open(str(tmp_path / "cd.wav"), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(44_100)
        sound.writeframes(bytes(400))
    file = tmp_path / "a.call.yaml"
    file.write_text("caller:\n  - say: cd.wav\n")
    _, (found,) = load_scenario(file)

    assert (found.line, found.column) == (2, 10)
    assert "44100 Hz" in found.message
    assert "8000 Hz" in found.message


@pytest.mark.parametrize(
    ("notes", "place"),
    [
        ("turns: 3", "1:1"),
        ("turns:\n  - {start_ms: 1}", "2:5"),
        ("turns:\n  - {start_ms: 9, end_ms: 5}", "2:27"),
        ("turns: [", "1:9"),
        ("turns: [{start_ms: 1, end_ms: 2}]\nturns: []", "2:1"),
    ],
)
def test_bad_annotations(tmp_path: Path, notes: str, place: str) -> None:
    """A mistake beside a recording is told in its own file."""
    with wave.open(str(tmp_path / "x.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(bytes(400))
    (tmp_path / "x.turns.yaml").write_text(notes)
    file = tmp_path / "a.call.yaml"
    file.write_text("replay: x.wav")
    _, (found,) = load_scenario(file)

    assert found.file == tmp_path / "x.turns.yaml"
    assert f"{found.line}:{found.column}" == place
