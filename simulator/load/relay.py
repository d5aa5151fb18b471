"""How long audio takes through the bridge, and what of it is lost: one book a call and direction.

Owns the matching of what was sent with what came out. Caller frames are matched by the mark they
bear (`tag`), so a frame that is lost or joined with others is not mistaken for a late one; without
marks, and for the model's audio, by the place in the stream. Knows no wire. Times are seconds of
one clock, sizes are bytes of μ-law whatever the session's format.
"""

from __future__ import annotations

from array import array
from collections import deque
from math import inf
from typing import Final

from simulator.load.books import Books
from simulator.load.tag import FRAMES
from simulator.sound import BYTES_PER_MS, FRAME_BYTES, FRAME_MS

IN_FLIGHT_S: Final = 0.5
"""What was sent so shortly before the end may still be under way: it is not called lost."""


class UpRelay:
    """The caller's frames, from the phone to the model."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._sent_s = array("d", bytes(8 * FRAMES))
        self._sent = 0
        self._expected = 0
        self._lost = 0
        self._bears_tags = False
        self._ready_s: float | None = None

    @property
    def ready(self) -> bool:
        """Whether the session has been configured."""
        return self._ready_s is not None

    def configured(self, now_s: float) -> None:
        """The session is ready: what was said before waited for it, and tells no latency."""
        self._ready_s = now_s

    def sent(self, now_s: float) -> int:
        """A frame goes out; its number."""
        number = self._sent
        self._sent_s[number % FRAMES] = now_s
        self._sent = number + 1
        return number

    def arrived(self, tag: int | None, now_s: float) -> None:
        """A whole frame came out, with the number it bears."""
        if tag is not None:
            self._bears_tags = True
            gap = (tag - self._expected) % FRAMES
            if gap > FRAMES // 2 or self._expected + gap >= self._sent:
                self._books.totals["frames_repeated"] += 1
                return
            self._lost += gap
            self._expected += gap
        elif self._bears_tags or self._expected >= self._sent:
            self._books.totals["frames_added"] += 1
            return
        sent_s = self._sent_s[self._expected % FRAMES]
        self._expected += 1
        if self._books.recording and self._ready_s is not None and sent_s >= self._ready_s:
            self._books.relay_up_ms.add((now_s - sent_s) * 1000)

    def close(self, ended_s: float) -> None:
        """The call is over: what had time to arrive and did not is lost."""
        if self._ready_s is None:
            return
        in_time = self._sent
        while in_time > self._expected and (
            self._sent - in_time < FRAMES
            and self._sent_s[(in_time - 1) % FRAMES] > ended_s - IN_FLIGHT_S
        ):
            in_time -= 1
        lost = self._lost + max(0, in_time - self._expected)
        self._books.caller_audio_lost_ms.add(lost * FRAME_MS)
        self._books.totals["up_bytes"] += in_time * FRAME_BYTES
        self._books.totals["up_bytes_lost"] += lost * FRAME_BYTES


class DownRelay:
    """The model's audio, from the model to the phone; each response begins anew."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._deltas: deque[tuple[int, float]] = deque()
        """Of those that have not begun to arrive: where in the response, and when sent."""
        self._latest = (0, -inf)
        self._sent = 0
        self._received = 0
        self._sent_in_all = 0
        self._lost = 0
        self._cut = False

    def begin(self) -> None:
        """A new response: whatever of the last one has not come will not come."""
        self._settle(self._sent)

    def interrupted(self) -> None:
        """The response under way was cancelled: a bridge may drop what it has not passed on."""
        self._cut = True

    def sent(self, size: int, now_s: float) -> None:
        """A delta goes out."""
        self._latest = (self._sent, now_s)
        self._deltas.append(self._latest)
        self._sent += size
        self._sent_in_all += size

    def arrived(self, size: int, now_s: float) -> bool:
        """Media came. True: it is the beginning of a response."""
        first = self._received == 0 and self._sent > 0
        self._received += size
        while self._deltas and self._deltas[0][0] < self._received:
            _, sent_s = self._deltas.popleft()
            if self._books.recording:
                self._books.relay_down_ms.add((now_s - sent_s) * 1000)
        return first

    def cleared(self) -> None:
        """The bridge stopped its voice: what is under way is meant to be dropped."""
        self._cut = True
        self._settle(self._sent)

    def close(self, ended_s: float) -> None:
        """The call is over."""
        under_way = [
            at for at, sent_s in (*self._deltas, self._latest) if sent_s > ended_s - IN_FLIGHT_S
        ]
        self._settle(under_way[0] if under_way else self._sent)
        self._books.agent_audio_lost_ms.add(self._lost / BYTES_PER_MS)
        self._books.totals["down_bytes"] += self._sent_in_all
        self._books.totals["down_bytes_lost"] += self._lost

    def _settle(self, in_time: int) -> None:
        """Of what was sent up to `in_time`: what has not come is lost, or was to be dropped."""
        missing = max(0, in_time - self._received)
        if self._cut:
            self._sent_in_all -= missing
        elif missing >= FRAME_BYTES:  # a bridge may keep less than a frame of an item's end
            self._lost += missing
        self._deltas.clear()
        self._latest = (0, -inf)
        self._sent = self._received = 0
        self._cut = False
