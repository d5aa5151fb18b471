"""What the model hears: turns, words of assent, interruptions, and the words it writes down.

Owns when the model falls silent for the caller and when it finds that it should answer. GPT-Live
tells none of this: only words come, late.
"""

from collections.abc import Callable
from typing import Final

from simulator.gpt_live.rooms import Rooms
from simulator.gpt_live.voice import Voice
from simulator.model.formats import Encoding
from simulator.model.generation import pieces_of_text
from simulator.model.input_audio import InputAudio
from simulator.speech import ServerVad, SpeechStarted

# fidelity: inferred gpt-live.md 4 - the model falls silent when the caller has spoken into it for
#   some 0.7 s; a shorter word of assent changes nothing
YIELDS_AFTER_MS: Final = 700.0
# fidelity: inferred gpt-live.md 4 - the model finds a turn to be over after half a second of
#   silence
PAUSE_MS: Final = 200
TURN_OVER_MS: Final = 300.0
# fidelity: observed gpt-live.md 4 - words of the caller come 0.6 to 1 s after they were said
WORDS_LATE_MS: Final = 700.0
WORDS_EVERY_MS: Final = 200.0
WORDS_AT_ONCE: Final = 3
UNKNOWN: Final = " …"
"""What is written down of words that the scenario does not tell before they are over."""


class Hearing:
    """One session's input. `on_turn` is told of each turn that the model answers."""

    def __init__(
        self, rooms: Rooms, encoding: Encoding, voice: Voice, on_turn: Callable[[], None]
    ) -> None:
        self._rooms = rooms
        self._voice = voice
        self._on_turn = on_turn
        self._input = InputAudio(rooms.setup.vad)
        self._input.configure(encoding, ServerVad(silence_duration_ms=PAUSE_MS))
        self._began_ms = 0
        self._speaking = False
        self._turn = 0
        self._counts = False

    def append(self, audio: bytes) -> None:
        """Hear this."""
        for edge in self._input.append(audio):
            if isinstance(edge, SpeechStarted):
                self._begin(edge.audio_start_ms)
            else:
                self._pause()

    def _begin(self, start_ms: int) -> None:
        self._turn += 1
        turn = self._turn
        if not self._speaking:
            self._began_ms = start_ms
            self._counts = not self._voice.speaking
        self._speaking = True
        self._rooms.alarms.after(YIELDS_AFTER_MS, lambda: self._yield(turn))
        self._rooms.alarms.after(WORDS_LATE_MS, lambda: self._write_along(turn))

    def _yield(self, turn: int) -> None:
        """The caller is still speaking: this is no word of assent."""
        if turn != self._turn or not self._input.speaking:
            return
        self._counts = True
        if self._voice.speaking:
            self._voice.break_off()
            self._rooms.note("yielded", {"at_ms": round(self._voice.clock_ms)})

    def _write_along(self, turn: int) -> None:
        if turn == self._turn and self._input.speaking:
            self._say(UNKNOWN, self._began_ms)
            self._rooms.alarms.after(WORDS_LATE_MS, lambda: self._write_along(turn))

    def _pause(self) -> None:
        turn = self._turn
        self._rooms.alarms.after(TURN_OVER_MS, lambda: self._over(turn))

    def _over(self, turn: int) -> None:
        if turn != self._turn or self._input.speaking:
            return
        self._speaking = False
        scripted = self._rooms.script.transcript()
        words = scripted.words if scripted is not None else self._rooms.words_heard()
        late_ms = WORDS_LATE_MS - TURN_OVER_MS
        began_ms = self._began_ms
        left = pieces_of_text(words) or [UNKNOWN]
        self._rooms.alarms.after(late_ms, lambda: self._write(left, began_ms))
        if self._counts:
            self._on_turn()

    def _write(self, left: list[str], began_ms: int) -> None:
        now, left = left[:WORDS_AT_ONCE], left[WORDS_AT_ONCE:]
        self._say("".join(now), began_ms)
        if left:
            after_ms = WORDS_EVERY_MS
            self._rooms.alarms.after(
                after_ms, lambda: self._write(left, began_ms + round(WORDS_EVERY_MS))
            )

    def _say(self, words: str, start_ms: int) -> None:
        end_ms = start_ms + round(WORDS_EVERY_MS)
        self._rooms.send(
            "session.input_transcript.delta", delta=words, start_ms=start_ms, end_ms=end_ms
        )
