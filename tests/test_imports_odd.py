"""Records of calls in which something went wrong: they become scenarios, too, and come back."""

import json
from pathlib import Path

import pytest

from simulator.cli import main
from simulator.imports.flight_record import FlightRecord, Moment, UnusableRecord, read_record
from simulator.imports.scenario_files import import_record
from simulator.imports.story import audio_of, story_of
from simulator.scenario import load_scenarios
from tests.flown_calls import flown
from tests.small_calls import small_call

ASKS = """
caller:
  - say: sounds/voice-when-are-you-open.wav
  - wait: 2500ms
    say: sounds/voice-when-are-you-open.wav
  - wait: 3s
    hang_up: true
"""
ANSWER = "  - {on: turn, say: sounds/voice-certainly.wav}\n"

ODD = {
    "a response fails once": f"model:\n  - {{on: turn, fail: server_error}}\n{ANSWER}{ASKS}",
    "a response ends early": "model:\n  - {on: turn, say: clips/en/hello.wav, incomplete: true}\n"
    + ANSWER
    + ASKS,
    "a tool is called first": "model:\n  - {on: turn, call: [end_call], calls_first: true, "
    "items: [clips/en/thank-you.wav, clips/en/goodbye.wav]}\n" + ASKS,
    "the session breaks": "model:\n  replies:\n  "
    + ANSWER
    + "  faults: [{drop: true, when: at 4s}]\n"
    + ASKS,
    "the session is closed": "model:\n  replies:\n  "
    + ANSWER
    + "  faults: [{close: 1011, when: at 4s}]\n"
    + ASKS,
    "an error comes": "model:\n  replies:\n  "
    + ANSWER * 1
    + "  "
    + ANSWER
    + "  faults: [{error: server_error, when: at 1s}]\n"
    + ASKS,
    "the line breaks": "network: {twilio: {latency: 50ms, faults: [{drop: true, when: at 5s}]}}\n"
    f"model:\n{ANSWER}{ASKS}",
    "the old dialect": "agent: {settings: {REALTIME_DIALECT: beta, VOICE: shimmer}}\n"
    "model:\n  dialect: beta\n  replies:\n  " + ANSWER + "  " + ANSWER + ASKS,
    "a silent line": f"phone: {{dtx: true}}\nmodel:\n{ANSWER}{ANSWER}{ASKS}",
    "an answer that never sounds": "model:\n  - {on: turn, say: clips/en/hello.wav, after: 9s}\n"
    + ANSWER
    + ASKS,
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_call_comes_back(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bridge is the same, so its decisions are."""
    flown(small_call(tmp_path, ODD[name]), tmp_path / "flights")
    (path,) = (tmp_path / "flights").iterdir()
    code = main(["import", str(path), "--compare"])
    shown = capsys.readouterr()

    assert "changed" not in shown.out, shown
    assert "end 1" in shown.out, shown
    assert code == 0, shown


def test_a_record_without_a_call_is_refused(tmp_path: Path) -> None:
    """The stream never began, or nobody was heard."""
    empty = FlightRecord({"flight": 1, "audio": True}, ())
    start = Moment(1.0, "twilio", "in", {"event": "start"})

    with pytest.raises(UnusableRecord, match="never began"):
        import_record(empty, tmp_path, "x", "")
    with pytest.raises(UnusableRecord, match="never heard"):
        import_record(FlightRecord(empty.header, (start,)), tmp_path, "x", "")


def test_a_record_without_an_end_has_none_expected() -> None:
    """The process died: the last event is the end, for want of another."""
    start = Moment(1.0, "twilio", "in", {"event": "start"})
    story = story_of(FlightRecord({}, (start, Moment(9.0, "twilio", "in", {"event": "media"}))))

    assert (story.reason, story.ended_ms) == ("", 9.0)


def test_unknown_settings_and_masked_arguments_are_survived(tmp_path: Path) -> None:
    """A setting which no scenario has is said; arguments that are no JSON any more are none."""
    flown(small_call(tmp_path, ODD["a tool is called first"]), tmp_path / "flights")
    (path,) = (tmp_path / "flights").iterdir()
    record = read_record(path)
    text = json.dumps([moment.message for moment in record.moments])
    assert "arguments" in text
    for moment in record.moments:
        item = moment.message.get("item")
        if isinstance(item, dict) and "arguments" in item:
            item["arguments"] = '{"n": ***}'
    record.header["settings"]["NEWS"] = "1"
    made = import_record(record, tmp_path / "made", "made", "to see")
    calls, problems = load_scenarios([made.path])

    assert not problems
    assert made.left_out == ["settings which a scenario cannot set: NEWS"]
    assert calls[0].model.replies[0].calls[0].arguments == {}


def test_audio_that_is_none_is_nothing() -> None:
    """A record can be damaged by hand."""
    assert audio_of({"audio": "?"}) == b""
    assert audio_of({"audio": 7}) == b""
    assert audio_of({}) == b""


@pytest.mark.parametrize("name", ["", "a/b", "é", "x" * 61])
def test_a_name_is_letters_digits_and_dashes(name: str, tmp_path: Path) -> None:
    """It becomes the name of files."""
    with pytest.raises(SystemExit):
        main(["import", str(tmp_path), "--name", name])
