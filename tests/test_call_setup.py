"""bridge.core.call: how a call comes up, and how it ends when it does not."""

from math import inf, isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.core import realtime, twilio
from bridge.core.call import (
    Call,
    CallPlan,
    Command,
    End,
    EndReason,
    Inbound,
    LineReleased,
    OpenRealtime,
    Phase,
)
from bridge.core.caller import KEPT_MAX_MS
from tests.calls import (
    CALL_SID,
    START,
    STREAM_SID,
    Bench,
    appended_audio,
    error,
    frame,
    media,
    of_type,
)
from tests.strategies import messages

READY = (realtime.SessionCreated(), realtime.SessionUpdated())


def test_the_realtime_leg_is_opened_by_start() -> None:
    """Not by the connection: an unauthenticated stream must cost nothing."""
    bench = Bench()
    assert bench.hear(twilio.Connected()) == []

    commands = bench.hear(START)
    assert of_type(commands, OpenRealtime) == [OpenRealtime()]
    assert bench.call.record.call_sid == CALL_SID
    assert bench.call.record.stream_sid == STREAM_SID
    assert bench.call.phase is Phase.SETUP


def test_the_session_is_configured_at_once() -> None:
    """The vendor's default session would talk: session.update is the first thing sent."""
    plan = CallPlan(instructions="Be brief.", voice="cedar", transcription_model="whisper-1")
    bench = Bench(plan).started()
    (update,) = bench.hear(realtime.SessionCreated())

    assert isinstance(update, realtime.SessionUpdate)
    assert update.event_id == "cb_1"
    assert update.instructions == "Be brief."
    assert update.voice == "cedar"
    assert update.transcription_model == "whisper-1"
    assert [tool.name for tool in update.tools] == ["end_call"]


def test_caller_audio_from_before_the_session_is_delivered_in_order() -> None:
    """Kept until session.updated, then appended before anything newer."""
    bench = Bench().started()
    bench.hear(media(frame(1)), media(frame(2)))
    bench.hear(realtime.SessionCreated())
    assert appended_audio(bench.hear(media(frame(3)))) == b""

    commands = bench.hear(realtime.SessionUpdated(), media(frame(4)))
    assert appended_audio(commands) == frame(1) + frame(2) + frame(3) + frame(4)
    assert bench.call.phase is Phase.TALKING
    assert bench.call.record.caller_audio_kept_ms == 60


def test_kept_audio_is_bounded_and_the_oldest_goes() -> None:
    """15 s are kept; what went is counted."""
    frames = KEPT_MAX_MS // 20
    bench = Bench().started()
    for number in range(frames + 2):
        bench.hear(media(frame(number)))
    commands = bench.hear(*READY)

    assert appended_audio(commands) == b"".join(frame(n) for n in range(2, frames + 2))
    assert bench.call.record.caller_audio_dropped_ms == 40


def test_nothing_is_appended_for_empty_media() -> None:
    """A payload without bytes is counted and not relayed."""
    bench = Bench().ready()

    assert bench.hear(media(b"")) == []
    assert bench.call.record.media_in == 1


def test_media_is_relayed_at_once_and_as_it_is() -> None:
    """Same bytes, same instant."""
    bench = Bench().ready()

    assert appended_audio(bench.hear(media(frame(7)))) == frame(7)


def test_the_agent_greets_when_it_is_ready() -> None:
    """With a greeting the agent speaks first; without one it waits for the caller."""
    greeting = of_type(Bench(CallPlan(greeting="Hi!")).ready().commands, realtime.ResponseCreate)
    assert len(greeting) == 1
    assert "Hi!" in str(greeting[0].response.instructions)

    assert not of_type(Bench().ready().commands, realtime.ResponseCreate)


def test_a_later_session_updated_changes_nothing() -> None:
    """Only the first one makes the session ready."""
    bench = Bench(CallPlan(greeting="Hi!")).ready()

    assert bench.hear(realtime.SessionUpdated()) == []


@pytest.mark.parametrize("rate", [16000, 44100])
def test_another_audio_format_is_refused(rate: int) -> None:
    """Audio is relayed as it is: it must be what both sides expect."""
    bench = Bench()
    start = twilio.Start("MZ1", "CA1", "AC1", {}, twilio.MediaFormat(sample_rate=rate))
    bench.hear(start)

    assert bench.reason() is EndReason.TWILIO_PROTOCOL


