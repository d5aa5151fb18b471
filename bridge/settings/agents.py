"""The settings of agents: where their files are.

Owns what may be said about that. Must not know what an agent is.
"""

from pathlib import Path

from pydantic import BaseModel, field_validator

from bridge.settings.words import setting


class AgentSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    agents_dir: Path | None = setting(
        None, "a folder of NAME.agent.yaml files", "the path of a readable folder"
    )

    @field_validator("agents_dir")
    @classmethod
    def _readable_folder(cls, value: Path | None) -> Path | None:
        if value is not None:
            try:
                next(value.iterdir(), None)
            except OSError as why:
                raise ValueError from why
        return value
