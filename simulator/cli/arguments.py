"""Arguments which several commands of `callsim` take, and what their values may be."""

import argparse
from collections.abc import Callable
from pathlib import Path

PORT_MAX = 65_535


def add_paths(parser: argparse.ArgumentParser) -> None:
    """Scenario files and folders."""
    parser.add_argument("paths", type=_path, nargs="+", metavar="PATH", help="files or folders")


def whole(text: str) -> int:
    """0, 1, 2 ..."""
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")
    return value


def positive(text: str) -> int:
    """1, 2, 3 ..."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few: 1 or more")
    return value


def up_to(most: int) -> Callable[[str], int]:
    """1, 2, 3 ... `most`."""

    def bounded(text: str) -> int:
        value = positive(text)
        if value > most:
            raise argparse.ArgumentTypeError(f"{text} is too many: {most} at most")
        return value

    return bounded


def port(text: str) -> int:
    """A TCP port; 0 = the system chooses one."""
    value = whole(text)
    if value > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to {PORT_MAX}")
    return value


def _path(text: str) -> Path:
    if not text:  # of an unset variable, say; Path would take it for this folder
        raise argparse.ArgumentTypeError("'' is no file or folder; write . for this folder")
    return Path(text)
