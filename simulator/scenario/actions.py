"""What a caller may do, as values.

Part of `format`, from where it is imported. Knows no time and no trigger.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Say:
    """Speak `clips` one after the other without a gap, `gain_db` louder (negative = quieter)."""

    clip: Path
    gain_db: float = 0.0
    then: tuple[Path, ...] = ()

    @property
    def clips(self) -> tuple[Path, ...]:
        """All of them, in order."""
        return (self.clip, *self.then)


@dataclass(frozen=True, slots=True)
class Press:
    """Keys of a telephone: any of 0-9 * # A-D, one after the other."""

    digits: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """Put the receiver down."""


@dataclass(frozen=True, slots=True)
class Silence:
    """The step lasts `ms`, with nothing said."""

    ms: float


@dataclass(frozen=True, slots=True)
class Nothing:
    """Only the waiting of the step counts."""


Action = Say | Press | HangUp | Silence | Nothing
