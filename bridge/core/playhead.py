"""Where the caller's ear is, in the continuous line of audio we have sent to Twilio.

Owns runs, marks and the measured round trip. Knows bytes of one timeline, not whose words they
are, and nothing of truncation. Positions are bytes since the stream began (`clear` does not reset
them).

Theory. Let ``out`` and ``back`` be the one-way latencies. Whatever we decide now takes effect at
Twilio at ``now + out`` (a `clear` stops the sound then), so "heard" means: played by that moment.

* A mark at position P that came back at ``t`` was reached at ``t - back``. If sound went on, the
  caller will have heard ``P + (now + out) - (t - back) = P + (now - t) + round trip``. Each mark of
  a run says the same thing, ``t - P`` = when the run's first byte would have come back, but for the
  jitter of its own way back: their mean is better than the last one.
* Before the first mark of a run is back: the first byte, sent at ``s``, sounded at ``s + out``, so
  the caller will have heard ``now - s``. The latencies cancel.
* A mark M that is not back bounds it: Twilio's messages come in order, so when the last one came,
  at ``m``, M had not been reached at ``m - back``; less than ``M + (now - m) + round trip`` will
  be heard. That is what notices a stall on the way out, where the clock runs and the sound does
  not.

A *run* is sound without a gap. If all that was sent will have been heard when the next piece
arrives, that piece begins a new run.

The round trip is measured where no sound is in the way: a mark sent into silence, and the marks
that Twilio returns at once after a `clear`. Until one of these came back, the first mark of a run
serves; it also contains Twilio's own start delay, if it has one.
"""

from collections import deque
from typing import Final

from bridge.core.mulaw import BYTES_PER_MS, BYTES_PER_S, whole_ms

ROUND_TRIP_DEFAULT_S: Final = 0.12
"""Assumed until measured: Twilio's media edge is usually 20-80 ms away, each way."""

SAMPLES_MAX: Final = 9
"""The round trip is the mean of the middle third of so many latest measurements."""

PROBE_PATIENCE_S: Final = 2.0
"""A probe that has not come back after this time is given up."""

LAGS_MAX: Final = 12
"""So many latest marks of a run say where it is: about a second of sound."""

LAG_JUMP_S: Final = 0.15
"""A mark so far from the others shows a stall or another latency: they no longer count."""

SURELY_UNHEARD_BYTES: Final = 500 * BYTES_PER_MS
"""A `clear` with so much unheard finds the last mark certainly not reached by playing."""


