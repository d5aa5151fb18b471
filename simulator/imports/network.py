"""What the links did to a recorded call: round trips, jitter, stalls, breaks.

Owns these estimates. They are taken at the bridge, so a delay of both directions is halved:

* Twilio's round trip: the soonest return of a mark which had nothing to wait for (one on the empty
  buffer, and the last one which a `clear` brings back).
* Jitter of the caller's frames: how much later than their timestamps say they came, stalls aside.
* A stall: frames which come in a burst after a gap, all later than their timestamps say.
* REST: from the wish to release the line until the stream's `stop`, all of it one way.
* Realtime's round trip: the soonest answer to an event that is answered at once.

Delays towards Twilio cannot be told from playing, and are not seen. Knows no scenario.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from simulator.imports.flight_record import Moment

STALL_GAP_MS: Final = 200.0
STALL_LAG_MS: Final = 150.0
JITTER_MS_MIN: Final = 2.0
JITTER_MS_MAX: Final = STALL_LAG_MS / 2
LATENCY_MS_MAX: Final = 400.0
REST_MS_MAX: Final = 5_000.0
FRAME_MS: Final = 20.0

_STOP: Final = ("twilio", "in", "stop")
_ANSWERS: Final = {
    "session.update": "session.updated",
    "conversation.item.truncate": "conversation.item.truncated",
    "response.create": "response.created",
}


@dataclass(frozen=True, slots=True)
class Stall:
    """Nothing came from Twilio from `at_ms` on, for `for_ms`; then all of it."""

    at_ms: float
    for_ms: float


@dataclass(frozen=True, slots=True)
class Links:
    """Both links. Latencies are one way; None = the record does not tell."""

    twilio_latency_ms: float | None
    twilio_jitter_ms: float
    stalls: tuple[Stall, ...]
    realtime_latency_ms: float | None
    rest_latency_ms: float | None = None


def links_of(moments: Sequence[Moment]) -> Links:
    """What can be told of the links."""
    frames = [
        (moment.at_ms, moment.at_ms - float(moment.message.get("timestamp", 0.0)))
        for moment in moments
        if (moment.leg, moment.way, moment.kind) == ("twilio", "in", "media")
    ]
    stalls, late = _stalls(frames)
    steady = sorted(lag for at_ms, lag in frames if at_ms not in late)
    jitter_ms = (steady[int(0.95 * (len(steady) - 1))] - steady[0]) / 2 if steady else 0.0
    return Links(
        twilio_latency_ms=_half(_mark_returns(moments)),
        twilio_jitter_ms=min(jitter_ms, JITTER_MS_MAX) if jitter_ms >= JITTER_MS_MIN else 0.0,
        stalls=stalls,
        realtime_latency_ms=_half(_answers(moments)),
        rest_latency_ms=_release(moments, _half(_mark_returns(moments)) or 0.0),
    )


def _release(moments: Sequence[Moment], twilio_latency_ms: float) -> float | None:
    """From the bridge's wish to release the line until Twilio knew, by the stream's `stop`."""
    asked_ms: float | None = None
    for moment in moments:
        if (moment.leg, moment.kind) == ("call", "release_line"):
            asked_ms = moment.at_ms
        elif asked_ms is not None and (moment.leg, moment.way, moment.kind) == _STOP:
            return min(max(moment.at_ms - asked_ms - twilio_latency_ms, 0.0), REST_MS_MAX)
    return None


def _half(round_trips_ms: Sequence[float]) -> float | None:
    return min(min(round_trips_ms) / 2, LATENCY_MS_MAX) if round_trips_ms else None


def _stalls(frames: Sequence[tuple[float, float]]) -> tuple[tuple[Stall, ...], set[float]]:
    """The stalls, and when the frames came that were held up by one."""
    if not frames:
        return (), set()
    usual_ms = sorted(lag for _, lag in frames)[len(frames) // 2]
    stalls, late, stalled = [], set(), False
    for (before_ms, _), (at_ms, lag) in pairwise(frames):
        if at_ms - before_ms >= STALL_GAP_MS and lag - usual_ms >= STALL_LAG_MS:
            # Frames come every 20 ms: the line was shut by the time the next one was due.
            stalls.append(Stall(before_ms + FRAME_MS / 2, at_ms - before_ms - FRAME_MS / 2))
            stalled = True
        stalled = stalled and lag - usual_ms >= FRAME_MS
        if stalled:
            late.add(at_ms)
    return tuple(stalls), late


def _mark_returns(moments: Sequence[Moment]) -> list[float]:
    waiting: dict[str, float] = {}
    cleared: dict[str, float] = {}
    returns, sounded = [], False
    for moment in moments:
        if moment.leg != "twilio":
            continue
        name = str(moment.message.get("name", ""))
        match moment.way, moment.kind:
            case "out", "media":
                sounded = True
            case "out", "mark" if sounded:
                waiting[name] = moment.at_ms
            case "out", "mark":
                cleared[name] = moment.at_ms
            case "out", "clear":
                # Earlier ones may have been played just before the clear got there.
                cleared |= dict.fromkeys(list(waiting)[-1:], moment.at_ms)
                waiting.clear()
            case "in", "mark":
                waiting.pop(name, None)
                if name in cleared:
                    returns.append(moment.at_ms - cleared.pop(name))
    return returns


def _answers(moments: Sequence[Moment]) -> list[float]:
    asked: dict[str, float] = {}
    took = []
    for moment in moments:
        if moment.leg != "realtime":
            continue
        if moment.way == "out" and moment.kind in _ANSWERS:
            asked[_ANSWERS[moment.kind]] = moment.at_ms
        elif moment.way == "in" and moment.kind in asked:
            took.append(moment.at_ms - asked.pop(moment.kind))
    return took
