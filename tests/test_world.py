"""One whole call in a simulated world: its order, its randomness, its faults and its end."""

from pathlib import Path

import pytest
import trio

from bridge.legs import RealtimeLeg
from simulator import scene
from simulator.bridge_target import OurBridge
from simulator.report.result import ScenarioResult
from simulator.runner import Job, play
from simulator.scenario.environment import bridge_environment
from simulator.scene import SETTLE_MS
from simulator.stream import BridgeStream
from simulator.trace import Event
from simulator.world import World
from tests.played_calls import only, played
from tests.small_calls import NEVER_ENDS, PASSES, SPEAKS, small_call


def names(events: list[Event]) -> list[str]:
    """The events by source, each once, in the order of their first occurrence."""
    return list(dict.fromkeys(f"{event.who}.{event.name}" for event in events))


def test_a_call_goes_from_ring_to_release(tmp_path: Path) -> None:
    """Webhook, TwiML, stream, session, hangup, and both sockets closed, in this order."""
    story = [
        "phone.rang",
        "phone.webhook_sent",
        "phone.webhook_answered",
        "phone.twiml",
        "twilio.connecting",
        "twilio.connected",
        "twilio.sent",
        "realtime.connecting",
        "realtime.upgraded",
        "realtime.sent",
        "realtime.received",
        "caller.hung_up",
        "phone.ended",
        "bridge.ended",
        "realtime.closed",
    ]
    happened = names(played(small_call(tmp_path, PASSES)))

    assert [name for name in happened if name in story] == story


def test_the_world_waits_no_longer_than_the_bridge(tmp_path: Path) -> None:
    """When the bridge has let go of everything, the run is over."""
    events = played(small_call(tmp_path, PASSES))
    (ended,) = only(events, "phone.ended")

    assert events[-1].at_ms < ended.at_ms + 1000
    assert not only(events, "bridge.left_behind")


def test_each_part_has_its_own_randomness(tmp_path: Path) -> None:
    """What the model draws does not change what the phone draws: scenarios can be compared."""
    quiet = small_call(tmp_path, SPEAKS)
    talkative = small_call(tmp_path, f"{SPEAKS}model: {{reply: auto}}\n")
    first, second, third = (
        only(played(call, seed), "twilio.sent")[1].data
        for call, seed in ((quiet, 1), (talkative, 1), (quiet, 2))
    )

    assert first == second
    assert first != third


def test_the_world_begins_on_the_same_day_every_day(tmp_path: Path) -> None:
    """No wall clock is read: the token of the stream is the same in every run."""
    twice = [only(played(small_call(tmp_path, PASSES)), "phone.twiml") for _ in range(2)]

    assert [event.data for event in twice[0]] == [event.data for event in twice[1]]


# -- the end --------------------------------------------------------------------------------------


def test_a_call_that_nobody_ends_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So long after the last step the caller's phone gives up, and that is a failure."""
    monkeypatch.setattr(scene, "GUARD_MS", 3_000.0)
    call = small_call(tmp_path, NEVER_ENDS)
    result = play(Job(call, 0))
    events = played(call)
    (stopped,) = only(events, "world.stopped")

    assert stopped.at_ms == 3_000.0
    assert only(events, "phone.ended")[0].at_ms == 3_000.0
    assert result.verdict == "failed"
    assert failed(result) == ["the call ends by itself"]


@pytest.mark.parametrize(
    "steps",
    [
        "[{silence: 1500ms}, {silence: 5s}]",
        "[{silence: 1500ms}, {wait: 5s, silence: 10ms}]",
        "[{silence: 1500ms}, {when: at 6600ms, silence: 10ms}]",
    ],
)
def test_a_caller_who_takes_his_time_is_not_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: str
) -> None:
    """The guard counts from the end of what the caller is doing or waiting for."""
    monkeypatch.setattr(scene, "GUARD_MS", 2_000.0)
    (stopped,) = only(played(small_call(tmp_path, f"caller: {steps}\n")), "world.stopped")

    assert 8_500.0 < stopped.at_ms < 9_000.0


def test_a_scenario_may_say_when_its_call_is_stopped(tmp_path: Path) -> None:
    """Stopped as planned is no failure."""
    call = small_call(tmp_path, f"{NEVER_ENDS}stop_after: 2s\n")
    (stopped,) = only(played(call), "world.stopped")

    assert stopped.at_ms == 2_000.0
    assert play(Job(call, 0)).verdict == "passed"


def failed(result: ScenarioResult) -> list[str]:
    """What did not hold."""
    return [each.text for each in result.failures]


def test_a_task_that_stays_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection which the bridge serves long after the call is a leak, and ends with the run."""
    serve = OurBridge.serve

    async def planted(self: OurBridge, stream: BridgeStream) -> None:
        await serve(self, stream)
        await trio.sleep_forever()

    monkeypatch.setattr(OurBridge, "serve", planted)
    call = small_call(tmp_path, PASSES)
    events = played(call)
    (left,) = only(events, "bridge.left_behind")
    (ended,) = only(events, "phone.ended")
    result = play(Job(call, 0))

    assert left.data == {"connections": 2, "sessions": 0}  # the webhook's and the stream's
    assert left.at_ms == pytest.approx(ended.at_ms + SETTLE_MS, abs=300)
    assert result.verdict == "violation"
    assert [(each.law, each.detail) for each in result.violations] == [
        ("session_leaked", "connections")
    ]


def test_a_socket_that_stays_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is a session of the model that nobody closes."""

    async def planted(self: RealtimeLeg) -> None:
        await trio.lowlevel.checkpoint()

    monkeypatch.setattr(RealtimeLeg, "aclose", planted)
    call = small_call(tmp_path, PASSES)
    (left,) = only(played(call), "bridge.left_behind")

    assert left.data == {"connections": 0, "sessions": 1}
    assert "session_leaked" in {each.law for each in play(Job(call, 0)).violations}


