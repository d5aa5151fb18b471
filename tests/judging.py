"""Planted traces for the tests of the judge: a call is written down event by event, then judged.

Owns short words for the events of the trace's vocabulary. Plays nothing.
"""

import random
from typing import Any

from simulator.judging.auditor import Auditor
from simulator.judging.conditions import Conditions
from simulator.judging.metrics import Metrics
from simulator.judging.observer import Chorus
from simulator.trace import Event

MULAW = {"input_format": "audio/pcmu", "output_format": "audio/pcmu"}


def voice(seed: int, ms: int) -> bytes:
    """`ms` of sound that is never silent and never repeats."""
    return bytes(random.Random(seed).choices(range(0x20, 0x70), k=ms * 8))


def silence(ms: int) -> bytes:
    """`ms` of digital silence."""
    return b"\xff" * (ms * 8)


class Story:
    """Events of one call. Each method writes down one fact at a time in ms."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.number = 0

    def add(self, at_ms: float, source: str, **data: Any) -> None:
        """Any event: `source` is "who.name"."""
        who, _, name = source.partition(".")
        self.events.append(Event(at_ms, who, name, data))

    def sent(self, at_ms: float, kind: str, **data: Any) -> None:
        """The model's server sent an event."""
        self.add(at_ms, "realtime.sent", type=kind, **data)

    def got(self, at_ms: float, kind: str, **data: Any) -> None:
        """The model's server received an event of the bridge."""
        self.add(at_ms, "realtime.received", type=kind, **data)

    def session(self, at_ms: float = 0, **formats: str) -> None:
        """Connected, configured, ready: all at once."""
        self.add(at_ms, "realtime.upgraded", path="/v1/realtime?model=gpt-realtime-2.1")
        self.sent(at_ms, "session.created")
        self.got(at_ms, "session.update")
        self.sent(at_ms, "session.updated", **(formats or MULAW))

    def line(self, at_ms: float = 0) -> None:
        """It rings, is answered, and the stream starts."""
        self.add(at_ms, "phone.rang")
        self.add(at_ms, "phone.answered")
        self.add(at_ms, "twilio.sent", event="start")

    def hang_up(self, at_ms: float, by: str = "caller") -> None:
        """The line is released and everything closed, at once."""
        self.add(at_ms, "twilio.sent", event="stop")
        self.add(at_ms, "phone.ended", by=by, how="hangup")
        self.add(at_ms, "twilio.closed", by="phone", code=1000)
        self.add(at_ms, "realtime.closed", by="bridge", code=1000)

    def response(self, at_ms: float, name: str = "r1") -> None:
        """A response begins."""
        self.sent(at_ms, "response.created", response_id=name)

    def done(self, at_ms: float, name: str = "r1", status: str = "completed", **data: Any) -> None:
        """A response ends."""
        self.sent(at_ms, "response.done", response_id=name, status=status, **data)

    def delta(self, at_ms: float, audio: bytes, item: str = "a", response: str = "r1") -> None:
        """A piece of the model's audio."""
        kind = "response.output_audio.delta"
        self.sent(at_ms, kind, response_id=response, item_id=item, audio=audio)

    def media(self, at_ms: float, audio: bytes) -> int:
        """Twilio gets audio; the message's number."""
        self.number += 1
        self.add(at_ms, "twilio.received", event="media", number=self.number, audio=audio)
        return self.number

    def played(self, number: int, from_ms: float, length: int, start: int = 0) -> None:
        """The caller heard `length` bytes of a message, from byte `start` on."""
        to_ms = from_ms + length / 8
        span = {"start_byte": start, "end_byte": start + length}
        self.add(to_ms, "playout.played", number=number, **span, from_ms=from_ms, to_ms=to_ms)

    def says(
        self,
        at_ms: float,
        audio: bytes,
        heard: int | None = None,
        item: str = "a",
        response: str = "r1",
        playing_ms: float | None = None,
    ) -> None:
        """A delta, relayed at once, of which `heard` bytes (None: all) are played."""
        self.delta(at_ms, audio, item, response)
        number = self.media(at_ms, audio)
        length = len(audio) if heard is None else heard
        if length:
            self.played(number, at_ms if playing_ms is None else playing_ms, length)

    def clear(self, at_ms: float, dropped_ms: float = 0, pending_marks: int = 0) -> None:
        """Twilio is told to drop what it has."""
        data = {"dropped_ms": dropped_ms, "pending_marks": pending_marks}
        self.add(at_ms, "twilio.received", event="clear", **data)

    def truncate(self, at_ms: float, audio_end_ms: int, item: str = "a") -> None:
        """The bridge truncates an item, and the model does it."""
        data = {"item_id": item, "content_index": 0, "audio_end_ms": audio_end_ms}
        self.got(at_ms, "conversation.item.truncate", **data)
        self.sent(at_ms, "conversation.item.truncated", **data)

    def frame(self, at_ms: float, audio: bytes, *, lost: bool = False) -> None:
        """Twilio sends a caller's frame."""
        self.add(at_ms, "twilio.sent", event="media", audio=audio, lost=lost)

    def append(self, at_ms: float, audio: bytes) -> None:
        """The model gets caller audio."""
        self.got(at_ms, "input_audio_buffer.append", audio=audio)

    def speech_started(self, at_ms: float) -> None:
        """The model hears the caller begin."""
        self.sent(at_ms, "input_audio_buffer.speech_started", audio_start_ms=0)

    def tool(
        self,
        at_ms: float,
        call_id: str = "c1",
        status: str = "completed",
        name: str = "end_call",
    ) -> None:
        """The model called a function."""
        self.sent(
            at_ms,
            "response.output_item.done",
            response_id="r1",
            item_id="f1",
            item_type="function_call",
            item_status=status,
            call_id=call_id,
            name=name,
        )

    def output(self, at_ms: float, call_id: str = "c1") -> None:
        """The bridge answered it."""
        data = {"item_type": "function_call_output", "call_id": call_id}
        self.got(at_ms, "conversation.item.create", **data)

    def in_order(self) -> list[Event]:
        """The events by time; equal times as written."""
        return sorted(self.events, key=lambda event: event.at_ms)

    def audited(self, conditions: Conditions | None = None, over_ms: float = 20_000) -> Auditor:
        """The auditor after the whole call."""
        auditor = Auditor(conditions)
        for event in self.in_order():
            auditor.observe(event)
        auditor.finish(over_ms)
        return auditor

    def broken(self, conditions: Conditions | None = None, over_ms: float = 20_000) -> set[str]:
        """Names of the laws which this call breaks."""
        return set(self.audited(conditions, over_ms).docket.counts)


def measure(
    story: Story, conditions: Conditions | None = None, over_ms: float = 20_000
) -> dict[str, list[float]]:
    """All samples of a story by metric; metrics without one are left out."""
    auditor = Auditor(conditions)
    books = (auditor.provenance, auditor.caller_audio, conditions)
    metrics = Metrics(*books, lost_audio=auditor.lost_audio)
    both = Chorus((auditor, metrics))
    for event in story.in_order():
        both.observe(event)
    both.finish(over_ms)
    return {name: samples.values for name, samples in metrics.samples.items() if samples.values}
