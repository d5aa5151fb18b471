"""What happened in a recorded call: when the stream began, each response with its deltas, the end.

Owns putting the messages of a record together. All times are milliseconds of the record's clock.
Knows neither scenarios nor today's bridge.
"""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from simulator.imports.flight_record import FlightRecord, Moment, UnusableRecord

Asker = Literal["greeting", "turn", "request"]

_BETA = {
    "response.audio.delta": "response.output_audio.delta",
    "response.audio.done": "response.output_audio.done",
    "response.audio_transcript.done": "response.output_audio_transcript.done",
}


@dataclass(slots=True)
class SpokenItem:
    """One spoken item: (time, audio) of each delta, and its transcript, numbers masked."""

    item_id: str
    index: int
    deltas: list[tuple[float, bytes]] = field(default_factory=list)
    words: str = ""

    @property
    def audio(self) -> bytes:
        """All of it, as the session encodes it."""
        return b"".join(piece for _, piece in self.deltas)


@dataclass(slots=True)
class RecordedCall:
    """A function call. `arguments` is JSON as the model wrote it, numbers masked."""

    name: str
    arguments: str
    at_ms: float
    index: int


@dataclass(slots=True)
class RecordedResponse:
    """A response. `asked_ms`: when it was asked for, or the caller's turn was taken."""

    response_id: str
    asker: Asker
    asked_ms: float
    created_ms: float
    done_ms: float | None = None
    status: str = "in_progress"
    reason: str = ""
    code: str = ""
    items: list[SpokenItem] = field(default_factory=list)
    calls: list[RecordedCall] = field(default_factory=list)


@dataclass(slots=True)
class Story:
    """All of it. `reason` is the bridge's own word for the end; "" = the record has no end."""

    started_ms: float
    responses: list[RecordedResponse]
    ended_ms: float
    reason: str = ""
    stopped: bool = False
    """Twilio said `stop`; otherwise the stream broke, or the bridge closed it."""
    keys: int = 0


def story_of(record: FlightRecord) -> Story:
    """What happened.

    Raises:
        UnusableRecord: the stream never began.
    """
    moments = record.moments
    starts = [moment.at_ms for moment in moments if _is(moment, "twilio", "in", "start")]
    if not starts:
        raise UnusableRecord("the media stream never began: there is no call in this record")
    teller = _Teller()
    for moment in moments:
        if moment.leg == "realtime" and moment.way != "note":
            teller.take(moment)
    ends = [moment for moment in moments if _is(moment, "call", "note", "call_ended")]
    return Story(
        started_ms=starts[0],
        responses=teller.responses,
        ended_ms=ends[-1].at_ms if ends else moments[-1].at_ms,
        reason=str(ends[-1].message.get("reason", "")) if ends else "",
        stopped=any(_is(moment, "twilio", "in", "stop") for moment in moments),
        keys=sum(_is(moment, "twilio", "in", "dtmf") for moment in moments),
    )


def audio_of(message: dict[str, Any]) -> bytes:
    """The audio in a message of a record; nothing if it is not there."""
    try:
        return base64.b64decode(message.get("audio", ""), validate=True)
    except (binascii.Error, TypeError, ValueError):
        return b""


def _is(moment: Moment, leg: str, way: str, kind: str) -> bool:
    return (moment.leg, moment.way, moment.kind) == (leg, way, kind)


class _Teller:
    """Follows the Realtime session."""

    def __init__(self) -> None:
        self.responses: list[RecordedResponse] = []
        self._by_id: dict[str, RecordedResponse] = {}
        self._asked: dict[str, float] = {}  # by the event_id of response.create
        self._committed_ms: float | None = None
        self._has_turn = False

    def take(self, moment: Moment) -> None:
        kind = _BETA.get(moment.kind, moment.kind)
        message = moment.message
        if moment.way == "out":
            if kind == "response.create":
                self._asked[str(message.get("event_id"))] = moment.at_ms
            return
        match kind:
            case "input_audio_buffer.committed":
                self._committed_ms, self._has_turn = moment.at_ms, True
            case "response.created":
                self._created(_part(message, "response"), moment.at_ms)
            case "response.output_audio.delta":
                self._item(message).deltas.append((moment.at_ms, audio_of(message)))
            case "response.output_audio_transcript.done":
                self._item(message).words = str(message.get("transcript") or "")
            case "response.output_item.done":
                self._item_done(message, moment.at_ms)
            case "response.done":
                self._done(_part(message, "response"), moment.at_ms)
            case "error":
                self._asked.pop(str(_part(message, "error").get("event_id")), None)

    def _created(self, head: dict[str, Any], at_ms: float) -> None:
        asker: Asker = "turn"
        asked_ms = self._committed_ms if self._committed_ms is not None else at_ms
        if self._asked:
            oldest = next(iter(self._asked))
            asked_ms = self._asked.pop(oldest)
            asker = "request" if self._has_turn or self.responses else "greeting"
        else:
            self._committed_ms = None
        response = RecordedResponse(str(head.get("id")), asker, asked_ms, at_ms)
        self._by_id[response.response_id] = response
        self.responses.append(response)

    def _response(self, response_id: object) -> RecordedResponse:
        """The response; one whose beginning the record lacks is kept apart."""
        unknown = RecordedResponse(str(response_id), "turn", 0.0, 0.0)
        return self._by_id.setdefault(str(response_id), unknown)

    def _item(self, message: dict[str, Any]) -> SpokenItem:
        response, item_id = self._response(message.get("response_id")), str(message.get("item_id"))
        for item in response.items:
            if item.item_id == item_id:
                return item
        item = SpokenItem(item_id, int(message.get("output_index") or 0))
        response.items.append(item)
        return item

    def _item_done(self, message: dict[str, Any], at_ms: float) -> None:
        item = _part(message, "item")
        if item.get("type") == "function_call" and item.get("status") == "completed":
            call = RecordedCall(
                str(item.get("name")),
                str(item.get("arguments") or "{}"),
                at_ms,
                int(message.get("output_index") or 0),
            )
            self._response(message.get("response_id")).calls.append(call)

    def _done(self, head: dict[str, Any], at_ms: float) -> None:
        response = self._response(head.get("id"))
        details = _part(head, "status_details")
        response.done_ms, response.status = at_ms, str(head.get("status"))
        response.reason = str(details.get("reason") or "")
        response.code = str(_part(details, "error").get("code") or "server_error")


def _part(message: dict[str, Any], name: str) -> dict[str, Any]:
    part = message.get(name)
    return part if isinstance(part, dict) else {}


def spoken(responses: Iterable[RecordedResponse]) -> list[SpokenItem]:
    """All items that sounded, in the order of their first delta."""
    items = [item for response in responses for item in response.items if item.deltas]
    return sorted(items, key=lambda item: item.deltas[0][0])
