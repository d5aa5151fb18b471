"""The `.env` file: its variables, and the lines of it that are none.

Owns how it is read, which line says what, and that nobody but us speaks about its mistakes. Must
not know any setting.
"""

import logging
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple, TypeGuard

from dotenv import dotenv_values
from dotenv.parser import Original, parse_stream

from bridge.errors import SettingsError

ENV_FILE: Final = Path(".env")
"""What is read if nothing is said. There need not be one."""

# The library warns of each broken line, each time that it reads the file: we say it, and once.
logging.getLogger("dotenv").addHandler(logging.NullHandler())


class Line(NamedTuple):
    """What one line says, or several that are one value."""

    number: int
    name: str | None
    """As it is written there; None = a comment, or broken."""
    value: str | None
    """None = there is no =."""
    broken: bool


def unreadable(env_file: Path | None) -> str:
    """Why the file cannot be read as a text; empty if it can, or if `ENV_FILE` is not there."""
    if env_file is None:
        return ""
    try:
        kind = env_file.stat().st_mode
        if stat.S_ISDIR(kind):
            return "is a folder, not a file with settings"
        if stat.S_ISFIFO(kind):
            return "is a pipe, and is read more than once: write a file"
        if stat.S_ISREG(kind):
            env_file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "is not a UTF-8 text file"
    except (FileNotFoundError, NotADirectoryError):
        return "" if env_file == ENV_FILE else "there is no such file"
    except OSError as why:
        return f"cannot be read: {why.strerror}"
    return ""


def broken_lines(env_file: Path | None) -> list[SettingsError]:
    """Lines that set nothing, although they are no comments. What they say may be a secret.

    Args:
        env_file: a file that is not `unreadable`.
    """
    problem = "is no NAME=VALUE, or lacks a quotation mark"
    return [
        SettingsError(f"{env_file}, line {line.number}", problem)
        for line in _lines(env_file)
        if line.broken
    ]


def doubtful_lines(env_file: Path | None) -> list[str]:
    """A warning for each line that is allowed, and most likely not what was meant.

    A name alone is a line of other readers of such files (a shell's `export NAME`, Docker). It is
    not repeated here: it may be a secret that was pasted.
    """
    if unreadable(env_file):
        return []
    warnings = []
    before: dict[str, Line] = {}
    for line in _lines(env_file):
        if line.name is None:
            continue
        name = line.name.upper()
        earlier = before.get(name)
        where = f"{env_file}, line {line.number}"
        if line.value is None:
            undone = f", and takes back line {earlier.number}" if earlier is not None else ""
            warnings.append(f"{where}: has no =, so it sets nothing{undone}")
        elif earlier is not None and earlier.value and earlier.value != line.value:
            warnings.append(
                f"{where}: sets {line.name} again, so line {earlier.number} has no effect"
            )
        before[name] = line
    return warnings


def places_in(env_file: Path | None) -> Mapping[str, str]:
    """Where each variable gets the value it has, in words, by its name in capitals."""
    if unreadable(env_file):
        return {}
    return {
        line.name.upper(): f"{env_file}, line {line.number}"
        for line in _lines(env_file)
        if line.name is not None
    }


def variables_in(env_file: Path | None) -> Mapping[str, str]:
    """What it sets, by the names written there; nothing if it is not there, or `unreadable`."""
    if not _is_there(env_file) or unreadable(env_file):
        return {}
    found = dotenv_values(env_file, encoding="utf-8")
    return {name: value or "" for name, value in found.items()}


def _lines(env_file: Path | None) -> Iterator[Line]:
    """Its lines, from a file that is not `unreadable`."""
    if not _is_there(env_file):
        return
    with env_file.open(encoding="utf-8") as lines:
        for found in parse_stream(lines):
            yield Line(_number(found.original), found.key, found.value, found.error)


def _number(found: Original) -> int:
    """Where it begins, which the library counts from the empty lines above it."""
    text = found.string
    return found.line + text[: len(text) - len(text.lstrip())].count("\n")


def _is_there(env_file: Path | None) -> TypeGuard[Path]:
    return env_file is not None and env_file.is_file()
