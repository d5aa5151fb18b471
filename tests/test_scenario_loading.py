"""Scenario files become values: the design's examples, every section, folders and sounds."""

import pickle
import wave
from pathlib import Path

import pytest

from simulator.scenario import load_scenario
from simulator.scenario.format import (
    AutoReply,
    Ended,
    HangUp,
    Item,
    LinkFault,
    ModelFault,
    Nothing,
    Press,
    ReplayTurn,
    Say,
    Scenario,
    Silence,
    Threshold,
    ToolCall,
    Trigger,
    VadSetup,
)
from tests.design_scenarios import COMPLAINT, INTERRUPTION

CLIPS = ("welcome", "opening-hours-long", "certainly", "when-are-you-open", "never-mind")


def write_wav(path: Path, rate_hz: int = 8000) -> Path:
    """A fifth of a second of nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate_hz)
        sound.writeframes(bytes(rate_hz // 5 * 2))
    return path


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """A sound folder with what the examples name."""
    for clip in CLIPS:
        write_wav(tmp_path / "sounds" / "clips" / f"{clip}.wav")
    write_wav(tmp_path / "sounds" / "recordings" / "complaint-2026-11-03.wav")
    return tmp_path / "sounds"


def loaded(text: str, folder: Path, sounds: Path) -> list[Scenario]:
    """The scenarios in a text without a problem."""
    file = folder / "a.call.yaml"
    file.write_text(text, "utf-8")
    scenarios, problems = load_scenario(file, sound_dirs=[sounds])

    assert [str(problem) for problem in problems] == []
    return scenarios


def one(text: str, folder: Path, sounds: Path) -> Scenario:
    """The only scenario in a text; a silent caller if it has none."""
    if "caller:" not in text and "replay:" not in text:
        text += "\ncaller: []\n"
    (scenario,) = loaded(text, folder, sounds)
    return scenario


def test_interruption_of_the_design(tmp_path: Path, sounds: Path) -> None:
    """The design's first example loads as it stands."""
    call = one(INTERRUPTION, tmp_path, sounds)

    assert (call.name, call.tags, call.seeds) == (
        "the caller interrupts a long answer",
        ("barge-in",),
        20,
    )
    assert call.agent.greeting is True
    assert call.network.twilio.to_bridge.latency_ms == 60
    assert call.network.twilio.from_bridge.jitter_ms == 30
    assert call.network.realtime.from_bridge.latency_ms == 25
    assert [reply.on for reply in call.model.replies] == ["greeting", "turn", "turn"]
    assert (call.model.replies[1].after_ms, call.model.replies[1].burst) == (450, 8)
    assert [step.when for step in call.caller] == [
        Trigger("agent_silent"),
        Trigger("agent_heard", value_ms=1200),
        Trigger("agent_silent"),
    ]
    assert call.caller[1].action == Say(sounds / "clips" / "never-mind.wav")
    assert [(step.wait_ms, step.line) for step in call.caller] == [(600, 17), (0, 20), (2000, 22)]
    assert call.caller[2].action == HangUp()


def test_expectations_of_the_design(tmp_path: Path, sounds: Path) -> None:
    """Thresholds know their metric, text and line; those of `ended` are like the others."""
    expect = one(INTERRUPTION, tmp_path, sounds).expect

    assert expect.thresholds["response_latency_ms"] == (
        Threshold("response_latency_ms", "p", "<", 900, "p(95)<900", 26, 95),
    )
    assert expect.thresholds["leaked_session_ms"] == (
        Threshold("leaked_session_ms", "max", "<", 250, "max<250", 32),
    )
    clear, error = expect.events
    assert (clear.count, clear.within_ms, clear.of) == (1, 60, "speech_started")
    assert clear.text == "clear: exactly 1, within 60ms of speech_started"
    assert (error.no, error.max, error.text) == (True, 0, "no error")
    assert expect.ended == Ended("caller", "caller_hung_up", 32)


def test_replay_of_the_design(tmp_path: Path, sounds: Path) -> None:
    """The design's second example loads as it stands."""
    call = one(COMPLAINT, tmp_path, sounds)

    assert call.replay is not None
    assert call.replay.clip == sounds / "recordings" / "complaint-2026-11-03.wav"
    assert call.model.auto == AutoReply(after_ms=600)
    assert call.expect.thresholds["caller_audio_lost_ms"][0].op == "=="


