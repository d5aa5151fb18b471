"""A reply over time: which event of a response comes when.

Owns the order and the pace within one response. Knows no wire and no session: it tells a `Stage`
what to do, in beats whose times count from response.created.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec

from simulator import sound
from simulator.model.formats import Encoding, at_speed
from simulator.model.stage import Stage
from simulator.scenario.format import Delivery, Reply, ToolCall, Trickle

# fidelity: observed realtime.md 2.3 - three or four transcript deltas come before the first audio
HEAD_WORDS: Final = 4
TRANSCRIPT_LEAD: Final = 3
"""The transcript is complete after this fraction (one third) of the audio."""
OPEN_LEAD_MS: Final = 40.0
WORD_MS: Final = 20.0
ARGUMENTS_MS: Final = 12.0
ARGUMENTS_LENGTH: Final = 8


@dataclass(slots=True)
class Beat:
    """Something due `at_ms`. `is_delta`: one more piece of the item that is open."""

    at_ms: float
    do: Callable[[], None]
    is_delta: bool = False


@dataclass(slots=True)
class Spoken:
    """One item of speech, encoded as the session wants it."""

    audio: bytes
    words: str


@dataclass(slots=True)
class Pace:
    """How speech is cut into deltas, and when each of them is due."""

    encoding: Encoding
    delta_ms: float
    burst: float
    trickle: Trickle | None = None
    deliver: Delivery | None = None

    # fidelity: observed realtime.md 6 [knob: model.delta] - an audio delta holds 250 ms of speech
    def pieces(self, audio: bytes) -> list[bytes]:
        """The deltas of an item; each but the last holds whole samples of `delta_ms`."""
        size = max(1, round(self.delta_ms)) * self.encoding.bytes_per_ms
        return [audio[at : at + size] for at in range(0, len(audio), size)]

    def timed(self, number: int, audio: bytes, first_ms: float) -> list[tuple[float, bytes]]:
        """The deltas of item `number` with the times when they are due.

        What a recorded delivery leaves of the audio comes with its last delta.
        """
        recorded = self.deliver.items[number : number + 1] if self.deliver is not None else ()
        if not recorded or not recorded[0]:
            pieces = self.pieces(audio)
            return [(first_ms + self.due_ms(at), piece) for at, piece in enumerate(pieces)]
        timed, start = [], 0
        for at_ms, size in recorded[0]:
            end = start + size * self.encoding.bytes_per_ms // sound.BYTES_PER_MS
            timed.append((at_ms, audio[start:end]))
            start = end
        timed[-1] = (timed[-1][0], timed[-1][1] + audio[start:])
        return [(at_ms, piece) for at_ms, piece in timed if piece]

    def call_ms(self, number: int, start_ms: float, length: int) -> float:
        """When the arguments of call `number` begin to come, `length` pieces of them."""
        if self.deliver is None or number >= len(self.deliver.calls_ms):
            return start_ms
        return max(start_ms, self.deliver.calls_ms[number] - length * ARGUMENTS_MS)

    @property
    def cut_ms(self) -> float:
        """Until when the last item stays open, whatever comes of it."""
        return self.deliver.done_ms if self.deliver is not None and self.deliver.cut else 0.0

    # fidelity: inferred realtime.md 6 [knob: reply.burst] - speech is delivered faster than it
    #   plays
    def due_ms(self, index: int) -> float:
        """When delta `index` of an item is due, after its first."""
        made_ms = index * self.delta_ms
        pauses = 0 if self.trickle is None else made_ms // self.trickle.every_ms
        return made_ms / self.burst + (pauses * self.trickle.pause_ms if self.trickle else 0.0)


def pieces_of_text(words: str) -> list[str]:
    """The words one by one, as deltas bring them."""
    return re.findall(r"\s*\S+", words)


def _message(
    stage: Stage,
    spoken: Spoken,
    pieces: Sequence[tuple[float, bytes]],
    start_ms: float,
    first_ms: float,
    open_until_ms: float,
) -> Iterator[Beat]:
    """One item of speech whose first audio is due at `first_ms`; it may open at `start_ms`."""
    words = pieces_of_text(spoken.words)
    first_ms = pieces[0][0] if pieces else first_ms
    head = len(words) if not pieces else min(HEAD_WORDS, len(words))
    yield Beat(max(start_ms, first_ms - OPEN_LEAD_MS), stage.open_message)
    yield Beat(max(start_ms, first_ms - OPEN_LEAD_MS), partial(stage.speak, words[:head], b""))
    rest = words[head:]
    spread = max(1, len(pieces) // TRANSCRIPT_LEAD)
    share = -(-len(rest) // spread)
    at_ms = first_ms
    for index, (due_ms, piece) in enumerate(pieces):
        at_ms = due_ms
        now = rest[index * share : (index + 1) * share]
        yield Beat(at_ms, partial(stage.speak, now, piece), is_delta=True)
    yield Beat(max(at_ms, open_until_ms), partial(stage.close, "completed"))


def _text(stage: Stage, spoken: Spoken, start_ms: float) -> Iterator[Beat]:
    """One item of text, for a session without audio."""
    yield Beat(start_ms, stage.open_message)
    at_ms = start_ms
    for word in pieces_of_text(spoken.words):
        yield Beat(at_ms, partial(stage.speak, [word], b""), is_delta=True)
        at_ms += WORD_MS
    yield Beat(at_ms, partial(stage.close, "completed"))


def _call(stage: Stage, call: ToolCall, pace: Pace, number: int, start_ms: float) -> Iterator[Beat]:
    pieces = _argument_pieces(call)
    start_ms = pace.call_ms(number, start_ms, len(pieces))
    yield Beat(start_ms, partial(stage.open_call, call.name))
    at_ms = start_ms
    for piece in pieces:
        at_ms += ARGUMENTS_MS
        yield Beat(at_ms, partial(stage.argue, piece), is_delta=True)
    yield Beat(at_ms, partial(stage.close, "completed"))


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of a response: those `made`, of which some are `asked` about first.

    `approved`: calls on MCP servers that were asked about before, each with its request's id.
    """

    made: Sequence[ToolCall] = ()
    asked: Sequence[ToolCall] = ()
    approved: Sequence[tuple[ToolCall, str]] = ()