class Playhead:
    """The books of one stream: what was sent, which marks came back, what must have been heard."""

    def __init__(self) -> None:
        self.sent = 0
        self.acked = 0
        self._lags: deque[float] = deque(maxlen=LAGS_MAX)
        self._lag = 0.0  # their mean
        self._marks: dict[str, int] = {}
        self._run_base = 0
        self._run_began = 0.0
        self.inbound_at = 0.0
        self._probe: tuple[str, float] | None = None
        self._cleared: tuple[str, float] | None = None
        self._round_trips: deque[float] = deque(maxlen=SAMPLES_MAX)
        self._run_round_trips: deque[float] = deque(maxlen=SAMPLES_MAX)
        self.round_trip_s = ROUND_TRIP_DEFAULT_S
        """The best estimate of ``out + back``; never negative."""

    # -------------------------------------------------------------------- what happens
    def inbound(self, now: float) -> None:
        """Any message came from Twilio: marks it would have sent before are not coming."""
        self.inbound_at = now

    def send(self, size_bytes: int, now: float) -> None:
        """Audio goes out."""
        if self.heard(now) >= self.sent:
            self._run_base = self.sent
            self._run_began = now
            self._lags.clear()
        self.sent += size_bytes
        self._probe = None  # a probe behind sound would measure the sound

    def mark(self, name: str) -> None:
        """A mark goes out behind all audio so far."""
        self._marks[name] = self.sent

    def probe(self, name: str, now: float) -> None:
        """A mark goes out into silence, to measure the round trip."""
        self._probe = (name, now)

    def reached(self, name: str, now: float) -> bool:
        """A mark came back. False: it is not of this generation, or of nobody."""
        if self._probe is not None and name == self._probe[0]:
            self._measured(self._round_trips, now - self._probe[1])
            self._probe = None
            return True
        if self._cleared is not None and name == self._cleared[0]:
            self._measured(self._round_trips, now - self._cleared[1])
            self._cleared = None
        if name not in self._marks:
            return False
        while (earlier := next(iter(self._marks))) != name:
            del self._marks[earlier]  # marks come in order: this one is lost
        position = self._marks.pop(name)
        if self.acked <= self._run_base < position:
            sounded_s = (position - self._run_base) / BYTES_PER_S
            self._measured(self._run_round_trips, now - self._run_began - sounded_s)
        self.acked = position
        if position > self._run_base:
            self._heed(now - (position - self._run_base) / BYTES_PER_S)
        return True

    def _heed(self, lag: float) -> None:
        """A mark says when the run's first byte would have come back."""
        if self._lags and abs(lag - self._lag) > LAG_JUMP_S:
            self._lags.clear()
        self._lags.append(lag)
        self._lag = sum(self._lags) / len(self._lags)

    def _measured(self, samples: deque[float], round_trip_s: float) -> None:
        samples.append(round_trip_s)
        ordered = sorted(self._round_trips or self._run_round_trips)
        outer = len(ordered) // 3
        middle = ordered[outer : len(ordered) - outer]
        self.round_trip_s = max(0.0, sum(middle) / len(middle))

    def clear(self, now: float) -> None:
        """A `clear` goes out: nothing sent so far will be heard, and its marks mean nothing."""
        if self._marks and self.sent - self.heard(now) >= SURELY_UNHEARD_BYTES:
            self._cleared = (next(reversed(self._marks)), now)
        self._marks.clear()
        self.acked = self._run_base = self.sent
        self._lags.clear()

    # -------------------------------------------------------------------- what follows
    @property
    def measured(self) -> bool:
        """`round_trip_s` is more than an assumption."""
        return bool(self._round_trips or self._run_round_trips)

    @property
    def well_measured(self) -> bool:
        """There are as many measurements of the round trip as are used."""
        return len(self._round_trips) == SAMPLES_MAX

    def probing(self, now: float) -> bool:
        """A probe is on its way."""
        return self._probe is not None and now < self._probe[1] + PROBE_PATIENCE_S

    @property
    def marks_out(self) -> bool:
        """A mark behind audio has not come back yet."""
        return bool(self._marks)

    def heard(self, now: float) -> int:
        """The position up to which the caller will have heard when something sent now arrives."""
        position = min(self._by_clock(now), self._limit(now), self.sent)
        return max(self.acked, position)

    def remaining_s(self, now: float) -> float:
        """How long what was sent will still sound."""
        return (self.sent - self.heard(now)) / BYTES_PER_S

    def explain(self, now: float) -> str:
        """Say in words how `heard` came about; milliseconds of the timeline."""
        if self._lags:
            since = round((now - self._lag) * 1000) - whole_ms(self.acked - self._run_base)
            trip = round(self.round_trip_s * 1000)
            sum_ = f"acked {whole_ms(self.acked)} + {since} since + {trip} round trip"
        else:
            since = round((now - self._run_began) * 1000)
            sum_ = f"run from {whole_ms(self._run_base)} + {since} since, no mark back yet"
        limit = self._limit(now)
        mark = f", next mark missing at {whole_ms(limit)}" if limit < self._by_clock(now) else ""
        return f"{whole_ms(self.heard(now))} = {sum_}{mark}, clamped to sent {whole_ms(self.sent)}"

    def _by_clock(self, now: float) -> int:
        if self._lags:
            return self._run_base + _bytes(now - self._lag + self.round_trip_s)
        return self._run_base + _bytes(now - self._run_began)

    def _limit(self, now: float) -> int:
        if not self._marks:
            return self.sent
        missing = next(iter(self._marks.values()))
        return missing + _bytes(now - self.inbound_at + self.round_trip_s)


def _bytes(duration_s: float) -> int:
    return round(duration_s * BYTES_PER_S)
