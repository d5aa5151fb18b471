"""Finds the sound file a scenario names.

Looks beside the scenario first, then in the sound folders (`fixtures/` of this project, unless
others are given), so `clips/en/welcome.wav` and `sounds/cough.wav` work from everywhere;
`clips/welcome.wav` is short for the English one. Knows nothing of what is in a file.
"""

import difflib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath

PROJECT_SOUNDS = Path(__file__).resolve().parents[2] / "fixtures"
DEFAULT_LANGUAGE = "en"
REFERENCE_CHARACTERS_MAX = 200
SUGGESTED_FROM_MAX = 5_000


class SoundFolders:
    """Where sounds are looked for: `home` (the scenario's folder) first, then each of `roots`."""

    def __init__(self, home: Path, roots: Iterable[Path] = (PROJECT_SOUNDS,)) -> None:
        self.places = (home, *roots)

    def find(self, reference: str) -> Path | None:
        """The file called `reference` ("clips/en/hello.wav"), or None."""
        if not reference or len(reference) > REFERENCE_CHARACTERS_MAX:
            return None
        for name in _spellings(reference):
            for place in self.places:
                try:
                    if (place / name).is_file():
                        return place / name
                except OSError:  # a name which no file could have
                    return None
        return None

    def folder(self, reference: str) -> str | None:
        """The name of a sound in the folder called `reference`; None if that is no folder."""
        if not reference or len(reference) > REFERENCE_CHARACTERS_MAX:
            return None
        for place in self.places:
            try:
                if (place / reference).is_dir():
                    return min((sound.name for sound in (place / reference).glob("*.wav")),
                               default="hello.wav")  # fmt: skip
            except OSError:  # a name which no folder could have
                return None
        return None

    def nearest(self, reference: str) -> str | None:
        """The existing reference most like `reference`, or None if none is like it."""
        known = {sound: None for place in self.places for sound in _sounds_below(place.resolve())}
        wanted = reference[:REFERENCE_CHARACTERS_MAX].casefold()
        stem = PurePosixPath(wanted).stem
        stems = {PurePosixPath(sound).stem.casefold() for sound in known}
        near = difflib.get_close_matches(stem, stems, n=1, cutoff=0.6) or _shortest_with(
            stem, stems
        )
        if not near:
            return None
        same = [sound for sound in known if PurePosixPath(sound).stem.casefold() == near[0]]
        return max(same, key=lambda sound: difflib.SequenceMatcher(None, wanted, sound).ratio())


def _shortest_with(word: str, stems: Iterable[str]) -> list[str]:
    """Whoever writes `welcome.wav` means one of the names with that word in it."""
    return sorted((stem for stem in stems if word in stem.split("-")), key=lambda s: (len(s), s))[
        :1
    ]


def _spellings(reference: str) -> list[str]:
    parts = PurePosixPath(reference).parts
    if len(parts) == 2 and parts[0] == "clips":
        return [reference, f"clips/{DEFAULT_LANGUAGE}/{parts[1]}"]
    return [reference]


@lru_cache(maxsize=64)
def _sounds_below(place: Path) -> tuple[str, ...]:
    """References of the WAV files in `place` and two folders down: enough to suggest one."""
    found: list[str] = []
    for pattern in ("*.wav", "*/*.wav", "*/*/*.wav"):
        for path in place.glob(pattern):
            found.append(path.relative_to(place).as_posix())
            if len(found) >= SUGGESTED_FROM_MAX:
                return tuple(sorted(found))
    return tuple(sorted(found))