@pytest.mark.parametrize(
    ("inputs", "wait_s", "reason"),
    [
        ([twilio.Connected()], 10.0, EndReason.NO_START),
        ([START], 15.0, EndReason.NOT_READY),
        ([START, realtime.SessionCreated()], 15.0, EndReason.NOT_READY),
        ([START, *READY], 125.0, EndReason.LINE_DEAD),
        ([START, realtime.Closed(3000, "no")], 0.0, EndReason.REALTIME_REFUSED),
        ([START, error("invalid_api_key")], 0.0, EndReason.REALTIME_REFUSED),
        ([START, READY[0], error("unknown_parameter")], 0.0, EndReason.REALTIME_REFUSED),
        ([START, *READY, realtime.Closed(1006)], 8.0, EndReason.REALTIME_LOST),
        ([START, *READY, error("session_expired")], 8.0, EndReason.REALTIME_EXPIRED),
        ([START, *READY, twilio.Stop()], 0.0, EndReason.CALLER_HUNG_UP),
        ([START, twilio.Closed()], 0.0, EndReason.CALLER_HUNG_UP),
        ([twilio.Closed()], 0.0, EndReason.CALLER_HUNG_UP),
        ([twilio.Malformed("x")] * 21, 0.0, EndReason.TWILIO_PROTOCOL),
        ([START, *READY, *[realtime.Malformed("x")] * 21], 0.0, EndReason.REALTIME_PROTOCOL),
    ],
)
def test_every_way_to_end_has_its_reason(
    inputs: list[Inbound], wait_s: float, reason: EndReason
) -> None:
    """Each ending is one End, at its time, with its reason in the record."""
    bench = Bench()
    bench.hear(*inputs)
    if wait_s:
        bench.wait(wait_s - 0.001)
        assert bench.reason() is None
        bench.wait(0.001)

    assert bench.reason() is reason
    assert bench.call.record.reason is reason
    assert bench.call.record.ended == bench.now
    assert bench.call.deadline == inf


def test_twenty_broken_messages_are_forgiven() -> None:
    """They are counted and noted, without a word of what was in them."""
    bench = Bench().ready()
    bench.hear(*[twilio.Malformed("$.media")] * 20, *[realtime.Malformed("$.item")] * 20)

    assert bench.reason() is None
    assert bench.call.record.malformed_twilio == bench.call.record.malformed_realtime == 20
    assert bench.notes("malformed")[0].fields == {"leg": "twilio", "why": "$.media"}


def test_the_refusal_is_in_the_record() -> None:
    """The code of the error, or the reason of the close if there was none."""
    bench = Bench().started()
    bench.hear(error("invalid_api_key"))
    assert bench.call.record.realtime_refusal == "invalid_api_key"

    bench = Bench().started()
    bench.hear(realtime.Error(realtime.ErrorDetail(type="server_error")))
    assert bench.call.record.realtime_refusal == "server_error"

    bench = Bench().started()
    bench.hear(realtime.Closed(4000, "invalid_request_error.invalid_model"))
    assert bench.call.record.realtime_refusal == "invalid_request_error.invalid_model"
    assert bench.call.record.realtime_close_code == 4000


def test_an_error_without_any_name_is_counted() -> None:
    """Nothing is assumed about a peer's errors."""
    bench = Bench().ready()
    bench.hear(realtime.Error(realtime.ErrorDetail()))

    assert bench.reason() is None
    assert bench.call.record.realtime_errors == {"unknown": 1}


def test_the_vendors_words_about_an_error_are_not_noted() -> None:
    """The message of a wrong key quotes a part of it."""
    bench = Bench().started()
    detail = realtime.ErrorDetail(code="invalid_api_key", message="Incorrect API key: sk-abc")
    bench.hear(realtime.Error(detail))

    assert "sk-abc" not in repr(bench.commands)


def test_any_message_keeps_the_line_alive() -> None:
    """A silent caller's carrier may send no audio for a long time, but marks come back."""
    bench = Bench().ready()
    for _ in range(3):
        bench.wait(100.0)
        bench.hear(twilio.Mark("x"))
    assert bench.reason() is None
    bench.wait(125.1)

    assert bench.reason() is EndReason.LINE_DEAD
    assert bench.call.record.marks_ignored == 3


def test_a_line_without_sound_is_asked_before_it_is_given_up() -> None:
    """Some carriers send nothing while the caller is muted: the answer to a mark shows the line."""
    bench = Bench().ready()
    for _ in range(5):
        commands = bench.wait(121.0)
        (asked,) = of_type(commands, twilio.SendMark)
        bench.hear(twilio.Mark(asked.name))

    assert bench.reason() is None


def test_the_shell_can_end_a_call_once() -> None:
    """The second reason has no effect; nothing comes out afterwards."""
    bench = Bench().ready()

    assert bench.call.end(EndReason.SHUTDOWN, 5.0) == [End(EndReason.SHUTDOWN)]
    assert bench.call.end(EndReason.SLOW_PEER, 6.0) == []
    assert bench.call.receive(media(), 7.0) == []
    assert bench.call.expire(8.0) == []
    assert bench.call.record.ended == 5.0


