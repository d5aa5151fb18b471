"""The settings of a process: from its environment, its `.env` file, and the files named there.

Owns where a setting may stand. Must not know what any of them means.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import BaseSettings, SettingsConfigDict

from bridge.errors import SettingsError
from bridge.settings import complaints
from bridge.settings.complaints import UnusableSettings, meant
from bridge.settings.env_file import (
    ENV_FILE,
    broken_lines,
    doubtful_lines,
    places_in,
    unreadable,
    variables_in,
)
from bridge.settings.secret_files import SUFFIX, read_prefixed_secrets, read_secret_files
from bridge.settings.settings import Settings
from bridge.settings.tools import SECRET_PREFIX


class EnvironmentSettings(Settings, BaseSettings):
    """The same settings, read from the environment and a .env file; the environment wins."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", case_sensitive=False, env_file_encoding="utf-8"
    )


def load_settings(env_file: Path | None = ENV_FILE) -> Settings:
    """The settings of this process.

    Raises:
        UnusableSettings: with a line for each value that is missing or wrong.
    """
    if reason := unreadable(env_file):
        raise UnusableSettings([SettingsError(str(env_file), reason)])
    errors = broken_lines(env_file)
    secrets, wrong_files = read_secret_files(_readable_from_files(), env_file)
    for_tools, wrong_tool_files = read_prefixed_secrets(SECRET_PREFIX, env_file)
    errors += wrong_files + wrong_tool_files
    named = {error.variable.removesuffix("_FILE") for error in errors}
    found: dict[str, Any] = {**secrets, "tool_secrets": for_tools} if for_tools else {**secrets}
    try:
        given = EnvironmentSettings(_env_file=env_file, **found)  # type: ignore[call-arg]
    except UnusableSettings as wrong:
        unsaid = [error for error in wrong.errors if error.variable not in named]
        errors += _with_places(unsaid, env_file)
    if errors:
        raise UnusableSettings(errors)
    return given


def settings_from(environment: Mapping[str, str]) -> Settings:
    """The settings in a mapping of variables, and nothing from the process's own environment.

    Raises:
        UnusableSettings: with a line for each name or value that is wrong.
    """
    secrets = {name: text for name, text in environment.items() if name.startswith(SECRET_PREFIX)}
    others = {name.lower(): text for name, text in environment.items() if name not in secrets}
    return Settings.model_validate({**others, "tool_secrets": secrets} if secrets else others)


def doubtful(env_file: Path | None = ENV_FILE) -> list[str]:
    """A warning for whatever of the .env file is no mistake, and hardly meant."""
    return doubtful_lines(env_file) + misspelt(env_file)


def misspelt(env_file: Path | None = ENV_FILE) -> list[str]:
    """A warning for each variable of the .env file that looks like one of ours and is none."""
    names = [name.upper() for name in Settings.model_fields]
    names += [f"{name}_FILE" for name in secret_names()]
    unknown = [
        name
        for name in variables_in(env_file)
        if name.upper() not in names and not name.startswith(SECRET_PREFIX)
    ]
    return [
        f"{name}: unknown setting{hint}" for name in unknown if (hint := meant(name.upper(), names))
    ]


def is_secret(name: str) -> bool:
    """Whether a setting's value must never be shown."""
    return complaints.is_secret(Settings.model_fields[name])


def secret_names() -> list[str]:
    """The settings that can also stand in files, in capitals."""
    named_by_operators = "tool_secrets"
    names = (name for name in Settings.model_fields if name != named_by_operators)
    return [name.upper() for name in names if is_secret(name)]


def _readable_from_files() -> list[str]:
    """Those of them whose NAME_FILE is not a setting with a meaning of its own."""
    return [name for name in secret_names() if f"{name.lower()}_file" not in Settings.model_fields]


def _with_places(errors: list[SettingsError], env_file: Path | None) -> list[SettingsError]:
    """The same complaints, each with the place of the value it is about, if there is one."""
    places = dict(places_in(env_file))
    values = {name.upper(): text for name, text in variables_in(env_file).items()}
    places |= dict.fromkeys(map(str.upper, os.environ), "the environment")
    values |= {name.upper(): text for name, text in os.environ.items()}
    for name in secret_names():
        if values.get(name + SUFFIX) and not values.get(name):
            values[name], places[name] = "there", f"the file that {name + SUFFIX} names"
    placed = []
    for error in errors:
        names = [name for name in error.variable.split(" and ") if name in places]
        wheres = dict.fromkeys(places[name] for name in names)
        if not wheres:
            placed.append(error)
            continue
        how = "set in" if any(values[name] for name in names) else "empty in"
        problem = f"{error.problem}; {how} {' and in '.join(wheres)}"
        placed.append(SettingsError(error.variable, problem))
    return placed
