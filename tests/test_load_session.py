"""The lean Realtime session: what it says is lawful, and it knows whose voice it hears."""

import base64
from typing import Any

import msgspec
import trio
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter

from simulator.load.books import Books
from simulator.load.framing import FrameReader
from simulator.load.relay import DownRelay, UpRelay
from simulator.load.session import Session, Voice
from simulator.load.tag import SILENT, bits_of_call, frames_of
from simulator.model.formats import ENCODINGS
from simulator.scenario.format import ModelSetup
from simulator.sound import FIXTURES, load_clip
from simulator.timeline import Timeline

EVENTS: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
QUESTION = load_clip(FIXTURES / "sounds/voice-when-are-you-open.wav").audio
SPEECH_AND_SILENCE = (*frames_of(QUESTION), *[SILENT] * 40)


class Call:
    """A caller as a session sees one."""

    def __init__(self, number: int, books: Books) -> None:
        self.number = number
        self.up, self.down = UpRelay(books), DownRelay(books)
        self.answers = 0
        self.session: object | None = None

    def configured(self, session: object) -> None:
        """The session is ready."""
        self.session = session
        self.up.configured(0.0)

    def answering(self) -> None:
        """A turn is answered."""
        self.answers += 1


class Line:
    """A session and all it has said; call 7 is up, and waits for a session."""

    def __init__(self, encoding: str = "audio/pcmu", **detection: Any) -> None:
        self.said: list[dict[str, Any]] = []
        self.books = Books()
        self.call = Call(7, self.books)
        self.timeline = Timeline()
        self._reader = FrameReader(self._take, masked=False)
        self.session = Session(1, self._reader.feed, ModelSetup(), self, self.books, self.timeline)
        self.encoding = encoding
        self.session.open()
        turn_detection = {"type": "server_vad", "silence_duration_ms": 500, **detection}
        audio = {
            "input": {"format": {"type": encoding}, "turn_detection": turn_detection},
            "output": {"format": {"type": encoding}},
        }
        self.say("session.update", session={"type": "realtime", "audio": audio})

    def tagged(self, number: int) -> Voice | None:
        """Only call 7 is up."""
        return self.call if number == 7 else None

    def next_in_order(self) -> Voice | None:
        """And it waits."""
        return self.call

    def say(self, kind: str, **fields: Any) -> None:
        """A client event."""
        self.session.hear(msgspec.json.encode({"type": kind, **fields}))

    def speak(self, number: int = 7) -> None:
        """A question and 800 ms of silence by the caller of call `number`."""
        bits = bits_of_call(number)
        for frame in SPEECH_AND_SILENCE:
            index = self.call.up.sent(0.0)
            payload = base64.b64decode(frame.payload(bits, index))
            sound = ENCODINGS[self.encoding].of_mulaw(payload)
            self.say("input_audio_buffer.append", audio=base64.b64encode(sound).decode())

    @property
    def kinds(self) -> list[str]:
        """The types of all that was said."""
        return [event["type"] for event in self.said]

    def _take(self, _opcode: int, data: bytes) -> None:
        EVENTS.validate_json(data)
        self.said.append(msgspec.json.decode(data))


async def run_for(line: Line, seconds: float) -> None:
    """Let the session's timers run."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.timeline.run)
        await trio.sleep(seconds)
        nursery.cancel_scope.cancel()


async def test_a_spoken_turn_is_answered_in_order(autojump_clock: object) -> None:
    """The events of a turn and its answer, in the recorded order, each valid for OpenAI's SDK."""
    line = Line()
    line.speak()
    await run_for(line, 10)
    seen = list(dict.fromkeys(line.kinds))

    assert seen == [
        "session.created", "session.updated",
        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done",
        "response.created", "response.output_item.added", "response.content_part.added",
        "response.output_audio_transcript.delta", "response.output_audio.delta",
        "response.output_audio.done", "response.output_audio_transcript.done",
        "response.content_part.done", "response.output_item.done", "response.done",
        "rate_limits.updated",
    ]  # fmt: skip
    assert line.call.answers == 1
    assert line.call.session is line.session
    assert line.books.totals["frames_added"] == line.books.totals["frames_repeated"] == 0


async def test_a_caller_who_interrupts_cancels_the_answer(autojump_clock: object) -> None:
    """Speech during a response: cancelled by turn detection, and the next turn is answered."""
    line = Line()
    line.speak()
    await run_for(line, 0.6)
    line.speak()
    await run_for(line, 10)
    done = [event["response"] for event in line.said if event["type"] == "response.done"]

    assert [response["status"] for response in done] == ["cancelled", "completed"]
    assert done[0]["status_details"]["reason"] == "turn_detected"


async def test_without_marks_a_session_is_found_in_the_order_of_arrival(
    autojump_clock: object,
) -> None:
    """PCM bears no marks; frames are then counted by their place."""
    line = Line("audio/pcm")
    line.speak()
    line.call.up.close(10.0)

    assert line.call.session is line.session
    assert "input_audio_buffer.committed" in line.kinds
    assert line.books.caller_audio_lost_ms.largest == 0


async def test_the_voice_of_another_call_is_a_mix_up(autojump_clock: object) -> None:
    """A bridge that sends one caller's voice into another's session is found out."""
    line = Line()
    line.speak(7)
    line.speak(8)

    assert line.books.errors["mixed_up_calls"].count == len(SPEECH_AND_SILENCE)


async def test_a_bridge_may_commit_and_ask_by_hand(autojump_clock: object) -> None:
    """Without create_response nothing is answered until it is asked for, and then as a turn."""
    line = Line(create_response=False)
    line.speak()
    before = list(line.kinds)
    line.say("response.create")
    line.say("response.create")
    await run_for(line, 10)
    line.say("input_audio_buffer.commit")

    assert "response.created" not in before
    assert line.call.answers == 1
    assert set(line.books.errors) == {"realtime: conversation_already_has_active_response"}
    assert line.kinds.count("input_audio_buffer.committed") == 2


async def test_wrong_events_are_refused_and_counted(autojump_clock: object) -> None:
    """The real error objects, once in the books and once on the wire."""
    line = Line()
    line.speak()
    await run_for(line, 10)
    item_id = next(e["item_id"] for e in line.said if e["type"] == "response.output_audio.delta")
    end = {"content_index": 0, "audio_end_ms": 3_600_000}
    line.say("conversation.item.truncate", item_id=item_id, **end)
    line.say("conversation.item.truncate", item_id=item_id, **{**end, "audio_end_ms": 100})
    line.say("response.cancel")
    line.say("no.such.event", event_id="mine")
    line.session.hear(b"no json")
    errors = [event["error"] for event in line.said if event["type"] == "error"]

    assert [error["code"] for error in errors] == [
        "invalid_value", "response_cancel_not_active", "invalid_value", "invalid_json",
    ]  # fmt: skip
    assert "is already shorter than" in errors[0]["message"]
    assert errors[2]["event_id"] == "mine"
    assert line.kinds.count("conversation.item.truncated") == 1
    assert line.books.error_count == 4