def _mcp_call(stage: Stage, call: ToolCall, request_id: str, start_ms: float) -> Iterator[Beat]:
    yield Beat(start_ms, partial(stage.open_mcp_call, call, request_id))
    at_ms = start_ms
    for piece in _argument_pieces(call):
        at_ms += ARGUMENTS_MS
        yield Beat(at_ms, partial(stage.argue, piece), is_delta=True)
    yield Beat(at_ms, stage.run_mcp_call)
    yield Beat(at_ms + call.takes_ms, partial(stage.end_mcp_call, call))


def _approved(stage: Stage, calls: Calls) -> Iterator[Beat]:
    at_ms = 0.0
    for call, request_id in calls.approved:
        for beat in _mcp_call(stage, call, request_id, at_ms):
            at_ms = beat.at_ms
            yield beat


def _performed(
    stage: Stage, call: ToolCall, calls: Calls, pace: Pace, number: int, start_ms: float
) -> Iterator[Beat]:
    """One of the calls: of a function, on an MCP server, or the question whether it may be made."""
    if call in calls.asked:
        asking = partial(stage.ask_approval, call, _arguments(call))
        return iter([Beat(start_ms, asking)])
    if call.server:
        return _mcp_call(stage, call, "", start_ms)
    return _call(stage, call, pace, number, start_ms)


def _argument_pieces(call: ToolCall) -> list[str]:
    arguments = _arguments(call)
    return [
        arguments[at : at + ARGUMENTS_LENGTH] for at in range(0, len(arguments), ARGUMENTS_LENGTH)
    ]


def _arguments(call: ToolCall) -> str:
    return msgspec.json.encode(dict(call.arguments)).decode()


def spoken_items(
    reply: Reply, clips: Callable[..., sound.Clip], encoding: Encoding, speed: float = 1.0
) -> list[Spoken]:
    """The reply's items as audio and words, spoken `speed` times as fast as the clips."""
    # fidelity: documented realtime.md 3.1 - speed is applied to what was generated
    # fidelity: inferred realtime.md 3.1 - so the audio is as much shorter or longer, and its words
    #   are the same
    items = []
    for item in reply.items:
        heard = [clips(path) for path in item.clips]
        silence = bytes([sound.SILENCE]) * round(item.silence_ms * sound.BYTES_PER_MS)
        audio = b"".join(clip.audio for clip in heard) + silence
        words = item.words or " ".join(clip.words for clip in heard)
        items.append(Spoken(encoding.of_mulaw(at_speed(audio, speed)), words))
    return items


def beats(
    stage: Stage,
    reply: Reply,
    spoken: Sequence[Spoken],
    calls: Calls,
    pace: Pace,
    *,
    is_text: bool,
) -> Iterator[Beat]:
    """All of a reply, in order of time; if it is cut short, without the end of its last item."""
    whole = _whole(stage, reply, spoken, calls, pace, is_text=is_text)
    if not reply.incomplete or not (spoken or calls.made):
        yield from whole
        return
    ahead = next(whole)
    for beat in whole:
        yield ahead
        ahead = beat


def _whole(
    stage: Stage,
    reply: Reply,
    spoken: Sequence[Spoken],
    calls: Calls,
    pace: Pace,
    *,
    is_text: bool,
) -> Iterator[Beat]:
    at_ms, first_ms = 0.0, reply.after_ms

    def played(performance: Iterator[Beat]) -> Iterator[Beat]:
        nonlocal at_ms
        for beat in performance:
            at_ms = beat.at_ms
            yield beat

    def speech() -> Iterator[Beat]:
        nonlocal first_ms
        for number, item in enumerate(spoken):
            if is_text:
                performance = _text(stage, item, first_ms)
            else:
                pieces = pace.timed(number, item.audio, first_ms)
                open_ms = pace.cut_ms if number == len(spoken) - 1 else 0.0
                performance = _message(stage, item, pieces, at_ms, first_ms, open_ms)
            yield from played(performance)
            first_ms = at_ms + pace.delta_ms / pace.burst

    def tools() -> Iterator[Beat]:
        nonlocal first_ms
        for number, call in enumerate(calls.made):
            start_ms = max(at_ms, 0.0 if spoken else first_ms)
            yield from played(_performed(stage, call, calls, pace, number, start_ms))
        first_ms = max(first_ms, at_ms)

    yield from played(_approved(stage, calls))
    first_ms = max(first_ms, at_ms)
    for act in (tools, speech) if reply.calls_first else (speech, tools):
        yield from act()
    done_ms = 0.0 if pace.deliver is None else pace.deliver.done_ms
    if (not spoken and not calls.made) or done_ms > at_ms:
        yield Beat(max(done_ms, at_ms) or first_ms, _nothing)


def _nothing() -> None:
    """An empty response still takes its time."""
