"""The sounds in fixtures/ and what the manifest and the sheets say of them."""

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from ruamel.yaml import YAML

FIXTURES = Path(__file__).parent.parent / "fixtures"

Samples = NDArray[np.int16]


@dataclass
class Sound:
    """A file and its entry in the manifest."""

    entry: dict[str, Any]
    samples: Samples

    @property
    def path(self) -> str:
        """Its name in scenarios."""
        return str(self.entry["path"])

    @property
    def speech(self) -> tuple[int, int]:
        """First and last millisecond of speech."""
        return self.entry["speech_start_ms"], self.entry["speech_end_ms"]

    def between(self, start_ms: int, end_ms: int) -> Samples:
        """The samples of a stretch of time."""
        return self.samples[max(0, start_ms) * 8 : end_ms * 8]

    def dbfs(self, start_ms: int, end_ms: int) -> float:
        """The level of a stretch of time."""
        return rms_dbfs(self.between(start_ms, end_ms))


@dataclass
class Recording:
    """A recorded caller leg and its sheet of turns."""

    sound: Sound
    sheet: dict[str, Any]

    @property
    def turns(self) -> list[dict[str, Any]]:
        """What the caller says."""
        return list(self.sheet["turns"])

    @property
    def gaps(self) -> list[tuple[int, int]]:
        """Where nothing sounds but the room: 20 ms after, until 20 ms before a sound."""
        audible = sorted(
            (each["start_ms"], each["end_ms"])
            for each in self.turns + self.sheet.get("other_sounds", [])
        )
        edges = [(0, 0), *audible, (self.sound.entry["duration_ms"],) * 2]
        return [(end + 20, start - 20) for (_, end), (start, _) in pairwise(edges)]


def rms_dbfs(samples: Samples) -> float:
    """The level of some samples; -120 for none."""
    power = np.mean((samples / 32768) ** 2) if len(samples) else 0.0
    return float(10 * np.log10(power + 1e-12))


def power_at(samples: Samples, frequency_hz: float) -> float:
    """How strong one frequency is in a sound, as the level of its sine."""
    turns = np.exp(-2j * np.pi * frequency_hz * np.arange(len(samples)) / 8000)
    return float(20 * np.log10(np.sqrt(2) * abs(np.mean(samples / 32768 * turns)) + 1e-6))


def loud_pairs(samples: Samples) -> NDArray[np.bool_]:
    """Per 10 ms, whether this and the next frame are both at or above -42 dBFS."""
    frames = (samples[: len(samples) // 80 * 80] / 32768).reshape(-1, 80)
    loud = (frames**2).mean(axis=1) >= 10**-4.2
    return np.asarray(loud[:-1] & loud[1:])


@cache
def manifest() -> list[dict[str, Any]]:
    """The entries of MANIFEST.yaml."""
    return list(YAML(typ="safe").load(FIXTURES / "MANIFEST.yaml")["files"])


@cache
def sounds() -> list[Sound]:
    """All files of the manifest."""
    entries = manifest()
    return [
        Sound(each, soundfile.read(FIXTURES / each["path"], dtype="int16")[0]) for each in entries
    ]


def spoken() -> list[Sound]:
    """The clips and voices; recordings have pauses and noise and are judged by their turns."""
    return [
        each
        for each in sounds()
        if each.entry["voice"] != "none" and not each.path.startswith("recordings/")
    ]


@cache
def recordings() -> list[Recording]:
    """The recorded caller legs."""
    yaml = YAML(typ="safe")
    return [
        Recording(each, yaml.load((FIXTURES / each.path).with_suffix(".turns.yaml")))
        for each in sounds()
        if each.path.startswith("recordings/")
    ]
