"""A spoken turn: what comes in which order, when, and with which sound."""

from typing import Any

import pytest

from simulator.scenario.format import AutoReply, Item, ModelSetup, Reply
from tests.model_client import HELLO, LONG, Client, Desk, clip, ready, reply

AUDIO = "response.output_audio.delta"
WORDS = "response.output_audio_transcript.delta"

ITEM_OPENS = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
]
ITEM_CLOSES = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
]
HEARD = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]


def answered(setup: ModelSetup, **turn: Any) -> Client:
    """The caller said hello, and eight seconds have passed."""
    client = ready(setup, **turn)
    client.hears_turn()
    client.hears_silence(8000)
    return client


def test_a_turn_has_the_recorded_order() -> None:
    """Speech, commit, item, response, item, transcript before audio, the ends, done, limits."""
    client = answered(ModelSetup(replies=(reply("turn", HELLO),)))

    expected = [*HEARD, "response.created", *ITEM_OPENS, WORDS, AUDIO, *ITEM_CLOSES]
    assert client.order() == [*expected, "response.done", "rate_limits.updated"]
    assert client.at_ms("rate_limits.updated") - client.at_ms("response.done") == 43


def test_the_turn_is_answered_in_the_tick_it_ends() -> None:
    """speech_stopped, committed and response.created share an instant."""
    client = answered(ModelSetup(replies=(reply("turn", HELLO),)))

    stopped = client.at_ms("input_audio_buffer.speech_stopped")
    assert client.at_ms("input_audio_buffer.committed") == stopped
    assert client.at_ms("response.created") == stopped


def test_speech_is_placed_on_the_input_clock() -> None:
    """audio_start_ms has the padding, audio_end_ms the silence; one item id goes through."""
    client = ready(ModelSetup(replies=(reply("turn", HELLO),)))
    client.hears_silence(1000)
    client.hears_turn()

    started = client.one("input_audio_buffer.speech_started")
    stopped = client.one("input_audio_buffer.speech_stopped")
    committed = client.one("input_audio_buffer.committed")
    assert started["audio_start_ms"] == 1000 + 80 - 300
    assert stopped["audio_end_ms"] == pytest.approx(1000 + 650 + 500, abs=60)
    assert started["item_id"] == stopped["item_id"] == committed["item_id"]


def test_items_are_chained() -> None:
    """previous_item_id leads from the model's item to the caller's; the model's .done has null."""
    client = answered(ModelSetup(replies=(reply("turn", HELLO),)))

    user, model = client.all("conversation.item.added")
    assert user["previous_item_id"] is None
    assert user["item"]["content"] == [{"type": "input_audio", "transcript": None}]
    assert model["previous_item_id"] == user["item"]["id"]
    assert model["item"]["content"] == []
    assert client.all("conversation.item.done")[1]["previous_item_id"] is None


def test_the_sound_is_the_clips_byte_by_byte() -> None:
    """The deltas of an item are the clip's μ-law; all but the last hold 250 ms."""
    client = answered(ModelSetup(replies=(reply("turn", LONG),)))

    sizes = [
        len(event.data["audio"]) for event in client.desk.traced("sent") if "audio" in event.data
    ]
    assert client.audio() == clip(LONG).audio
    assert set(sizes[:-1]) == {2000}


def test_the_transcript_runs_ahead_of_the_audio() -> None:
    """Three or four pieces come before any audio, and all of it within the first half of it."""
    client = answered(ModelSetup(replies=(reply("turn", LONG),)))

    kinds = [kind for kind in client.kinds() if kind in {WORDS, AUDIO}]
    last_word = len(kinds) - 1 - kinds[::-1].index(WORDS)
    text = "".join(event["delta"] for event in client.all(WORDS))
    assert kinds.index(AUDIO) == 5  # four words, then the first delta's own share
    assert kinds[:last_word].count(AUDIO) < kinds.count(AUDIO) / 2
    assert text == clip(LONG).words
    assert all("obfuscation" in event for event in client.all(WORDS))
    assert not any("obfuscation" in event for event in client.all(AUDIO))


@pytest.mark.parametrize("burst", [1, 4, 11])
def test_audio_comes_burst_times_faster_than_it_plays(burst: float) -> None:
    """The first delta comes `after_ms` after response.created, the others 250 ms / burst apart."""
    client = answered(ModelSetup(replies=(reply("turn", LONG, after_ms=700, burst=burst),)))
    times = [at for at, kind in zip(client.times, client.kinds(), strict=True) if kind == AUDIO]

    assert times[0] - client.at_ms("response.created") == pytest.approx(700)
    assert times[4] - times[0] == pytest.approx(4 * 250 / burst)


