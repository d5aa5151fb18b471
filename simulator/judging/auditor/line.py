"""Laws of the legs and of the line: closed means closed, released once, nothing leaked.

Owns when each leg was closed and when the line was released. Knows no audio.
"""

from simulator.judging import readings
from simulator.judging.auditor.docket import Docket
from simulator.judging.conditions import ROUNDING_MS, Conditions, Outages
from simulator.judging.observer import Observer
from simulator.judging.readings import in_words_ms
from simulator.trace import Event

STREAM_LIFECYCLE = frozenset({"31901", "31902", "31903", "31910", "31920", "31921"})
"""Twilio's words for a stream that could not begin or was closed; no message was at fault."""

LEAK_MS = 250.0
"""The Realtime socket must be closed this soon after the line's release, links not counted."""


class LineLaws(Observer):
    """Judges the end of the call, and Twilio's warnings."""

    def __init__(self, docket: Docket, conditions: Conditions, outages: Outages) -> None:
        super().__init__()
        self._docket = docket
        self._conditions = conditions
        self._outages = outages
        self._line_began = False
        self._released: list[float] = []
        self._open: dict[int, float] = {}
        self._leaked: list[tuple[float, float]] = []
        self._twilio_deaf_ms = float("inf")
        self._realtime_deaf_ms: dict[int, float] = {}
        for name in ("rang", "answered"):
            self.on(f"phone.{name}", self._rang)
        self.on("phone.ended", self._ended)
        self.on("twilio.sent", self._stopped, "stop")
        self.on("twilio.closed", self._stream_closed)
        self.on("twilio.received", self._to_twilio)
        self.on("twilio.warning", self._warning)
        self.on("bridge.left_behind", self._left_behind)
        self.on("realtime.upgraded", self._session_opened)
        self.on("realtime.closed", self._session_closed)
        self.on("realtime.received", self._to_realtime)

    def finish(self, at_ms: float) -> None:
        """Judge the line and every session that was open when it was released."""
        if len(self._released) > 1:
            moments = ", ".join(in_words_ms(moment) for moment in self._released)
            text = f"the line was released {len(self._released)} times"
            self._docket.charge(self._released[1], "line_released_once", text, moments)
        elif self._line_began and not self._released:
            text = "the line was still up when the run was over"
            self._docket.charge(at_ms, "line_released_once", text)
        if self._released:
            for opened_ms in self._open.values():
                self._leaked.append((max(self._released[0], opened_ms), float("inf")))
            for from_ms, closed_ms in self._leaked:
                self._judge_leak(from_ms, closed_ms, at_ms)

    # -- the line --------------------------------------------------------------------

    def _rang(self, _: Event) -> None:
        self._line_began = True

    def _ended(self, event: Event) -> None:
        if len(self._released) < 10:
            self._released.append(event.at_ms)

    def _judge_leak(self, from_ms: float, closed_ms: float, at_ms: float) -> None:
        conditions = self._conditions
        limit_ms = LEAK_MS + conditions.twilio_in.longest_ms + conditions.realtime_out.longest_ms
        over_ms = min(closed_ms, at_ms)
        if over_ms - from_ms <= limit_ms and closed_ms <= at_ms:
            return
        if self._outages.overlap(from_ms, over_ms, "twilio", "realtime"):
            return
        how = "was never closed" if closed_ms > at_ms else "was closed late"
        self._docket.charge(
            over_ms,
            "session_leaked",
            f"the Realtime socket {how}: {over_ms - from_ms:.0f} ms after the line's release",
            f"allowed {limit_ms:.0f} ms: {LEAK_MS:.0f} ms and the links",
        )

    def _left_behind(self, event: Event) -> None:
        serving = event.data.get("connections", 0)
        if serving:
            text = f"the bridge still serves {serving} connection(s) long after the call"
            self._docket.charge(event.at_ms, "session_leaked", text, detail="connections")

    # -- closed legs -------------------------------------------------------------------

    def _stopped(self, event: Event) -> None:
        self._deaf_from(event.at_ms + self._conditions.twilio_round_trip_ms + ROUNDING_MS)

    def _stream_closed(self, event: Event) -> None:
        by_bridge = event.data.get("by") == "bridge"
        under_way_ms = 0.0 if by_bridge else self._conditions.twilio_round_trip_ms + ROUNDING_MS
        self._deaf_from(event.at_ms + under_way_ms)

    def _deaf_from(self, at_ms: float) -> None:
        self._twilio_deaf_ms = min(self._twilio_deaf_ms, at_ms)

    def _to_twilio(self, event: Event) -> None:
        if event.at_ms <= self._twilio_deaf_ms:
            return
        if self._outages.overlap(self._twilio_deaf_ms, event.at_ms, "twilio"):
            return
        text = f"{event.data.get('event')} was sent on a media stream that is closed"
        closed = f"closed for the bridge since {in_words_ms(self._twilio_deaf_ms)}"
        self._docket.charge(event.at_ms, "closed_leg", text, closed, detail="twilio")

    def _session_opened(self, event: Event) -> None:
        connection = readings.connection(event.data)
        self._open[connection] = event.at_ms
        self._realtime_deaf_ms.pop(connection, None)

    def _session_closed(self, event: Event) -> None:
        connection = readings.connection(event.data)
        opened_ms = self._open.pop(connection, None)
        if opened_ms is not None and self._released:
            self._leaked.append((max(self._released[0], opened_ms), event.at_ms))
        by_bridge = event.data.get("by") == "bridge"
        under_way_ms = 0.0 if by_bridge else self._conditions.realtime_round_trip_ms + ROUNDING_MS
        self._realtime_deaf_ms[connection] = event.at_ms + under_way_ms

    def _to_realtime(self, event: Event) -> None:
        deaf_ms = self._realtime_deaf_ms.get(readings.connection(event.data))
        if deaf_ms is None or event.at_ms <= deaf_ms:
            return
        if self._outages.overlap(deaf_ms, event.at_ms, "realtime"):
            return
        text = f"{event.data.get('type')} was sent on a Realtime session that is closed"
        self._docket.charge(event.at_ms, "closed_leg", text, detail="realtime")

    # -- Twilio's warnings ---------------------------------------------------------------

    def _warning(self, event: Event) -> None:
        code = str(event.data.get("code"))
        if code in STREAM_LIFECYCLE:
            return
        if code == "31930" and self._outages.overlap(event.at_ms, event.at_ms, "twilio"):
            return  # the line to the bridge is stalled, so the bridge cannot read
        text = f"Twilio warned {code}: {event.data.get('text', '')}"
        self._docket.charge(event.at_ms, "twilio_warning", text, detail=code)
