"""From a call to its flight record, to a scenario, to the same call again."""

import gzip
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from simulator.cli import main
from simulator.imports.caller_sound import caller_sound, write_wav
from simulator.imports.decisions import Decision, differences
from simulator.imports.flight_record import Moment, UnusableRecord, read_record
from simulator.imports.network import links_of
from simulator.imports.scenario_files import import_record
from simulator.imports.story import story_of
from simulator.scenario import load_scenarios
from simulator.scenario.delivered import Delivery
from simulator.sound import FRAME_BYTES, load_clip, read_mulaw
from tests.flown_calls import flown, record_in
from tests.small_calls import small_call

BARGE_IN = """
name: an interruption on a line with a stall
network:
  twilio:
    latency: 70ms
    jitter: 20ms
    faults:
      - stall: 1s
        when: at 600ms
        direction: to_bridge
  realtime: {latency: 30ms}
model:
  - on: turn
    say: clips/en/opening-hours-long.wav
    burst: 6
    after: 500ms
  - on: turn
    say: sounds/voice-certainly.wav
caller:
  - say: sounds/voice-when-are-you-open.wav
  - when: agent_heard 1200ms
    say: clips/en/never-mind-cancel.wav
  - when: agent_silent
    wait: 1s
    hang_up: true
"""

GOODBYE = """
name: a goodbye
agent: {greeting: true, settings: {END_CALL_GRACE_SECONDS: 1}}
network: {twilio: {latency: 40ms}, realtime: {latency: 20ms}, rest: {latency: 100ms}}
model:
  - on: greeting
    say: clips/en/hello.wav
  - on: turn
    items: [clips/en/thank-you.wav, clips/en/goodbye.wav]
    call: end_call
caller:
  - when: agent_silent
    wait: 500ms
    say: sounds/voice-thats-all-bye.wav
"""


def imported(text: str, folder: Path) -> tuple[Path, Path]:
    """A call, played and recorded: the paths of its record and of the scenario made of it."""
    flown(small_call(folder, text), folder / "flights")
    (path,) = (folder / "flights").iterdir()
    made = import_record(read_record(path), folder / "made", "made", "to see it again")
    return path, made.path


