"""Clips of μ-law telephone sound and what a listener would notice in them.

Owns reading WAV files and the question "is this audible". Knows nothing of calls. 8,000 samples a
second, one byte each: 8 bytes are a millisecond, 160 a frame of 20 ms (ITU-T G.711).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from ruamel.yaml import YAML

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
LIBRARY_MS_MIN = 2000
LIBRARY_MS_MAX = 6000
SAMPLES_PER_S = 8000
BYTES_PER_MS = 8
FRAME_MS = 20
FRAME_BYTES = BYTES_PER_MS * FRAME_MS
SILENCE = 0xFF
SILENT_FRAME = bytes([SILENCE]) * FRAME_BYTES
AUDIBLE_PEAK = 328
"""Of 32,768: 40 dB below full scale. Room tone and line noise stay below, speech does not."""


def _decode_table() -> NDArray[np.int16]:
    """G.711's μ-law expansion of each of the 256 bytes."""
    byte = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = (((byte & 0x0F) << 3) + 0x84 << ((byte & 0x70) >> 4)) - 0x84
    return np.where(byte & 0x80, -magnitude, magnitude).astype(np.int16)


PCM_OF_MULAW = _decode_table()
_LOW_BYTES = bytes(int(value) & 0xFF for value in PCM_OF_MULAW)
_HIGH_BYTES = bytes(int(value) >> 8 & 0xFF for value in PCM_OF_MULAW)
_QUIET = bytes(code for code, value in enumerate(PCM_OF_MULAW) if abs(int(value)) <= AUDIBLE_PEAK)


class ClipProblem(Exception):  # noqa: N818 - a problem of the file, told to its owner
    """A sound file that cannot be played into a call; says what it is and what is needed."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Sound with what is said in it. Speech bounds are milliseconds from its beginning."""

    name: str
    audio: bytes
    speech_start_ms: int
    speech_end_ms: int
    words: str

    @property
    def duration_ms(self) -> float:
        """How long the clip plays."""
        return len(self.audio) / BYTES_PER_MS


def loud(frame: bytes) -> bool:
    """Whether some sample of `frame` is audible over a telephone."""
    return bool(frame.translate(None, _QUIET))


def decode(audio: bytes) -> NDArray[np.int16]:
    """μ-law bytes as 16-bit samples. Two translations are twice as fast as an indexed look-up."""
    samples = bytearray(2 * len(audio))
    samples[0::2] = audio.translate(_LOW_BYTES)
    samples[1::2] = audio.translate(_HIGH_BYTES)
    return np.frombuffer(samples, dtype="<i2")


def encode(samples: NDArray[np.int16]) -> bytes:
    """16-bit samples as μ-law bytes (G.711's compression, with its bias of 33 at 14 bits)."""
    wide = samples.astype(np.int32)
    sign = np.where(wide < 0, 0x80, 0)
    magnitude = np.minimum(np.abs(wide), 32635) + 0x84
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    code = ~(sign | exponent << 4 | mantissa) & 0xFF
    return bytes(code.astype(np.uint8))


def speech_bounds_ms(audio: bytes) -> tuple[int, int]:
    """First and last audible frame of `audio`; (0, 0) when nothing is audible."""
    frames = range(0, len(audio), FRAME_BYTES)
    audible = [at for at in frames if loud(audio[at : at + FRAME_BYTES])]
    if not audible:
        return 0, 0
    end = min(audible[-1] + FRAME_BYTES, len(audio))
    return audible[0] // BYTES_PER_MS, end // BYTES_PER_MS


def read_mulaw(path: Path) -> bytes:
    """The samples of an 8 kHz mono WAV as μ-law, bit-exact when the file is μ-law already.

    Raises:
        ClipProblem: not a sound file, or of another rate or number of channels.
    """
    try:
        with soundfile.SoundFile(path) as file:
            if file.samplerate != 8000 or file.channels != 1:
                channels = "mono" if file.channels == 1 else f"{file.channels} channels"
                raise ClipProblem(
                    f"{path.name} is {file.samplerate} Hz, {channels}; a telephone clip is 8000 Hz "
                    f"mono (sox {path.name} -r 8000 -c 1 -e mu-law out.wav)"
                )
            samples: NDArray[np.int16] = file.read(dtype="int16")
    except soundfile.LibsndfileError as error:
        raise ClipProblem(
            f"{path.name} is no WAV file that can be read "
            f"(sox {path.name} -r 8000 -c 1 -e mu-law out.wav makes one of most sounds)"
        ) from error
    except OSError as error:
        raise ClipProblem(f"{path.name} cannot be read: {error.strerror}") from error
    if not len(samples):
        raise ClipProblem(f"{path.name} holds no sound")
    return encode(samples)


@lru_cache(maxsize=8)
def _listed(manifest: Path) -> dict[str, dict[str, Any]]:
    loaded = YAML(typ="safe", pure=True).load(manifest.read_text("utf-8"))
    return {entry["path"]: entry for entry in loaded["files"]}


def _entry(path: Path) -> dict[str, Any] | None:
    for folder in path.parents:
        manifest = folder / "MANIFEST.yaml"
        if manifest.is_file():
            return _listed(manifest).get(path.relative_to(folder).as_posix())
    return None


@lru_cache(maxsize=512)
def load_clip(path: Path) -> Clip:
    """The clip in `path`, with the words and speech bounds of the nearest `MANIFEST.yaml`.

    Raises:
        ClipProblem: the file cannot be played into a call.
    """
    audio = read_mulaw(path)
    entry = _entry(path) or {}
    start_ms, end_ms = entry.get("speech_start_ms"), entry.get("speech_end_ms")
    if start_ms is None or end_ms is None:  # a cough, a tone: bounds of what is audible
        start_ms, end_ms = speech_bounds_ms(audio)
    return Clip(
        name=path.stem,
        audio=audio,
        speech_start_ms=int(start_ms),
        speech_end_ms=int(end_ms),
        words=str(entry.get("words", path.stem.replace("-", " "))),
    )


@lru_cache(maxsize=1)
def speech_library() -> tuple[Path, ...]:
    """The project's own clips of an agent's human English speech, 2 to 6 s long."""
    listed = _listed(FIXTURES / "MANIFEST.yaml")
    return tuple(
        FIXTURES / path
        for path, entry in sorted(listed.items())
        if path.startswith("clips/en/")
        and entry["for"] in ("agent", "either")
        and LIBRARY_MS_MIN <= entry["duration_ms"] <= LIBRARY_MS_MAX
    )