def test_surroundings(tmp_path: Path, sounds: Path) -> None:
    """Who calls, the bridge's settings and the phone's manners arrive as written."""
    call = one(
        """
call: {direction: outbound, from: +15550100009, parameters: {customer: 0042}}
agent: {greeting: Welcome!, settings: {END_CALL_GRACE_SECONDS: 1}}
phone: {first_timestamp: 155ms, dtx: true, start: late, start_delay: 2s, hangup_rest: [429, ok]}
skip: waits for the wire
stop_after: 1m30s
""",
        tmp_path,
        sounds,
    )

    assert (call.call.direction, call.call.from_) == ("outbound", "+15550100009")
    assert call.call.parameters == {"customer": "0042"}
    assert call.agent.greeting == "Welcome!"
    assert call.agent.settings == {"END_CALL_GRACE_SECONDS": "1"}
    assert (call.phone.first_timestamp_ms, call.phone.start_delay_ms) == (155, 2000)
    assert call.phone.hangup_rest == (429, "ok")
    assert (call.skip, call.stop_after_ms) == ("waits for the wire", 90_000)
    assert call.name == "a"


def test_settings_know_their_place(tmp_path: Path, sounds: Path) -> None:
    """Whoever refuses a setting can say where it stands; a variable's stands in the matrix."""
    calls = loaded(
        """
matrix: {seconds: [1, 500]}
agent:
  greeting: Welcome!
  settings:
    VOICE: ash
    END_CALL_GRACE_SECONDS: $seconds
    TWILIO_ACCOUNT_SID: ""
caller: []
""",
        tmp_path,
        sounds,
    )
    agent = calls[1].agent

    assert agent.settings["END_CALL_GRACE_SECONDS"] == "500"
    assert agent.settings["TWILIO_ACCOUNT_SID"] == ""
    assert agent.setting_lines == {
        "GREETING": (4, 13),
        "VOICE": (6, 12),
        "END_CALL_GRACE_SECONDS": (2, 23),
        "TWILIO_ACCOUNT_SID": (8, 25),
    }


def test_room_tone(tmp_path: Path, sounds: Path) -> None:
    """The caller's room is a sound file like any other."""
    call = one("phone: {room_tone: clips/welcome.wav}", tmp_path, sounds)

    assert call.phone.room_tone == sounds / "clips" / "welcome.wav"


def test_network_faults(tmp_path: Path, sounds: Path) -> None:
    """A fault strikes the directions it names; a drop is the connection's, and listed once."""
    call = one(
        """
network:
  twilio:
    jitter: 5ms
    to_bridge: {latency: 40ms}
    faults:
      - {stall: 3s, when: at 10s, direction: to_bridge}
      - {latency: 200ms, for: 5s, when: turn 2, wait: 1s}
      - {drop: true, when: {tool_called: end_call}}
""",
        tmp_path,
        sounds,
    )
    leg = call.network.twilio
    slow = LinkFault("latency", Trigger("turn", number=2), 5000, 200, 1000, 8)

    assert (leg.to_bridge.latency_ms, leg.from_bridge.latency_ms) == (40, 0)
    assert leg.to_bridge.jitter_ms == leg.from_bridge.jitter_ms == 5
    assert leg.from_bridge.faults == (slow,)
    assert leg.to_bridge.faults == (
        LinkFault("stall", Trigger("at", value_ms=10_000), 3000, line=7),
        slow,
        LinkFault("drop", Trigger("tool_called", name="end_call"), line=9),
    )


def test_replies(tmp_path: Path, sounds: Path) -> None:
    """A list in `say` is one item without gaps; `items` are several; tools may have arguments."""
    call = one(
        """
model:
  - on: turn 3
    say: [clips/certainly.wav, clips/welcome.wav]
    words: Certainly. Welcome.
    call: end_call
  - on: tool
    items: [clips/certainly.wav, {silence: 2s}]
    call:
      - {name: book, arguments: {day: 3, who: "3", open: true, none: ~, cents: 1.5, code: 007}}
      - {name: look_up, arguments: {days: [1e999]}}
    calls_first: true
  - {on: any, fail: server_error, repeat: true}
""",
        tmp_path,
        sounds,
    )
    certainly, welcome = (sounds / "clips" / f"{name}.wav" for name in ("certainly", "welcome"))
    first, second, third = call.model.replies

    assert (first.on, first.kind, first.number) == ("turn 3", "turn", 3)
    assert first.items == (Item(certainly, (welcome,), words="Certainly. Welcome."),)
    assert first.items[0].clips == (certainly, welcome)
    assert first.calls[0].name == "end_call"
    assert "reason" in first.calls[0].arguments
    assert second.items == (Item(certainly), Item(silence_ms=2000))
    book, look_up = second.calls
    wanted = {"day": 3, "who": "3", "open": True, "none": None, "cents": 1.5, "code": "007"}
    assert book == ToolCall("book", wanted)
    assert look_up.arguments == {"days": ["1e999"]}
    assert (third.number, third.fail, third.repeat) == (None, "server_error", True)


