"""`<Gather>`: questions to the caller, answered by keys, words or nothing."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest

from simulator.scenario.format import PhoneSetup, Press, Say, Silence, Step
from simulator.sound import load_clip
from tests.phone_bridge import CLIPS, Call

XML = {"content-type": "text/xml"}
QUESTION = "<Say>please press a key now</Say>"  # 2000 ms
HANGUP = b"<Response><Hangup/></Response>"


def asked(
    attributes: str, *steps: Step, nested: str = QUESTION, gather: tuple[str, ...] = ()
) -> Call:
    """A call whose first document asks; `/next` and the action hang up."""
    twiml = f"<Response><Gather {attributes}>{nested}</Gather><Redirect>/none</Redirect></Response>"
    call = Call(*steps, twiml=twiml, phone=PhoneSetup(gather=gather))
    call.bridge.web = lambda path, _form: (
        (200, XML, call.bridge.body() if not call.bridge.requests[1:] else HANGUP)
    )
    return call.run(60_000)


def posted(call: Call) -> tuple[str, dict[str, str]]:
    """Where the second request went, and its form."""
    _, target, _, body = call.bridge.requests[1]
    return target, dict(parse_qsl(body.decode(), keep_blank_values=True))


def test_keys_until_the_finish_key() -> None:
    """The finish key ends the answer and is not part of it; the action gets the digits."""
    call = asked('action="/menu"', Step(Press("12#"), wait_ms=500))
    target, form = posted(call)

    assert target == "/menu"
    assert form["Digits"] == "12"
    assert "SpeechResult" not in form


def test_enough_digits_end_the_answer_at_once() -> None:
    """With numDigits nobody waits for the finish key."""
    call = asked('action="/menu" numDigits="2"', Step(Press("345"), wait_ms=500))

    assert posted(call)[1]["Digits"] == "34"
    assert call.of("phone.webhook_sent")[1].at_ms == 700.0


def test_a_key_stops_the_question() -> None:
    """The first key ends what is being said, and the timeout starts with the last key."""
    call = asked('action="/menu" timeout="3"', Step(Press("7"), wait_ms=500))

    assert call.of("phone.webhook_sent")[1].at_ms == 3500.0
    assert posted(call)[1]["Digits"] == "7"


def test_no_answer_falls_through() -> None:
    """Without an answer the next verb runs, after the question and the timeout."""
    call = asked('action="/menu" timeout="4"')

    assert posted(call)[0] == "/none"
    assert call.of("phone.webhook_sent")[1].at_ms == 6000.0


def test_an_empty_answer_may_be_posted() -> None:
    """With actionOnEmptyResult the action is asked although nothing came."""
    call = asked('action="/menu" actionOnEmptyResult="true"')

    assert posted(call)[0] == "/menu"
    assert posted(call)[1]["Digits"] == ""


def test_without_an_action_the_same_document_is_asked() -> None:
    """The default action is the URL of the document."""
    call = asked('numDigits="1"', Step(Press("1"), wait_ms=100))

    assert posted(call)[0] == "/incoming-call"


def test_words_are_posted_as_a_speech_result() -> None:
    """What the caller says is posted with a confidence, when the caller has been silent."""
    call = asked('input="speech" action="/said" speechTimeout="2"', Step(Say(CLIPS / "hello.wav")))
    target, form = posted(call)
    ended_ms = call.of("caller.speech_ended")[0].at_ms

    assert target == "/said"
    assert form["SpeechResult"].lower().startswith("hello")
    assert form["Confidence"] == "0.9"
    assert call.of("phone.webhook_sent")[1].at_ms == ended_ms + 2000


def test_speech_is_not_asked_for_by_default() -> None:
    """Without input="speech" words are no answer, and with it keys are none."""
    words = asked('action="/menu"', Step(Say(CLIPS / "hello.wav")))
    keys = asked('input="speech" action="/menu"', Step(Press("1"), wait_ms=100))

    assert posted(words)[0] == posted(keys)[0] == "/none"


@pytest.mark.parametrize(
    ("answer", "name", "value"),
    [("42", "Digits", "42"), ("yes please", "SpeechResult", "yes please")],
)
def test_a_scenario_may_answer_by_itself(answer: str, name: str, value: str) -> None:
    """The knob `gather` presses or says something after the question, without caller steps."""
    call = asked('input="dtmf speech" action="/menu" timeout="1"', gather=(answer,))

    assert posted(call)[1][name] == value


def test_what_was_said_before_the_stream_is_not_said_again() -> None:
    """Speech into a question is over when a stream opens later; only what follows is heard."""
    twiml = (
        '<Response><Gather input="dtmf" timeout="2"/><Connect>'
        '<Stream url="/media-stream"/></Connect></Response>'
    )
    call = Call(Step(Say(CLIPS / "hello.wav")), Step(Silence(9000)), twiml=twiml).run(4000)
    frames = [event.data["audio"] for event in call.of("twilio.sent", event="media")]

    assert len(frames) > 90
    assert not b"".join(frames).strip(b"\xff")


def test_other_verbs_inside_are_skipped() -> None:
    """Only Say, Play and Pause may be nested; others warn, and an answer still counts."""
    call = asked('numDigits="1" timeout="9"', Step(Press("1"), wait_ms=100), nested="<Dial/>")

    assert call.problems == [12200]
    assert posted(call)[1]["Digits"] == "1"


def test_a_stream_that_opens_in_mid_word_hears_the_rest() -> None:
    """Of what is being said when the stream starts, it hears what is not said yet."""
    twiml = (
        '<Response><Gather timeout="0"/><Connect><Stream url="/media-stream"/></Connect></Response>'
    )
    call = Call(Step(Say(CLIPS / "hello.wav")), Step(Silence(9000)), twiml=twiml).run(3000)
    audio = b"".join(event.data["audio"] for event in call.of("twilio.sent", event="media"))
    start_ms = call.of("twilio.sent", event="start")[0].at_ms
    rest = load_clip(CLIPS / "hello.wav").audio[round((start_ms - 20) * 8) :]

    assert audio[: len(rest)] == rest
