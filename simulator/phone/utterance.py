"""What a step or a recording puts into the caller's mouth: one sound, with the speech in it.

Owns joining clips, their level, and where speech begins and ends. Knows no time of the call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.scenario.format import Replay, Say
from simulator.sound import BYTES_PER_MS, FRAME_BYTES, Clip, decode, encode, load_clip, loud

TURN_GAP_MS = 700.0
"""A pause so long separates two turns of a recording without annotations."""

Speech = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Utterance:
    """`audio` is mu-law; `speech` are (from, to) in ms from its beginning, possibly none."""

    name: str
    audio: bytes
    speech: tuple[Speech, ...]
    words: str = ""

    @property
    def duration_ms(self) -> float:
        """How long it plays."""
        return len(self.audio) / BYTES_PER_MS


def of_say(say: Say) -> Utterance:
    """The clips of a step, one after the other, spoken as one utterance."""
    clips = [load_clip(path) for path in say.clips]
    audio = b"".join(clip.audio for clip in clips)
    name = "+".join(clip.name for clip in clips)
    words = " ".join(clip.words for clip in clips if clip.words[:1] not in ("", "["))
    return Utterance(name, _louder(audio, say.gain_db), _joined(clips), words)


def of_replay(replay: Replay) -> Utterance:
    """A recorded caller's side with its turns: the annotated ones, else measured ones."""
    clip = load_clip(replay.clip)
    turns: tuple[Speech, ...] = tuple((turn.start_ms, turn.end_ms) for turn in replay.turns)
    turns = turns or measured_turns(clip.audio)
    return Utterance(clip.name, _louder(clip.audio, replay.gain_db), turns)


def measured_turns(audio: bytes) -> tuple[Speech, ...]:
    """Stretches of audible sound, pauses below 700 ms included."""
    turns: list[list[float]] = []
    for at in range(0, len(audio), FRAME_BYTES):
        frame = audio[at : at + FRAME_BYTES]
        if not loud(frame):
            continue
        from_ms, to_ms = at / BYTES_PER_MS, (at + len(frame)) / BYTES_PER_MS
        if turns and from_ms - turns[-1][1] < TURN_GAP_MS:
            turns[-1][1] = to_ms
        else:
            turns.append([from_ms, to_ms])
    return tuple((from_ms, to_ms) for from_ms, to_ms in turns)


def _joined(clips: Sequence[Clip]) -> tuple[Speech, ...]:
    """From the first clip's first word to the last one's last; nothing for a cough.

    The sound library writes a noise's words in brackets: "[one cough]".
    """
    before_ms, bounds = 0.0, list[float]()
    for clip in clips:
        if not clip.words.startswith("[") and clip.speech_start_ms < clip.speech_end_ms:
            bounds += [before_ms + clip.speech_start_ms, before_ms + clip.speech_end_ms]
        before_ms += clip.duration_ms
    return ((bounds[0], bounds[-1]),) if bounds else ()


def _louder(audio: bytes, gain_db: float) -> bytes:
    if not gain_db:
        return audio
    samples = decode(audio).astype(np.float64) * 10 ** (gain_db / 20)
    return encode(np.clip(np.rint(samples), -32768, 32767).astype(np.int16))
