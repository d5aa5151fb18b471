"""Agents' files for tests: written into a folder, and read with settings of a test."""

from pathlib import Path
from typing import Any

import pytest

from bridge.agents.choosing import Agents
from bridge.agents.problem import UnusableAgents
from bridge.wiring import agents_for
from tests.far_ends import settings


def read(folder: Path, files: dict[str, str], **given: Any) -> Agents:
    """The agents of these files, by the names of their files."""
    for name, text in files.items():
        (folder / f"{name}.agent.yaml").write_text(text, "utf-8")
    return agents_for(settings(agents_dir=folder, **given))


def complaints(folder: Path, files: dict[str, str] | str, **given: Any) -> list[str]:
    """What is said about these files, or the one file `a`, without the folder's path."""
    with pytest.raises(UnusableAgents) as wrong:
        read(folder, {"a": files} if isinstance(files, str) else files, **given)
    return [line.replace(f"{folder}/", "") for line in wrong.value.lines]


def written(folder: Path, **tools: str) -> Path:
    """The folder, in which these tools' files are now, by their names."""
    for name, text in tools.items():
        (folder / f"{name}.tool.yaml").write_text(text, "utf-8")
    return folder