# -------------------------------------------------------------------------- there and back
@pytest.mark.parametrize("text", [BARGE_IN, GOODBYE], ids=["barge-in", "goodbye"])
def test_a_call_comes_back_from_its_record(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Today's bridge is the one that was recorded, so it decides the same: nothing is changed."""
    path, _ = imported(text, tmp_path)
    code = main(["import", str(path), "--compare"])
    shown = capsys.readouterr()

    assert code == 0, shown
    assert "changed" not in shown.out
    assert "end 1" in shown.out


def test_the_imported_scenario_passes_by_itself(tmp_path: Path) -> None:
    """What was decided then is what it expects."""
    _, scenario = imported(BARGE_IN, tmp_path)

    assert main(["run", str(scenario), "--jobs", "1"]) == 0
    assert "truncations: count==1" in scenario.read_text()


def test_the_network_is_found_again(tmp_path: Path) -> None:
    """Latencies within a few milliseconds, jitter, and the stall where and as long as it was."""
    flown(small_call(tmp_path, BARGE_IN), tmp_path / "flights")
    record = record_in(tmp_path / "flights")
    links = links_of(record.moments)
    (stall,) = links.stalls
    began_ms = stall.at_ms - story_of(record).started_ms + 70

    assert links.twilio_latency_ms == pytest.approx(70, abs=20)
    assert links.twilio_jitter_ms == pytest.approx(20, abs=4)
    assert links.realtime_latency_ms == pytest.approx(30, abs=5)
    assert stall.for_ms == pytest.approx(1000, abs=60)
    assert began_ms == pytest.approx(600, abs=60)


def test_the_models_timing_is_found_again(tmp_path: Path) -> None:
    """Each delta of 250 ms, six times faster than it plays, 500 ms after the turn; then the cut."""
    _, path = imported(BARGE_IN, tmp_path)
    calls, problems = load_scenarios([path])
    assert not problems
    delivery = calls[0].model.replies[0].deliver
    assert isinstance(delivery, Delivery)
    (item,) = delivery.items
    steps = [late[0] - early[0] for early, late in pairwise(item)]

    assert item[0][0] == pytest.approx(500, abs=5)
    assert steps[0] == pytest.approx(250 / 6, abs=1)
    assert {size for _, size in item[:-1]} == {2000}
    assert delivery.cut
    assert delivery.done_ms > item[-1][0] + 1900  # open a little longer than it was then


def test_an_agents_own_settings_are_replayed(tmp_path: Path) -> None:
    """What its file says comes before the service's settings; no value of the call is there."""
    (tmp_path / "people").mkdir()
    (tmp_path / "people" / "slow.agent.yaml").write_text(
        "parameters: [guest]\ngreeting: Hello {guest}!\nvoice: sage\n"
        "turn_detection: {silence_duration_ms: 900, create_response: true}\n"
        "hangup: {grace_seconds: 1.5}\nrecording: {record: on}\n",
        "utf-8",
    )
    text = BARGE_IN.replace(
        "model:",
        "call: {parameters: {agent: slow, guest: Zoe}}\n"
        "agent: {settings: {AGENTS_DIR: people, VOICE: cedar}}\nmodel:",
        1,
    )
    flown(small_call(tmp_path, text), tmp_path / "flights")
    record = record_in(tmp_path / "flights")

    assert record.settings == {
        "VOICE": "sage",
        "GREETING": "Hello {guest}!",
        "VAD_SILENCE_DURATION_MS": "900",
        "VAD_CREATE_RESPONSE": "true",
        "END_CALL_GRACE_SECONDS": "1.5",
    }


def test_the_callers_sound_is_the_callers(tmp_path: Path) -> None:
    """To the byte, from the second frame on: the replaying phone sends the first."""
    events = flown(small_call(tmp_path, BARGE_IN), tmp_path / "flights")
    sent = b"".join(
        event.data["audio"]
        for event in events
        if (event.who, event.name) == ("twilio", "sent") and event.data["event"] == "media"
    )
    sound = caller_sound(record_in(tmp_path / "flights").moments)

    assert len(sent) - len(sound.audio) < 6 * FRAME_BYTES  # the last ones were under way
    assert sent[FRAME_BYTES:].startswith(sound.audio)
    assert not sound.suppressed


# -------------------------------------------------------------------------- the recorder
def test_a_good_call_leaves_no_record(tmp_path: Path) -> None:
    """FLIGHT_RECORD=anomaly."""
    flown(small_call(tmp_path, GOODBYE), tmp_path / "flights", kept="anomaly")

    assert list((tmp_path / "flights").iterdir()) == []


def test_a_lost_session_leaves_a_record(tmp_path: Path) -> None:
    """Though another one took over; and no sound unless it was asked for."""
    text = (
        "stop_after: 8s\nmodel:\n  reply: auto\n  faults: [{drop: true, when: at 2s}]\ncaller: []\n"
    )
    flown(small_call(tmp_path, text), tmp_path / "flights", kept="anomaly", audio=False)
    record = record_in(tmp_path / "flights")

    assert record.moments[-1].message["record"]["reconnects"] == 1
    assert not any("audio" in moment.message for moment in record.moments)
    with pytest.raises(UnusableRecord, match="FLIGHT_AUDIO=true"):
        import_record(record, tmp_path / "made", "made", "")


def test_recording_changes_nothing(tmp_path: Path) -> None:
    """The call with a recorder on board is the call without, to the event."""
    scenario = small_call(tmp_path, BARGE_IN)

    def plain(kept: str) -> list[Any]:
        events = flown(scenario, tmp_path / kept, kept=kept)
        return [(event.at_ms, event.who, event.name) for event in events]

    assert plain("always") == plain("never")


def test_nothing_of_the_caller_is_in_a_record(tmp_path: Path) -> None:
    """Neither the numbers of the call nor the token."""
    scenario = small_call(tmp_path, "call: {from: +15550107777}\n" + BARGE_IN)
    flown(scenario, tmp_path / "flights")
    (path,) = (tmp_path / "flights").iterdir()
    text = gzip.decompress(path.read_bytes())

    assert b"5550107777" not in text
    assert b"sk-simulated" not in text
    assert b'"parameters":["token"]' in text


# -------------------------------------------------------------------------- a broken record
def test_a_torn_record_is_read_up_to_the_tear(tmp_path: Path) -> None:
    """Wherever the process died; half a line is no event."""
    flown(small_call(tmp_path, GOODBYE), tmp_path / "flights")
    (path,) = (tmp_path / "flights").iterdir()
    whole, packed = read_record(path), path.read_bytes()
    counts = []
    for tenth in range(2, 10):
        path.write_bytes(packed[: len(packed) * tenth // 10])
        counts.append(len(read_record(path).moments))

    assert counts == sorted(counts)
    assert counts[0] > 0
    assert counts[-1] < len(whole.moments)


@pytest.mark.parametrize("text", [None, b"", b"[]", b'{"flight":2}'])
def test_what_is_no_record_is_refused(
    text: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a sentence and exit code 2."""
    path = tmp_path / "x.flight.gz"
    path.write_bytes(b"no gzip" if text is None else gzip.compress(text))

    assert main(["import", str(path)]) == 2
    assert "no flight record" in capsys.readouterr().err


def test_a_record_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The same."""
    assert main(["import", str(tmp_path / "none")]) == 2


def test_what_is_not_in_the_scenario_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys, gaps, a missing end."""
    keys = GOODBYE.replace("wait: 500ms", "press: 12\n  - wait: 500ms")
    flown(small_call(tmp_path, keys), tmp_path / "flights")
    (path,) = (tmp_path / "flights").iterdir()
    gap = {"t": 1.0, "leg": "call", "way": "note", "m": {"event": "gap", "lost": 7}}
    cut = {"t": None, "leg": "call", "way": "note", "m": {"event": "cut"}}
    with path.open("ab") as file:
        for line in (gap, cut):
            file.write(gzip.compress(json.dumps(line).encode() + b"\n"))

    assert main(["import", str(path), "--into", str(tmp_path / "made"), "--name", "x"]) == 0
    said = capsys.readouterr().err
    assert "2 pressed key(s) are not replayed" in said
    assert "7 events are missing" in said
    assert "the record's end is missing" in said


# -------------------------------------------------------------------------- parts
def moment(at_ms: float, timestamp_ms: int, audio: str = "AAAA") -> Moment:
    """A frame of three bytes, or of what is given."""
    message = {"event": "media", "timestamp": timestamp_ms, "audio": audio}
    return Moment(at_ms, "twilio", "in", message)


def test_suppressed_silence_is_put_back() -> None:
    """Where the line sent nothing there is digital silence, as long as the timestamps say."""
    frame = "AAAA" * 53 + "AA=="  # 160 bytes
    sound = caller_sound([moment(0, 100, frame), moment(20, 120, frame), moment(999, 1140, frame)])

    assert sound.suppressed
    assert sound.audio == b"\0" * 160 + b"\xff" * 160 * 50 + b"\0" * 160


def test_a_gap_without_lateness_is_no_stall() -> None:
    """A silence-suppressed line does not stall."""
    quiet = [moment(at, at) for at in (*range(0, 400, 20), *range(2000, 2400, 20))]

    assert links_of(quiet).stalls == ()


def test_a_wav_keeps_each_byte(tmp_path: Path) -> None:
    """Also an odd number of them."""
    audio = bytes(range(0x80, 0x100)) + bytes(range(0x7F)) + b"\xff\xff"
    write_wav(tmp_path / "x.wav", audio)

    assert len(audio) % 2
    assert read_mulaw(tmp_path / "x.wav") == audio
    assert load_clip(tmp_path / "x.wav").duration_ms == len(audio) / 8


def test_decisions_differ_by_number_time_value_and_word() -> None:
    """What lies within the tolerance is the same."""
    then = [
        Decision("clear", 1000),
        Decision("clear", 5000),
        Decision("truncate", 1000, 500),
        Decision("truncate", 5000, 500),
        Decision("end", 9000, None, "caller_hung_up"),
        Decision("memory", None, 500, "of item 1"),
    ]
    now = [
        Decision("clear", 1090),
        Decision("truncate", 1000, 590),
        Decision("truncate", 5000, 650),
        Decision("end", 9000, None, "realtime_lost"),
        Decision("memory", None, 400, "of item 1"),
        Decision("cancel", 5000),
    ]
    found = differences(then, now, 100)

    assert [(each.what, each.number, each.changed) for each in found] == [
        ("clear", 1, False),
        ("clear", 2, True),
        ("truncate", 1, False),
        ("truncate", 2, True),
        ("end", 1, True),
        ("memory", 1, False),
        ("cancel", 1, True),
    ]
    assert str(then[2]) == "500 ms at 1.00 s"


def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bridge which believes that the caller heard 300 ms less."""
    from bridge.core.playback import Playback  # noqa: PLC0415

    honest: Callable[..., Any] = Playback.interrupt

    def interrupt(self: Any, now: float) -> Any:
        return honest(self, now - 0.3)

    monkeypatch.setattr(Playback, "interrupt", interrupt)


def test_a_changed_bridge_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """--compare says which decision changed, and its exit code does."""
    path, _ = imported(BARGE_IN, tmp_path)
    planted(monkeypatch)
    code = main(["import", str(path), "--compare"])
    changed = [line for line in capsys.readouterr().out.splitlines() if line.endswith("changed")]

    assert code == 1
    assert [line.split("  ")[0] for line in changed] == ["truncate 1", "memory 1"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "name ends with .delivery.json"),
        ('{"items": [[[5, 0]]]}', "a delta without bytes"),
        ('{"items": [[[-5, 10]]]}', "a time before the response began"),
        ('{"items": [[[5, 10], [4, 10]]]}', "not in the order of time"),
        ('{"items": 7}', "holds no times of delivery"),
    ],
)
def test_a_wrong_delivery_is_a_problem_of_the_scenario(
    text: str, said: str, tmp_path: Path
) -> None:
    """Told with its line, like any other."""
    name = "x.json" if text == "{}" else "x.delivery.json"
    (tmp_path / name).write_text(text)
    path = tmp_path / "one.call.yaml"
    path.write_text(
        f"model:\n  - on: turn\n    say: clips/en/hello.wav\n    deliver: {name}\ncaller: []\n"
    )
    _, problems = load_scenarios([path])

    assert said in str(problems[0])
    assert problems[0].line == 4


def test_the_shipped_calls_say_how_they_were_made() -> None:
    """Three of them, each played by the scenario tests."""
    folder = Path(__file__).resolve().parents[1] / "scenarios" / "imported"
    calls, problems = load_scenarios([folder])

    assert (len(calls), problems) == (3, [])
    assert all("callsim import" in call.why and "FLIGHT_RECORD" in call.why for call in calls)