def test_one_response_may_hold_several_items() -> None:
    """Items follow each other, each with its own id, clock and output index."""
    client = answered(ModelSetup(replies=(reply("turn", HELLO, LONG),)))

    first, second = client.all("response.output_item.added")
    done = client.one("response.done")["response"]
    assert (first["output_index"], second["output_index"]) == (0, 1)
    assert client.audio(first["item"]["id"]) == clip(HELLO).audio
    assert client.audio(second["item"]["id"]) == clip(LONG).audio
    assert [item["id"] for item in done["output"]] == [first["item"]["id"], second["item"]["id"]]
    body = [*ITEM_OPENS, WORDS, AUDIO, *ITEM_CLOSES]
    audible = client.order()[len(HEARD) + 1 : -2]
    assert [kind for kind in audible if kind not in {WORDS, AUDIO}] == [
        *ITEM_OPENS,
        *ITEM_CLOSES,
    ] * 2
    assert audible[: len(body)] == body


def test_a_response_is_billed() -> None:
    """Input and output tokens by kind; a second turn finds the first in the cache."""
    client = ready(ModelSetup(replies=(reply("turn", LONG, repeat=True, burst=11),)))
    for _ in range(4):
        client.hears_turn()
        client.hears_silence(4000)

    first, *_, last = (event["response"]["usage"] for event in client.all("response.done"))
    assert first["input_token_details"]["audio_tokens"] == 12  # 1.2 s of caller
    assert first["output_token_details"]["audio_tokens"] == -(-len(clip(LONG).audio) // 8 // 50)
    assert first["input_token_details"]["cached_tokens"] == 0
    assert last["input_tokens"] > last["input_token_details"]["cached_tokens"] > 900
    assert last["total_tokens"] == last["input_tokens"] + last["output_tokens"]


def test_rate_limits_go_down_and_recover() -> None:
    """One row of tokens, less what was used."""
    client = answered(ModelSetup(replies=(reply("turn", LONG),)))

    (row,) = client.one("rate_limits.updated")["rate_limits"]
    used = client.one("response.done")["response"]["usage"]["total_tokens"]
    assert row["name"] == "tokens"
    assert row["limit"] - row["remaining"] == pytest.approx(used, abs=1)


def test_without_create_response_the_client_asks() -> None:
    """create_response false: the turn is committed; response.create answers it."""
    client = answered(ModelSetup(replies=(reply("turn", HELLO),)), create_response=False)

    assert client.order() == HEARD
    client.says("response.create")
    client.waits(2000)

    assert client.audio() == clip(HELLO).audio


def test_without_turn_detection_the_client_commits() -> None:
    """turn_detection null: no edges; a commit makes the item, and response.create answers it."""
    client = ready(ModelSetup(replies=(reply("turn", HELLO),)))
    client.says(
        "session.update",
        session={"type": "realtime", "audio": {"input": {"turn_detection": None}}},
    )
    client.hears_turn()

    client.says("input_audio_buffer.commit")
    client.says("response.create")
    client.waits(2000)

    assert client.order()[1:4] == HEARD[2:]
    assert client.audio() == clip(HELLO).audio


def test_a_commit_of_nothing_is_refused() -> None:
    """Less than 100 ms cannot be committed, and the error says how much there is."""
    client = ready()
    client.hears_silence(60)

    client.says("input_audio_buffer.commit", event_id="c1")

    error = client.one("error")["error"]
    assert error["code"] == "input_audio_buffer_commit_empty"
    assert error["message"].endswith("buffer only has 60.00ms of audio.")
    assert error["event_id"] == "c1"


def test_clearing_the_buffer_forgets_the_turn() -> None:
    """input_audio_buffer.clear: what was said so far is neither committed nor answered."""
    client = ready(ModelSetup(replies=(reply("turn", HELLO),)))
    client.hears(clip(HELLO).audio)

    client.says("input_audio_buffer.clear")
    client.hears_silence(2000)

    assert client.order() == ["input_audio_buffer.speech_started", "input_audio_buffer.cleared"]


def test_a_silent_caller_is_prompted() -> None:
    """idle_timeout_ms after the reply has played: timeout, an empty item and a response."""
    replies = (reply("turn", HELLO), reply("any", HELLO))
    client = ready(ModelSetup(replies=replies), idle_timeout_ms=5000)
    client.hears_turn()
    client.hears_silence(9000)

    done = client.at_ms("response.done")
    timeout = client.one("input_audio_buffer.timeout_triggered")
    tail = client.order()[client.order().index("input_audio_buffer.timeout_triggered") :]
    assert client.at_ms("input_audio_buffer.timeout_triggered") == done + 780 + 5000
    assert timeout["audio_end_ms"] > timeout["audio_start_ms"]
    assert tail[:5] == [timeout["type"], *HEARD[2:], "response.created"]
    assert len(client.all("response.created")) == 2


def test_a_caller_who_speaks_is_not_prompted() -> None:
    """Speech stops the idle timer."""
    client = ready(ModelSetup(replies=(reply("turn", HELLO, repeat=True),)), idle_timeout_ms=5000)
    for _ in range(3):
        client.hears_turn(silence_ms=4000)

    assert client.all("input_audio_buffer.timeout_triggered") == []


def test_the_callers_words_are_written_down_on_request() -> None:
    """Transcription comes mid-response, as a delta and completed, billed by duration."""
    desk = Desk(ModelSetup(replies=(reply("turn", LONG),)), words_heard=lambda: "hello there")
    client = desk.connect()
    client.configure()
    transcription = {"model": "gpt-realtime-whisper"}
    client.says(
        "session.update",
        session={"type": "realtime", "audio": {"input": {"transcription": transcription}}},
    )
    client.hears_turn()
    client.waits(6000)

    completed = client.one("conversation.item.input_audio_transcription.completed")
    assert completed["item_id"] == client.one("input_audio_buffer.committed")["item_id"]
    assert completed["transcript"] == "hello there"
    assert completed["usage"] == {"type": "duration", "seconds": 2}
    assert client.order().index(completed["type"]) < client.order().index("response.done")


def test_a_session_may_want_text() -> None:
    """output_modalities text: the same reply is written, without a sound."""
    client = ready(ModelSetup(replies=(reply("request", HELLO, after_ms=100),)))

    client.says("response.create", response={"output_modalities": ["text"]})
    client.waits(1000)

    assert client.audio() == b""
    assert client.one("response.output_text.done")["text"] == "Hello."
    assert client.one("response.content_part.done")["part"] == {"type": "text", "text": "Hello."}
    assert client.one("response.done")["response"]["output_modalities"] == ["text"]


def test_an_item_may_hold_several_clips_and_silence() -> None:
    """Clips without a gap, then silence; the words are joined."""
    item = Item(HELLO, then=(HELLO,), silence_ms=500)
    client = answered(ModelSetup(replies=(Reply("turn", items=(item,)),)))

    transcript = client.one("response.output_audio_transcript.done")["transcript"]
    assert client.audio() == clip(HELLO).audio * 2 + b"\xff" * 4000
    assert transcript == "Hello. Hello."


def test_a_reply_may_have_words_of_its_own() -> None:
    """`words` replaces what the sound library knows."""
    client = answered(ModelSetup(replies=(Reply("turn", items=(Item(HELLO, words="Hi"),)),)))

    assert client.one("response.output_audio_transcript.done")["transcript"] == "Hi"


def test_automatic_replies_are_chosen_by_the_seed() -> None:
    """Without a scripted reply one of the clips is said; without clips there is no such setup."""
    client = answered(ModelSetup(auto=AutoReply(clips=(HELLO, LONG))))

    assert client.audio() in {clip(HELLO).audio, clip(LONG).audio}
    with pytest.raises(ValueError, match="need clips"):
        Desk(ModelSetup(auto=AutoReply()))


def test_a_turn_nobody_wrote_a_reply_for_is_answered_with_nothing() -> None:
    """An empty, completed response; the trace says that the script has no answer."""
    client = answered(ModelSetup())

    assert client.one("response.done")["response"]["output"] == []
    assert client.desk.traced("unscripted")[0].data["kind"] == "turn"


def test_a_response_out_of_band_leaves_the_conversation_alone() -> None:
    """A response with conversation "none" runs beside the active response and adds no item."""
    replies = (reply("greeting", LONG), reply("request", HELLO))
    client = ready(ModelSetup(replies=replies))
    client.says("response.create")
    client.says("response.create", response={"conversation": "none", "metadata": {"topic": "x"}})
    client.waits(6000)

    first, second = (event["response"] for event in client.all("response.done"))
    assert client.all("error") == []
    assert len(client.all("conversation.item.added")) == 1
    assert (first["conversation_id"], first["metadata"]) == (None, {"topic": "x"})
    assert second["conversation_id"] is not None


def test_a_response_ends_at_its_token_limit() -> None:
    """max_output_tokens: status incomplete, and the item with it."""
    client = ready(ModelSetup(replies=(reply("greeting", LONG),)))

    client.says("response.create", response={"max_output_tokens": 40})
    client.waits(5000)

    done = client.one("response.done")["response"]
    assert done["status"] == "incomplete"
    assert done["status_details"]["reason"] == "max_output_tokens"
    assert done["output"][0]["status"] == "incomplete"
    assert len(client.audio()) < len(clip(LONG).audio)


def test_a_commit_by_hand_in_the_middle_of_a_turn_takes_its_item() -> None:
    """With voice activity on, the turn under way is committed under the id already announced."""
    client = ready(ModelSetup())
    client.hears(clip(HELLO).audio)

    client.says("input_audio_buffer.commit")
    client.hears_silence(2000)

    started = client.one("input_audio_buffer.speech_started")
    assert client.one("input_audio_buffer.committed")["item_id"] == started["item_id"]
    assert client.all("input_audio_buffer.speech_stopped") == []


def test_a_caller_who_is_just_speaking_is_not_idle() -> None:
    """The timer was started before the turn, and runs out in the middle of it."""
    replies = (reply("greeting", HELLO), reply("turn", HELLO))
    client = ready(ModelSetup(replies=replies), idle_timeout_ms=5000, interrupt_response=False)
    client.says("response.create")
    client.hears(clip(LONG).audio)

    assert client.all("input_audio_buffer.timeout_triggered") == []
