"""Settings that do not fit each other: the form of such a complaint.

Owns that one is left out where a setting which it rests on is wrong by itself. Must not know any
setting.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from bridge.errors import SettingsError


class Misfit(NamedTuple):
    """One setting does not fit the others."""

    setting: str
    """Its name, in small letters."""
    problem: str
    others: tuple[str, ...] = ()
    """Settings which it does not fit."""
    named: str = ""
    """What the complaint begins with, unless it is that one name."""


def errors_of(misfits: Iterable[Misfit], wrong: Collection[str]) -> Iterator[SettingsError]:
    """The complaints of those that do not rest on a setting in ``wrong``."""
    for misfit in misfits:
        if not {misfit.setting, *misfit.others} & set(wrong):
            yield SettingsError(misfit.named or misfit.setting.upper(), misfit.problem)
