"""What the model sounds like: one stream without a pause, of speech and of silence.

Owns the stream's clock and what is being said. Knows no event: it is told what to say, and tells
each piece and each stretch of words. Its clock is what the model hears: without input it stands.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from simulator.model.formats import Encoding
from simulator.model.generation import pieces_of_text
from simulator.model.timing import Alarms

# fidelity: observed gpt-live.md 4 - a piece of output is 100 ms of sound
PIECE_MS: Final = 100.0
# fidelity: observed gpt-live.md 4 - words come in steps of 200 ms of the session
WORDS_EVERY_MS: Final = 200.0
CLICK_SAMPLES: Final = 4


@dataclass(slots=True)
class Utterance:
    """Something to be said. `done` is called when it was said, or broken off (False)."""

    name: str
    audio: bytes
    words: str
    begun: Callable[[], None]
    done: Callable[[bool], None]
    said: int = 0
    told: int = 0

    @property
    def whole(self) -> bool:
        """All of it has been said."""
        return self.said >= len(self.audio)


class Voice:
    """One session's output.

    Args:
        alarms: the session's timers.
        encoding: of the session.
        silence: one sample of it.
        click: one sample that can be heard.
        piece: told each piece with the utterance it belongs to, if any.
        words: told words, with the times they belong to.
    """

    def __init__(
        self,
        alarms: Alarms,
        encoding: Encoding,
        silence: bytes,
        click: bytes,
        piece: Callable[[bytes, str], None],
        words: Callable[[str, float, float], None],
    ) -> None:
        self._alarms = alarms
        self._size = round(PIECE_MS) * encoding.bytes_per_ms
        self._silence = silence * (self._size // len(silence))
        self._click = click * CLICK_SAMPLES
        self._bytes_per_ms = encoding.bytes_per_ms
        self._piece = piece
        self._words = words
        self._waiting: deque[Utterance] = deque()
        self._now: Utterance | None = None
        self._heard_ms = 0.0
        self._due_ms = 0.0
        self._running = False
        self.clock_ms = 0.0
        """How much has been sent: the session's timeline."""

    @property
    def speaking(self) -> bool:
        """Whether something is being said."""
        return self._now is not None

    def begin(self) -> None:
        """The session has started."""
        self._due_ms = self._alarms.now_ms
        self._running = False

    def hear(self, duration_ms: float) -> None:
        """The model has heard so much more."""
        self._heard_ms += duration_ms
        if not self._running:
            self._go_on()

    def say(self, utterance: Utterance) -> None:
        """Say this, after what is being said."""
        self._waiting.append(utterance)

    def break_off(self) -> None:
        """Say nothing more of what is being said."""
        now, self._now = self._now, None
        if now is not None:
            now.done(False)

    # -- the stream ----------------------------------------------------------------

    def _go_on(self) -> None:
        # fidelity: observed gpt-live.md 4 - output is paced as it plays, silence included, and
        #   stands still while nothing is heard
        self._running = False
        if self._heard_ms < self.clock_ms + PIECE_MS:
            return
        now_ms = self._alarms.now_ms
        if now_ms < self._due_ms:
            self._wait(self._due_ms - now_ms)
            return
        self._send()
        self._due_ms = max(self._due_ms + PIECE_MS, now_ms)
        self._wait(max(0.0, self._due_ms - now_ms))

    def _wait(self, delay_ms: float) -> None:
        self._running = True
        self._alarms.after(delay_ms, self._go_on)

    def _send(self) -> None:
        if self._now is None and self._waiting:
            self._now = self._waiting.popleft()
            self._now.begun()
        now = self._now
        self.clock_ms += PIECE_MS
        if now is None:
            # fidelity: observed gpt-live.md 4 - silence is digital, but for a click at the start
            is_first = self.clock_ms == PIECE_MS
            click = self._click if is_first else b""
            self._piece(click + self._silence[len(click) :], "")
            return
        audio = now.audio[now.said : now.said + self._size]
        now.said += len(audio)
        self._tell_words(now)
        self._piece(audio + self._silence[len(audio) :], now.name)
        if now.whole:
            self._now = None
            now.done(True)

    def _tell_words(self, now: Utterance) -> None:
        """The words of what has been said by now, in steps."""
        words = pieces_of_text(now.words)
        share = now.said / max(1, len(now.audio))
        due = len(words) if now.whole else int(len(words) * share)
        is_step = round(self.clock_ms) % round(WORDS_EVERY_MS) == 0
        if due > now.told and (is_step or now.whole):
            text, now.told = "".join(words[now.told : due]), due
            self._words(text, self.clock_ms - WORDS_EVERY_MS, self.clock_ms)
