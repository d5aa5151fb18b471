"""GPT-Live as the words of a call: what the model says, what the caller says, who interrupts."""

import base64

import pytest

from bridge.core import realtime
from tests.live_session import CLICK, LOUD, QUIET, Live, kinds, of


# ------------------------------------------------------------------------ speech
def test_silence_is_nothing() -> None:
    """The stream's silence, and a click in it, are nobody's speech."""
    assert Live().stream(QUIET, CLICK, QUIET) == []


def test_a_stretch_of_speech_is_a_response() -> None:
    """It begins with the first piece that sounds, and ends when it has been quiet for 800 ms."""
    live = Live()
    told = live.stream(QUIET, LOUD, *[QUIET] * 5, LOUD, *[QUIET] * 8)

    assert kinds(told) == [
        "ResponseCreated",
        *["OutputAudioDelta"] * 15,
        "OutputAudioDone",
        "OutputTranscriptDone",
        "OutputItemDone",
        "ResponseDone",
    ]
    done = of(told, realtime.ResponseDone).response
    assert (done.id, done.status) == ("response__1", "completed")
    assert live.stream(QUIET) == []
    assert of(live.stream(LOUD), realtime.ResponseCreated).response.id == "response__2"


def test_words_of_the_model_belong_to_the_speech_around_them() -> None:
    """Words may come before their sound, with it, and a little behind it."""
    live = Live()
    early = live.hear("session.output_transcript.delta", delta="Hello", start_ms=0)
    begun = live.stream(LOUD)
    during = live.hear("session.output_transcript.delta", delta=" there", start_ms=50)
    ended = live.stream(*[QUIET] * 8)
    late = live.hear("session.output_transcript.delta", delta="!", start_ms=90)

    assert early == []
    assert of(begun, realtime.OutputTranscriptDelta).delta == "Hello"
    assert of(during, realtime.OutputTranscriptDelta).delta == " there"
    assert of(ended, realtime.OutputTranscriptDone).transcript == "Hello there"
    assert of(late, realtime.OutputTranscriptDelta).item_id == "speech__1"


def test_the_seconds_are_counted() -> None:
    """Each second of the stream is told once; the server's own count wins if it is higher."""
    live = Live()
    delta = base64.b64encode(QUIET).decode()
    told = [
        event for _ in range(25) for event in live.hear("session.output_audio.delta", delta=delta)
    ]

    assert told == [realtime.SessionLasted(1.0), realtime.SessionLasted(1.0)]
    assert live.hear("session.usage.updated", usage={"seconds": 2.0}) == []
    assert live.hear("session.usage.updated", usage={"seconds": 4.5}) == [
        realtime.SessionLasted(2.5)
    ]


# ------------------------------------------------------------------------ the caller
def heard(live: Live, words: str, start_ms: int) -> list[realtime.Inbound]:
    """Words of the caller's come."""
    return live.hear("session.input_transcript.delta", delta=words, start_ms=start_ms)


def test_words_of_the_caller_make_a_turn() -> None:
    """It begins with the first words and ends when none have come for 800 ms of the stream."""
    live = Live()
    begun = heard(live, "Good", 0)
    goes_on = [*live.stream(*[QUIET] * 7), *heard(live, " morning", 700)]
    ended = live.stream(*[QUIET] * 8)

    assert begun == [realtime.SpeechStarted(audio_start_ms=0)]
    assert goes_on == []
    assert ended == [
        realtime.SpeechStopped(),
        realtime.InputAudioBufferCommitted("turn__1"),
        realtime.InputTranscribed("turn__1", "Good morning"),
    ]


def test_a_model_that_falls_silent_for_the_caller_has_been_interrupted() -> None:
    """Words spoken into its speech, and then quiet for 400 ms: it broke off."""
    live = Live()
    live.stream(*[LOUD] * 10)
    heard(live, "Wait", 500)
    told = live.stream(*[QUIET] * 4)

    done = of(told, realtime.ResponseDone).response
    assert (done.status, done.status_details.reason) == ("cancelled", "turn_detected")
    assert of(told, realtime.OutputItemDone).item.status == "incomplete"


@pytest.mark.parametrize("start_ms", [-100, 800])
def test_words_before_the_speech_or_at_its_end_do_not_interrupt_it(start_ms: int) -> None:
    """What the caller said before is what is answered; what follows at once is no interruption."""
    live = Live()
    live.stream(*[LOUD] * 10)
    heard(live, "Yes", start_ms)

    assert of(live.stream(*[QUIET] * 4), realtime.ResponseDone).response.status == "completed"


def test_a_model_that_speaks_on_while_the_caller_does_is_not_interrupted() -> None:
    """A short sound of assent changes nothing."""
    live = Live()
    live.stream(*[LOUD] * 10)
    heard(live, "mhm", 500)

    assert kinds(live.stream(LOUD)) == ["OutputAudioDelta"]
