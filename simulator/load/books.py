"""What a run measured: histograms, errors by kind, and whether it is being recorded yet.

Owns the names and units of a load run's metrics. Judges nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from simulator.load.histogram import Histogram

METRICS: Final = {
    "relay_up_ms": "caller frame sent on the stream -> the same frame complete at the model",
    "relay_down_ms": "model delta sent -> its first byte on the stream",
    "response_latency_ms": "caller's last speech sample -> first audio of the answer",
    "connect_ms": "webhook asked -> the stream accepts",
    "session_ms": "stream started -> its Realtime session is configured",
    "caller_audio_lost_ms": "of each call: caller audio that never reached the model",
    "agent_audio_lost_ms": "of each call: model audio that never reached the phone",
    "bridge_cpu_percent": "of each second: the bridge's processes, 100 = one processor",
    "bridge_cpu_percent_per_call": "the same per call, over the measured time",
    "bridge_memory_mib": "of each second: the bridge's processes",
    "bridge_memory_kib_per_call": "growth from before the first call, per call",
    "errors": "calls that went wrong, and wrongs within a call",
    "leaked_sessions": "Realtime sessions still open 5 s after the caller hung up",
    "calls": "calls that were up",
    "send_late_ms": "our own: how late caller frames were sent",
}
"""Name -> meaning; `count` and, of all others, percentiles."""
COUNTED: Final = ("errors", "leaked_sessions", "calls")
KINDS_MAX: Final = 100


@dataclass(slots=True)
class Wrong:
    """One kind of error: how often, and the first of them in words."""

    count: int
    example: str


class Books:
    """Written by every call. Latencies count while `recording`, errors and losses always."""

    def __init__(self) -> None:
        self.recording = False
        self.relay_up_ms = Histogram()
        self.relay_down_ms = Histogram()
        self.response_latency_ms = Histogram()
        self.connect_ms = Histogram()
        self.session_ms = Histogram()
        self.caller_audio_lost_ms = Histogram()
        self.agent_audio_lost_ms = Histogram()
        self.send_late_ms = Histogram()
        self.errors: dict[str, Wrong] = {}
        self.totals: Counter[str] = Counter()
        """frames_sent, frames_received, frames_untagged, frames_repeated, deltas_sent ..."""

    def wrong(self, kind: str, text: str) -> None:
        """Something went wrong; `kind` is a word of ours, or ours with a code."""
        known = self.errors.get(kind)
        if known is not None:
            known.count += 1
        elif len(self.errors) < KINDS_MAX:
            self.errors[kind] = Wrong(1, text)

    @property
    def error_count(self) -> int:
        """All of them."""
        return sum(each.count for each in self.errors.values())

    def lost_percent(self, way: str) -> float:
        """Of all audio sent `up` or `down`, in percent."""
        sent = self.totals[f"{way}_bytes"]
        return 100 * self.totals[f"{way}_bytes_lost"] / sent if sent else 0.0
