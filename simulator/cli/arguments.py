"""Arguments which several commands of `callsim` take, and what their values may be."""

import argparse
from pathlib import Path

PORT_MAX = 65_535


def add_paths(parser: argparse.ArgumentParser) -> None:
    """Scenario files and folders."""
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="files or folders")


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
    value = whole(text)
    if not value:
        raise argparse.ArgumentTypeError("0 is too few: 1 or more")
    return value


def port(text: str) -> int:
    """A TCP port; 0 = the system chooses one."""
    value = whole(text)
    if value > PORT_MAX:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to {PORT_MAX}")
    return value
