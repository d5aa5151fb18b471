"""The recorded callers in fixtures/: their sheets of turns are true, and they are of use."""

from itertools import pairwise
from pathlib import Path

from tests.fixture_sounds import FIXTURES, manifest, recordings


def test_every_recording_has_its_turns() -> None:
    """Sheets of turns and recordings come in pairs."""
    folder = FIXTURES / "recordings"
    sheets = {path.name.removesuffix(".turns.yaml") for path in folder.glob("*.yaml")}

    assert sheets == {path.stem for path in folder.glob("*.wav")}


def test_there_are_enough_recordings() -> None:
    """Six or more caller legs of 20 to 90 seconds, in three languages, and none claims too much."""
    assert len(recordings()) >= 6
    assert len({each.sound.entry["language"] for each in recordings()}) >= 3
    assert all(20_000 <= each.sound.entry["duration_ms"] <= 90_000 for each in recordings())
    assert all("no customer's call" in each.sheet["how"] for each in recordings())
    assert all("no customer's call" in each.sound.entry["source"] for each in recordings())


def test_sheet_and_manifest_agree() -> None:
    """Language, licence, words and bounds of a recording are told once, in two places."""
    for recording in recordings():
        entry, turns = recording.sound.entry, recording.turns
        for key in ("language", "licence", "attribution"):
            assert entry[key] == recording.sheet[key], recording.sound.path
        assert recording.sound.speech == (turns[0]["start_ms"], turns[-1]["end_ms"])
        assert entry["words"] == " / ".join(turn["words"] for turn in turns)


def test_turns_name_their_clips() -> None:
    """The words of a turn are the words of the clip it was made from."""
    words = {each["path"]: each["words"] for each in manifest()}
    for recording in recordings():
        for turn in recording.turns + recording.sheet.get("other_sounds", []):
            assert words[turn["clip"]] == turn["words"], recording.sound.path


def test_turns_are_where_the_sheet_says() -> None:
    """Each turn sounds from begin to end, and in between there is only the room, 20 dB below."""
    for recording in recordings():
        sound = recording.sound
        for turn in recording.turns:
            start_ms, end_ms = turn["start_ms"], turn["end_ms"]
            assert sound.dbfs(start_ms, end_ms) > -25, turn
            assert sound.dbfs(start_ms, start_ms + 20) > -42, turn
            assert sound.dbfs(end_ms - 20, end_ms) > -42, turn
        for start_ms, end_ms in recording.gaps:
            assert start_ms < end_ms, sound.path
            assert sound.dbfs(start_ms, end_ms) < -43, (sound.path, start_ms)


def test_callers_wait_for_an_answer_or_interrupt_it() -> None:
    """Before a turn are four to ten seconds; below two and a half, the sheet says interrupts."""
    interrupting = set()
    for recording in recordings():
        turns = [{"end_ms": 0}, *recording.turns]
        for before, turn in pairwise(turns):
            pause_ms = turn["start_ms"] - before["end_ms"]
            if turn.get("interrupts"):
                interrupting.add(recording.sound.path)
                assert 1000 <= pause_ms <= 2500, turn
            else:
                assert 4000 <= pause_ms <= 10_000, turn

    assert len(interrupting) >= 2


def test_one_recording_sends_nothing_while_silent() -> None:
    """With DTX the gaps are digital silence for most of their length; elsewhere the room hums."""
    for recording in recordings():
        gaps = [recording.sound.between(*gap) for gap in recording.gaps]
        silent = sum(int((gap == 0).sum()) for gap in gaps) / sum(len(gap) for gap in gaps)
        suppressed = recording.sound.path == "recordings/fr-silence-suppressed.wav"

        assert silent > 0.8 if suppressed else silent < 0.25, recording.sound.path


def test_some_callers_say_goodbye() -> None:
    """At least three recordings end with a goodbye, and not all of them."""
    last = [Path(recording.turns[-1]["clip"]).stem for recording in recordings()]

    assert 3 <= last.count("goodbye") < len(last)
