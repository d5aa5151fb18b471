"""A row of the tables of planted bugs."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Bug:
    """`plant` in `scenario` ("folder/file", or "folder/file variable=value") is noticed by all."""

    plant: Plant
    scenario: str
    noticed_by: tuple[str, ...]


def bug(plant: Plant, scenario: str, *noticed_by: str) -> Bug:
    """A row."""
    return Bug(plant, scenario, noticed_by)
