"""Reads a flight record: a chain of gzip members with JSON lines, perhaps torn at its end.

Owns the file's format (docs/flight.md). Knows nothing of what the messages mean.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

VERSION: Final = 1
UNPACKED_BYTES_MAX: Final = 1024 * 1024 * 1024


class UnusableRecord(Exception):  # noqa: N818 - of a file
    """No flight record, or one that nothing can be made of; says so for a person."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One message: `leg` twilio, realtime or call; `way` in, out or note, as the bridge saw it.

    `at_ms` counts from when the bridge accepted the stream.
    """

    at_ms: float
    leg: str
    way: str
    message: dict[str, Any]

    @property
    def kind(self) -> str:
        """The vendor's name of the message."""
        return str(self.message.get("event") or self.message.get("type") or "")


@dataclass(frozen=True, slots=True)
class FlightRecord:
    """A record. `lost` = events missing in it; `torn` = its end is missing."""

    header: dict[str, Any]
    moments: tuple[Moment, ...]
    lost: int = 0
    torn: bool = False

    @property
    def has_audio(self) -> bool:
        """Whether both voices are in it."""
        return bool(self.header.get("audio"))

    @property
    def settings(self) -> dict[str, str]:
        """The bridge's settings that were not at their default, and those of the call's agent."""
        given = dict(self.header.get("settings", {}))
        for moment in self.moments:
            if moment.leg == "call" and moment.kind == "agent_settings":
                given |= {name: moment.message[name] for name in moment.message if name.isupper()}
        return {str(name): str(value) for name, value in given.items()}


@dataclass(slots=True)
class _Reading:
    moments: list[Moment] = field(default_factory=list)
    lost: int = 0
    torn: bool = False

    def take(self, line: bytes) -> None:
        moment = _moment(line)
        if moment is None:
            self.torn = True
        elif moment.leg == "call" and moment.kind == "gap":
            self.lost += int(moment.message.get("lost", 0))
        elif moment.leg == "call" and moment.kind == "cut":
            self.torn = True
        else:
            self.moments.append(moment)


def read_record(path: Path) -> FlightRecord:
    """The record in `path`.

    Raises:
        UnusableRecord: it is none, or of a version this program does not know.
    """
    try:
        packed = path.read_bytes()
    except OSError as problem:
        raise UnusableRecord(f"{path}: {problem.strerror}") from problem
    lines = _lines(packed)
    header = _object(next(lines, b""))
    if header.get("flight") != VERSION:
        raise UnusableRecord(f"{path}: this is no flight record of version {VERSION}")
    reading = _Reading()
    for line in lines:
        reading.take(line)
    reading.moments.sort(key=lambda moment: moment.at_ms)  # readers and writers are separate tasks
    return FlightRecord(header, tuple(reading.moments), reading.lost, reading.torn)


def _lines(packed: bytes) -> Iterator[bytes]:
    """The lines of all members; what is broken off is left out, half a line comes out as it is."""
    rest = b""
    unpacked = 0
    while packed:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            text = unpacker.decompress(packed, UNPACKED_BYTES_MAX - unpacked)
        except zlib.error:
            return
        unpacked += len(text)
        *whole, rest = (rest + text).split(b"\n")
        yield from whole
        packed = unpacker.unused_data
        if not unpacker.eof:
            break
    if rest:
        yield rest


def _moment(line: bytes) -> Moment | None:
    given = _object(line)
    leg, way, message = given.get("leg"), given.get("way"), given.get("m")
    if not (isinstance(leg, str) and isinstance(way, str) and isinstance(message, dict)):
        return None
    at_ms = given.get("t")
    return Moment(float(at_ms) if isinstance(at_ms, int | float) else 0.0, leg, way, message)


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
