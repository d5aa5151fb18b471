"""The caller's words written down: when, by which model, how billed, and when that fails."""

from typing import Any

import pytest

from simulator.scenario.format import ModelSetup, Transcript
from tests.model_client import HELLO, LONG, Client, clip, ready, reply

DELTA = "conversation.item.input_audio_transcription.delta"
COMPLETED = "conversation.item.input_audio_transcription.completed"
FAILED = "conversation.item.input_audio_transcription.failed"
SEGMENT = "conversation.item.input_audio_transcription.segment"
LIVE = "gpt-realtime-whisper"
OPEN = Transcript("When are you open on Sundays?")


def writing(model: str, *transcripts: Transcript, **more: Any) -> Client:
    """A session whose caller is written down by this model; each turn is answered at length."""
    setup = ModelSetup(
        replies=(reply("turn", LONG, repeat=True),),
        transcripts=transcripts,
        transcript_delay_ms=more.pop("delay_ms", 350.0),
    )
    client = ready(setup)
    audio = {"input": {"transcription": {"model": model, **more.pop("transcription", {})}}}
    client.says("session.update", session={"type": "realtime", "audio": audio, **more})
    client.forget()
    return client


def deltas(client: Client) -> list[str]:
    """The words as they came."""
    return [event["delta"] for event in client.all(DELTA)]


def test_whisper_writes_all_at_once() -> None:
    """whisper-1: one delta with everything, mid-response, billed by duration."""
    client = writing("whisper-1", OPEN)
    client.hears_turn()
    client.waits(6000)

    completed = client.one(COMPLETED)
    order = client.order()
    assert deltas(client) == [OPEN.words]
    assert (completed["transcript"], completed["content_index"]) == (OPEN.words, 0)
    assert completed["usage"] == {"type": "duration", "seconds": 2}
    assert order.index("response.created") < order.index(COMPLETED) < order.index("response.done")
    assert client.at_ms(DELTA) - client.at_ms("input_audio_buffer.committed") == 350


@pytest.mark.parametrize("model", ["gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe"])
def test_newer_models_write_word_by_word_and_are_billed_by_tokens(model: str) -> None:
    """Deltas after the commit; ten audio tokens a second and the text's own."""
    client = writing(model, OPEN)
    client.hears_turn()
    client.waits(6000)

    completed = client.one(COMPLETED)
    usage = completed["usage"]
    assert len(deltas(client)) == 6
    assert "".join(deltas(client)) == OPEN.words
    assert usage["type"] == "tokens"
    assert usage["input_token_details"] == {"audio_tokens": 12, "text_tokens": 0}
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"] == 12 + 8
    assert ("languages" in completed) is (model == "gpt-transcribe")


def test_a_live_model_writes_while_the_caller_speaks() -> None:
    """Deltas under the announced item id before speech_stopped; the rest after the commit."""
    client = writing(LIVE, OPEN)
    client.hears_turn(LONG)
    client.waits(3000)

    kinds = client.kinds()
    assert kinds.index(DELTA) < kinds.index("input_audio_buffer.speech_stopped")
    assert "".join(deltas(client)) == OPEN.words
    assert {event["item_id"] for event in client.all(DELTA)} == {client.one(COMPLETED)["item_id"]}
    assert client.at_ms(DELTA) - client.at_ms("input_audio_buffer.speech_started") == 400


def test_delay_makes_a_live_model_wait() -> None:
    """`delay` xhigh begins later than minimal."""
    begins = []
    for delay in ("minimal", "xhigh"):
        client = writing(LIVE, OPEN, transcription={"delay": delay})
        client.hears_turn(LONG)
        begins.append(client.at_ms(DELTA) - client.at_ms("input_audio_buffer.speech_started"))

    assert begins == [200, 1800]


def test_what_a_live_model_had_no_time_for_comes_after_the_commit() -> None:
    """A turn shorter than its words: nothing is lost, nothing is said twice."""
    client = writing(LIVE, OPEN)
    client.hears_turn(HELLO)
    client.waits(6000)

    assert "".join(deltas(client)) == OPEN.words
    assert client.one(COMPLETED)["transcript"] == OPEN.words


def test_a_cleared_turn_is_not_written_any_further() -> None:
    """input_audio_buffer.clear stops the live model; the words are those of the next turn."""
    client = writing(LIVE, OPEN)
    client.hears(clip(LONG).audio[: 8 * 1000])
    client.says("input_audio_buffer.clear")
    written = len(deltas(client))
    client.hears_silence(2000)

    assert len(deltas(client)) == written
    assert client.all(COMPLETED) == []


def test_each_turn_has_its_own_words() -> None:
    """In order; a turn beyond the list is what the endpoint hears otherwise: here nothing."""
    client = writing("whisper-1", Transcript("One."), Transcript("Two."))
    for _ in range(3):
        client.hears_turn()
        client.waits(8000)

    assert [event["transcript"] for event in client.all(COMPLETED)] == ["One.", "Two.", ""]


def test_a_transcription_may_fail() -> None:
    """An event of its own with the error and the item; the turn is answered all the same."""
    client = writing("whisper-1", Transcript(fail="rate_limit_exceeded"))
    client.hears_turn()
    client.waits(8000)

    failed = client.one(FAILED)
    assert failed["item_id"] == client.one("input_audio_buffer.committed")["item_id"]
    assert failed["error"]["code"] == "rate_limit_exceeded"
    assert failed["item_id"] in failed["error"]["message"]
    assert (client.all(COMPLETED), client.all("error")) == ([], [])
    assert client.one("response.done")["response"]["status"] == "completed"


def test_the_words_are_kept_in_the_item() -> None:
    """A retrieved item has its transcript."""
    client = writing("whisper-1", OPEN)
    client.hears_turn()
    client.waits(1000)

    client.says("conversation.item.retrieve", item_id=client.one(COMPLETED)["item_id"])

    content = client.one("conversation.item.retrieved")["item"]["content"]
    assert content == [{"type": "input_audio", "transcript": OPEN.words}]


def test_probabilities_come_on_request() -> None:
    """`include` asks for them; without it there are none."""
    plain = writing("gpt-4o-transcribe", OPEN)
    asked = writing("gpt-4o-transcribe", OPEN, include=["item.input_audio_transcription.logprobs"])
    for client in (plain, asked):
        client.hears_turn()
        client.waits(1000)

    assert "logprobs" not in plain.one(COMPLETED)
    assert [entry["token"] for entry in asked.one(COMPLETED)["logprobs"]] == deltas(asked)
    assert len(asked.all(DELTA)[0]["logprobs"]) == 1


def test_speakers_are_told_apart_by_the_model_for_it() -> None:
    """gpt-4o-transcribe-diarize: a segment with speaker, begin and end."""
    client = writing("gpt-4o-transcribe-diarize", OPEN)
    client.hears_turn()
    client.waits(1000)

    segment = client.one(SEGMENT)
    assert (segment["text"], segment["speaker"], segment["start"]) == (OPEN.words, "A", 0)
    assert 1 < segment["end"] < 2


def test_nothing_is_written_without_being_asked() -> None:
    """With transcription null there is no event, although the words are known."""
    client = ready(ModelSetup(transcripts=(OPEN,)))
    client.hears_turn()
    client.waits(2000)

    assert not [kind for kind in client.kinds() if "transcription" in kind]
