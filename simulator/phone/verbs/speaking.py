"""The verbs that sound or wait: Say, Play, Pause.

Owns how long each takes. What they sound like is `sounds`' business.
"""

from __future__ import annotations

from typing import ClassVar

from simulator.phone import sounds
from simulator.phone.http import resolve
from simulator.phone.verbs.attributes import KEYS, LOOP, SECONDS, TEXT, Attributes, schema_warning
from simulator.phone.verbs.verb import Stop, Then, Verb

MS_PER_WORD = sounds.WORD_MS
PLAY_MS = 3_000.0
"""How long a sound of unknown length takes; `<Play>` does not fetch it."""
LOOPS_MAX = 1000
"""Twilio's own most; also what loop="0" (for ever) means here."""
SAY_CHARACTERS = 4096


class Speaking(Verb):
    """A verb that may be repeated."""

    def loops(self) -> int:
        """How often: `loop`, where 0 is for ever."""
        return self.number("loop", 1) or LOOPS_MAX

    def play(self, audio: bytes, length_ms: float, then: Then) -> Stop:
        """Sound for `length_ms`, as often as `loop` says, and then go on."""
        lasts_ms = length_ms * self.loops()
        hush = self.line.sound(audio, lasts_ms)
        cancel = self.line.after(lasts_ms, then)

        def stop() -> None:
            hush()
            cancel()

        return stop


class Say(Speaking):
    """Speaks to the caller."""

    # fidelity: inferred twilio.md 3 - takes time by its words, 150 a minute
    # fidelity: inferred twilio.md 3 - more than 4096 characters warn, and are cut off
    attributes: ClassVar[Attributes] = {"voice": TEXT, "language": TEXT, "loop": LOOP}

    def run(self, then: Then) -> Stop:
        """Last as long as the words take."""
        words = " ".join("".join(self.element.itertext()).split())
        if len(words) > SAY_CHARACTERS:
            what = f"<Say> has {len(words)} characters, and {SAY_CHARACTERS} are allowed"
            schema_warning(self.line.warn, f"{what}. Say it in parts")
            words = words[:SAY_CHARACTERS]
        self.line.tell("Say", text=words)
        return self.play(sounds.WORD, len(words.split()) * MS_PER_WORD, then)


class Play(Speaking):
    """Plays a sound or digits."""

    # fidelity: inferred twilio.md 3 - a fixed length; the sound is not fetched, but a clip of
    #   `/fixtures/` is known
    attributes: ClassVar[Attributes] = {"loop": LOOP, "digits": KEYS}

    def run(self, then: Then) -> Stop:
        """Last as long as the digits, a clip that is known, or a fixed time."""
        digits = self.given.get("digits", "")
        written = (self.element.text or "").strip()
        if not digits and not written:
            schema_warning(self.line.warn, "<Play> has neither a URL nor digits. It is skipped")
            return self.line.after(0.0, then)
        url = resolve(self.url, written)
        self.line.tell("Play", **({"digits": digits} if digits else {"url": url}))
        if digits:
            return self.play(sounds.of_keys(digits), len(digits) * sounds.DIGIT_MS, then)
        clip = sounds.known_clip(url)
        if clip is not None:
            return self.play(clip.audio, clip.duration_ms, then)
        return self.play(sounds.UNKNOWN, PLAY_MS, then)


class Pause(Verb):
    """Waits."""

    # fidelity: documented twilio.md 3 - one second; as the first verb it delays the answer
    attributes: ClassVar[Attributes] = {"length": SECONDS}

    @property
    def answers(self) -> bool:
        """A call is not answered to wait."""
        return False

    def run(self, then: Then) -> Stop:
        """Last `length` seconds."""
        length_s = self.number("length", 1)
        self.line.tell("Pause", length=str(length_s))
        return self.line.after(length_s * 1000.0, then)