def test_the_record_tells_the_measured_round_trip() -> None:
    """And none if none was measured."""
    bench = Bench().ready()
    bench.hear(twilio.Stop())
    assert bench.call.record.round_trip_ms == 100.0

    bench = Bench().started()
    bench.hear(twilio.Stop())
    assert bench.call.record.round_trip_ms is None


def test_a_message_and_a_timer_of_one_instant() -> None:
    """What is due is expired first: no scheduler decides."""
    bench = Bench()
    bench.now = 10.0
    bench.hear(START)

    assert bench.reason() is EndReason.NO_START


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (media(), "twilio:Media"),
        (twilio.Mark("x"), "twilio:Mark"),
        (realtime.SpeechStarted(), "realtime:SpeechStarted"),
        (LineReleased("completed"), "LineReleased"),
    ],
)
def test_what_comes_too_early_is_counted(message: Inbound, name: str) -> None:
    """Before Start nothing has a meaning, and nothing is sent."""
    bench = Bench()

    assert bench.hear(message) == []
    assert bench.call.record.out_of_turn == {name: 1}


def test_unknown_words_are_counted_and_known_ones_pass() -> None:
    """A vendor's new event is worth a look; the many we have no use for are not."""
    bench = Bench().ready()
    bench.hear(
        twilio.Unknown("hologram"),
        realtime.Unknown("session.hologram"),
        realtime.Unknown("rate_limits.updated"),
    )

    assert bench.call.record.unknown_events == {"twilio:hologram": 1, "session.hologram": 1}


steps = st.lists(st.tuples(messages, st.sampled_from([0.0, 0.02, 0.5, 5.0])), max_size=60)
set_up = st.sampled_from([(), (START,), (START, *READY)])


@settings(max_examples=200)
@given(
    set_up,
    steps,
    st.builds(
        CallPlan,
        greeting=st.sampled_from(["", "Hi"]),
        can_release=st.booleans(),
        end_call_interruptible=st.booleans(),
        show_timing_math=st.booleans(),
        end_call_grace_s=st.sampled_from([0.0, 3.0]),
        dtmf_to_model=st.booleans(),
        dtmf_interrupts=st.booleans(),
        idle_nudge_s=st.sampled_from([0.0, 0.0, 4.0]),
        call_max_s=st.sampled_from([7200.0, 20.0]),
        call_warning_s=st.sampled_from([0.0, 15.0]),
        limit_farewell_s=st.sampled_from([0.0, 20.0]),
        builtin_tools=st.just(("end_call", "transfer_call", "collect_digits")),
        tools=st.just((realtime.Tool("look_up", "", {"type": "object"}),)),
        transfers=st.just({"the desk": "+15550100099"}),
        tool_filler_s=st.sampled_from([0.0, 1.0, 4.0]),
        turn_detection=st.builds(
            realtime.ServerVad, create_response=st.booleans(), interrupt_response=st.booleans()
        ),
    ),
)
def test_a_call_is_total(
    first: tuple[Inbound, ...], later: list[tuple[Inbound, float]], plan: CallPlan
) -> None:
    """Anything, in any order: nothing raises, and there is one End, which is last."""
    call = Call(plan, 0.0)
    now = 0.0
    commands: list[Command] = []
    for message, pause_s in [(message, 0.0) for message in first] + later:
        now += pause_s
        commands += call.receive(message, now)
        assert isfinite(call.deadline) is (call.phase is not Phase.ENDED)
        assert call.deadline >= now
    while call.phase is not Phase.ENDED:
        now = call.deadline
        commands += call.expire(now)

    ends = of_type(commands, End)
    assert len(ends) == 1
    assert commands[-1] is ends[0]
    assert call.record.ended is not None
    assert call.record.ended <= plan.call_max_s + 30


@given(st.lists(st.tuples(messages, st.sampled_from([0.0, 0.02, 0.5, 5.0])), max_size=30))
def test_a_call_can_be_replayed(inputs: list[tuple[Inbound, float]]) -> None:
    """The same messages at the same times give the same commands."""

    def play() -> list[Command]:
        call = Call(CallPlan(greeting="Hi"), 100.0)
        now = 100.0
        commands: list[Command] = []
        for message, pause_s in [*[(one, 0.0) for one in (START, *READY)], *inputs]:
            now += pause_s
            commands += call.receive(message, now)
        return commands

    assert play() == play()


def test_empty_frames_are_not_kept() -> None:
    """However many come while nobody listens: they are no audio."""
    bench = Bench().started()
    bench.hear(*[media(b"")] * 1000, media(b"\x01" * 160))
    commands = bench.hear(*READY)

    assert appended_audio(commands) == b"\x01" * 160
    assert bench.call.record.caller_audio_kept_ms == 20