def test_a_crash_of_the_bridge_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception on the bridge's side is logged by it, and read by the judge."""

    def crash(*given: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bridge.session.Session._let_in", crash)
    result = play(Job(small_call(tmp_path, PASSES), 0))

    assert result.verdict == "failed"
    assert "nothing in the bridge crashes" in failed(result)


def test_an_error_in_a_fake_ends_the_run(tmp_path: Path) -> None:
    """A fault of the simulator is no silence: it comes out, with everything cancelled."""

    def trip(made: World) -> None:
        shelf: dict[str, None] = {}
        made.timeline.after(400, lambda: shelf["no such key"])

    with pytest.RaisesGroup(KeyError, flatten_subgroups=True):
        played(small_call(tmp_path, PASSES), also=trip)


# -- the links ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        ("{stall: 200ms, when: at 500ms, direction: to_bridge}", "stall"),
        ("{drop: true, when: at 500ms}", "drop"),
        ("{latency: 100ms, for: 300ms, when: at 500ms, direction: from_bridge}", "latency"),
    ],
)
def test_a_fault_strikes_when_it_is_told_to(tmp_path: Path, fault: str, name: str) -> None:
    """It is in the trace, at its time after the stream's start, with leg and direction."""
    text = f"{NEVER_ENDS}stop_after: 3s\nnetwork: {{twilio: {{latency: 20ms, faults: [{fault}]}}}}"
    events = played(small_call(tmp_path, text))
    started = next(each for each in only(events, "twilio.sent") if each.data["event"] == "start")
    (struck,) = [event for event in events if event.who == "link"]

    assert struck.name == name
    assert struck.data["leg"] == "twilio"
    assert struck.at_ms == pytest.approx(started.at_ms + 500, abs=1)


def test_added_latency_goes_away_again(tmp_path: Path) -> None:
    """A latency fault is over after its time."""
    fault = "{latency: 100ms, for: 300ms, when: at 500ms, direction: to_bridge}"
    text = f"{NEVER_ENDS}stop_after: 2s\nnetwork: {{twilio: {{latency: 20ms, faults: [{fault}]}}}}"
    seen: dict[float, float] = {}

    def look(made: World) -> None:
        def note() -> None:
            seen[made.timeline.now_ms] = made.scene.twilio.to_bridge.pace.latency_ms
            made.timeline.after(100, note)

        note()

    played(small_call(tmp_path, text), also=look)

    assert set(seen.values()) == {20.0, 120.0}
    assert seen[min(seen)] == seen[max(seen)] == 20.0


def test_the_first_connection_costs_round_trips(tmp_path: Path) -> None:
    """TCP and TLS take one round trip each, and the upgrade another one, before the session."""
    text = f"{PASSES}network: {{realtime: {{latency: 40ms}}}}\n"
    events = played(small_call(tmp_path, text))
    (connecting,) = only(events, "realtime.connecting")
    (upgraded,) = only(events, "realtime.upgraded")

    assert upgraded.at_ms == pytest.approx(connecting.at_ms + 2 * 80 + 40, abs=1)


# -- the bridge's surroundings --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "greeting"),
    [
        ("{greeting: false}", ""),
        ("{greeting: true}", None),
        ("{greeting: Hello there.}", "Hello there."),
        ("{greeting: false, settings: {GREETING: From the settings.}}", "From the settings."),
    ],
)
def test_the_greeting_is_a_setting_of_the_bridge(
    tmp_path: Path, agent: str, greeting: str | None
) -> None:
    """No greeting is an empty one; the bridge's own is none of ours; words are words."""
    settings = bridge_environment(small_call(tmp_path, f"{NEVER_ENDS}agent: {agent}\n"))

    assert settings.get("GREETING") == greeting


def test_the_bridges_log_is_part_of_the_trace(tmp_path: Path) -> None:
    """Its lines are there without their own clock, the last one as `bridge.ended`."""
    events = played(small_call(tmp_path, PASSES))
    lines = only(events, "bridge.log")
    (ended,) = only(events, "bridge.ended")

    assert {"started", "ready"} <= {line.data["event"] for line in lines}
    assert not any("time" in line.data or "level" in line.data for line in lines)
    assert ended.data["reason"] == "caller_hung_up"
    assert ended.data["media_in"] > 0


def test_the_model_writes_down_what_the_caller_says(tmp_path: Path) -> None:
    """Without a script of transcripts, they are the words of the caller's clips."""
    text = """
name: asked in words
agent: {settings: {TRANSCRIPTION_MODEL: whisper-1}}
model: {reply: auto}
caller:
  - {wait: 500ms, say: clips/en/hello.wav}
  - {when: agent_silent, hang_up: true}
"""
    events = only(played(small_call(tmp_path, text)), "realtime.sent")
    kind = "conversation.item.input_audio_transcription.completed"

    assert [event.data["transcript"] for event in events if event.data["type"] == kind] == [
        "Hello."
    ]
