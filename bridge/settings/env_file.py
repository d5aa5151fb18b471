"""The `.env` file: its variables, and the lines of it that are none.

Owns how it is read, and that nobody but us speaks about its mistakes. Must not know any setting.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeGuard

from dotenv import dotenv_values
from dotenv.parser import Original, parse_stream

from bridge.errors import SettingsError

ENV_FILE: Final = Path(".env")
"""What is read if nothing is said. There need not be one."""

# The library warns of each broken line, each time that it reads the file: we say it, and once.
logging.getLogger("dotenv").addHandler(logging.NullHandler())


def unreadable(env_file: Path | None) -> str:
    """Why the file cannot be read as a text; empty if it can, or if `ENV_FILE` is not there."""
    if env_file not in (None, ENV_FILE) and not env_file.exists():
        return "there is no such file"
    try:
        if _is_there(env_file):
            env_file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "is not a UTF-8 text file"
    except OSError as why:
        return f"cannot be read: {why.strerror}"
    return ""


def broken_lines(env_file: Path | None) -> list[SettingsError]:
    """Lines that set nothing, although they are no comments. What they say may be a secret.

    Args:
        env_file: a file that is not `unreadable`.
    """
    if not _is_there(env_file):
        return []
    with env_file.open(encoding="utf-8") as lines:
        broken = [_line(found.original) for found in parse_stream(lines) if found.error]
    problem = "is no NAME=VALUE, or lacks a quotation mark"
    return [SettingsError(f"{env_file}, line {number}", problem) for number in broken]


def _line(found: Original) -> int:
    """Where it begins, which the library counts from the empty lines above it."""
    text = found.string
    return found.line + text[: len(text) - len(text.lstrip())].count("\n")


def variables_in(env_file: Path | None) -> Mapping[str, str]:
    """What it sets, by the names written there; nothing if it is not there, or `unreadable`."""
    if not _is_there(env_file) or unreadable(env_file):
        return {}
    found = dotenv_values(env_file, encoding="utf-8")
    return {name: value or "" for name, value in found.items()}


def _is_there(env_file: Path | None) -> TypeGuard[Path]:
    return env_file is not None and env_file.is_file()