def test_a_reply_may_stall_or_break_at_once(tmp_path: Path, sounds: Path) -> None:
    """0 ms is a time, too: right behind response.created."""
    text = "model: [{on: turn, stall_after: 0ms}, {on: turn, drop_after: 0ms}]"
    stalls, breaks = one(text, tmp_path, sounds).model.replies

    assert (stalls.stall_after_ms, stalls.drop_after_ms) == (0, None)
    assert (breaks.stall_after_ms, breaks.drop_after_ms) == (None, 0)


def test_model_as_a_block(tmp_path: Path, sounds: Path) -> None:
    """The server's manners stand beside the replies."""
    call = one(
        """
model:
  replies: [{on: greeting, say: clips/welcome.wav}]
  reply: auto
  clips: [clips/certainly.wav]
  refuse: invalid_api_key
  session_limit: 1h
  vad: {aggressiveness: 3}
  faults:
    - {close: 1011, when: agent_speaking, wait: 1s}
    - {error: server_error, when: at 2s}
    - {stall: 4s, when: marked}
    - {drop: true, when: stream_started}
""",
        tmp_path,
        sounds,
    )

    assert call.model.auto == AutoReply(clips=(sounds / "clips" / "certainly.wav",))
    assert (call.model.refuse, call.model.session_limit_ms) == ("invalid_api_key", 3_600_000)
    assert call.model.vad == VadSetup(aggressiveness=3)
    assert call.model.faults == (
        ModelFault("close", Trigger("agent_speaking"), close_code=1011, wait_ms=1000, line=10),
        ModelFault("error", Trigger("at", value_ms=2000), code="server_error", line=11),
        ModelFault("stall", Trigger("marked"), duration_ms=4000, line=12),
        ModelFault("drop", Trigger("stream_started"), line=13),
    )


def test_steps(tmp_path: Path, sounds: Path) -> None:
    """Every action of a caller; a group is spread out, its own waiting first."""
    call = one(
        """
caller:
  - press: 010
  - silence: 2s
  - {say: [clips/certainly.wav, clips/welcome.wav], gain_db: -6}
  - when: agent_silent
    repeat: 2
    steps: [{wait: 1s}, {when: marked 3, press: "#"}]
""",
        tmp_path,
        sounds,
    )
    clips = tuple(sounds / "clips" / f"{name}.wav" for name in ("certainly", "welcome"))
    say = call.caller[2].action

    assert isinstance(say, Say)
    assert (say.clips, say.gain_db) == (clips, -6)
    assert [step.action for step in call.caller[:2]] == [Press("010"), Silence(2000)]
    assert [(step.action, step.when) for step in call.caller[3:]] == [
        (Nothing(), Trigger("agent_silent")),
        *[(Nothing(), None), (Press("#"), Trigger("marked", number=3))] * 2,
    ]


def test_replay_with_annotations(tmp_path: Path, sounds: Path) -> None:
    """The turns beside a recording are read, unless the scenario gives its own."""
    notes = sounds / "recordings" / "complaint-2026-11-03.turns.yaml"
    notes.write_text("how: by hand\nturns: [{start_ms: 20, end_ms: 90, words: Hi., clip: x}]\n")
    short = one("replay: recordings/complaint-2026-11-03.wav", tmp_path, sounds)
    own = one(
        """
replay:
  recording: recordings/complaint-2026-11-03.wav
  hang_up: stay
  turns: [{start: 1s, end: 1.5s}]
""",
        tmp_path,
        sounds,
    )

    assert short.replay is not None
    assert own.replay is not None
    assert short.replay.turns == (ReplayTurn(20, 90, "Hi."),)
    assert own.replay.turns == (ReplayTurn(1000, 1500),)
    assert own.replay.hang_up == "stay"


def test_sounds_beside_the_scenario_come_first(tmp_path: Path, sounds: Path) -> None:
    """A sound is looked for beside the file, then in the folders; `clips/` has English in it."""
    own = write_wav(tmp_path / "clips" / "certainly.wav")
    english = write_wav(sounds / "clips" / "en" / "hello.wav")
    call = one("caller: [{say: clips/certainly.wav}, {say: clips/hello.wav}]", tmp_path, sounds)

    assert [step.action for step in call.caller] == [Say(own), Say(english)]


def test_alias_repeats_a_part(tmp_path: Path, sounds: Path) -> None:
    """YAML's anchors may be used; what is wrong with them is another matter."""
    call = one(
        """
network: {twilio: &slow {latency: 60ms}, realtime: *slow}
""",
        tmp_path,
        sounds,
    )

    assert call.network.realtime == call.network.twilio


def test_scenarios_can_be_sent_to_another_process(tmp_path: Path, sounds: Path) -> None:
    """A scenario survives pickling, so runs can be spread over processes."""
    call = one(INTERRUPTION, tmp_path, sounds)

    assert pickle.loads(pickle.dumps(call)) == call
