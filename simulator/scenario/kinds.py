"""Kinds of single values: a duration, a number, a word of a list. Each reads and describes itself.

A kind both checks a node of the tree and gives the JSON Schema of what it accepts, so the reader
and the published schema cannot drift apart. Knows no key of a scenario.
"""

import math
import re
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from simulator.scenario.desk import Desk
from simulator.scenario.durations import (
    EXAMPLES,
    LONGEST_MS,
    PATTERN,
    duration_ms,
    is_beyond_bounds,
)
from simulator.scenario.problem import quoted
from simulator.scenario.tree import Mapping, Node, Scalar
from simulator.sound import ClipProblem, load_clip

Schema = dict[str, Any]
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

TEXT_CHARACTERS_MAX = 4_000
NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_VARIABLE: Schema = {"$ref": "#/$defs/variable"}


class Kind(Protocol[T_co]):
    """What may stand in one place of a scenario."""

    def read(self, node: Node, desk: Desk) -> T_co:
        """The value of `node`.

        Raises:
            Refused: `node` is no such value; the reason is on the desk.
        """

    def schema(self) -> Schema:
        """The JSON Schema of what `read` accepts."""


def scalar(node: Node, desk: Desk, expected: str, hint: str = "") -> Scalar:
    """`node` if it is a single value that is not empty."""
    if not isinstance(node, Scalar):
        shape = "a block of keys" if isinstance(node, Mapping) else "a list"
        desk.refuse(node, f"{expected} is expected here, not {shape}", hint)
    if node.empty:
        desk.refuse(node, f"{expected} is expected here, and there is nothing", hint)
    return node


def or_variable(schema: Schema) -> Schema:
    """`schema`, or `$name` of a matrix variable in its place."""
    return {"anyOf": [schema, _VARIABLE]}


@dataclass(frozen=True, slots=True)
class Text:
    """Words; a number or `true` is taken as the text it is written as.

    `may_be_empty`: "" in quotes is a text; nothing at all is none.
    """

    what: str = "a text"
    pattern: str = ""
    hint: str = ""
    may_be_empty: bool = False

    def read(self, node: Node, desk: Desk) -> str:
        """Read the text, without spaces around it."""
        found = scalar(node, desk, self.what, self.hint)
        if len(found.text) > TEXT_CHARACTERS_MAX:
            desk.refuse(found, f"a text of more than {TEXT_CHARACTERS_MAX} characters")
        if not found.text.strip() and not self.may_be_empty:
            desk.refuse(found, f"{self.what} is expected here, and it is empty", self.hint)
        if self.pattern and not re.fullmatch(self.pattern, found.text):
            desk.refuse(found, f"{self.what} is expected, not {quoted(found.text)}", self.hint)
        return found.text.strip()

    def schema(self) -> Schema:
        """Describe what is taken."""
        if self.pattern:
            plain: Schema = {"type": ["string", "integer"], "pattern": f"^(?:{self.pattern})$"}
            return or_variable(plain)
        return {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false`; where `only` is set, the other one is said by leaving the key out."""

    only: bool | None = None

    def read(self, node: Node, desk: Desk) -> bool:
        """Read true or false."""
        what, hint = "true or false", "write true or false"
        if self.only is not None:
            what = str(self.only).lower()
            hint = f"write {what}, or leave the key out"
        found = scalar(node, desk, what, hint)
        value = {"true": True, "false": False}.get(found.text.casefold()) if found.plain else None
        if value is None:
            desk.refuse(found, f"{what} is expected, not {quoted(found.text)}", hint)
        if self.only is not None and value is not self.only:
            can_only = f"this can only be {what}, not {quoted(found.text)}"
            desk.refuse(found, can_only, "leave the key out")
        return value

    def schema(self) -> Schema:
        """Describe what is taken."""
        only: Schema = {"type": "boolean"} if self.only is None else {"const": self.only}
        return or_variable(only)


@dataclass(frozen=True, slots=True)
class Number:
    """A number between two bounds; `whole` = without decimals."""

    least: float
    most: float
    whole: bool = False

    def read(self, node: Node, desk: Desk) -> float:
        """Read the number."""
        what = "a whole number" if self.whole else "a number"
        bounds = f"from {_in_full(self.least)} to {_in_full(self.most)}"
        found = scalar(node, desk, what, f"{what} {bounds}")
        hint = f"{what} {bounds}" if found.plain else "remove the quotes"
        if not found.plain or not NUMBER.fullmatch(found.text):
            desk.refuse(found, f"{what} is expected, not {quoted(found.text)}", hint)
        value = float(found.text)
        if not math.isfinite(value) or (self.whole and value != int(value)):
            desk.refuse(found, f"{what} is expected, not {quoted(found.text)}", hint)
        if not self.least <= value <= self.most:
            desk.refuse(found, f"{quoted(found.text)} is out of bounds", hint)
        return value

    def schema(self) -> Schema:
        """Describe what is taken."""
        kind = "integer" if self.whole else "number"
        return or_variable({"type": kind, "minimum": self.least, "maximum": self.most})


def _in_full(value: float) -> str:
    """Without an exponent: 1000000, not 1e+06."""
    return f"{value:.15g}"


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two bounds."""

    least: int
    most: int

    def read(self, node: Node, desk: Desk) -> int:
        """Read the number."""
        return int(Number(self.least, self.most, whole=True).read(node, desk))

    def schema(self) -> Schema:
        """Describe what is taken."""
        return Number(self.least, self.most, whole=True).schema()


@dataclass(frozen=True, slots=True)
class Duration:
    """`450ms`, `2s`, `1m30s`: milliseconds."""

    least_ms: float = 0.0

    def read(self, node: Node, desk: Desk) -> float:
        """Read milliseconds."""
        what = "a duration"
        found = scalar(node, desk, what, f"write for example {EXAMPLES}")
        value = duration_ms(found.text)
        bounds = f"{what} from {self.least_ms:g}ms to {LONGEST_MS / 3_600_000:g}h"
        if value is None and is_beyond_bounds(found.text):
            desk.refuse(found, f"{quoted(found.text)} is out of bounds", bounds)
        if value is None:
            hint = f"write for example {EXAMPLES}"
            if NUMBER.fullmatch(found.text):
                hint = f"write the unit: {found.text}ms or {found.text}s"
            desk.refuse(found, f"{what} is expected, not {quoted(found.text)}", hint)
        if not self.least_ms <= value <= LONGEST_MS:
            desk.refuse(found, f"{quoted(found.text)} is out of bounds", bounds)
        return value

    def schema(self) -> Schema:
        """Describe what is taken."""
        return or_variable({"type": "string", "minLength": 2, "pattern": f"^ *{PATTERN} *$"})


@dataclass(frozen=True, slots=True)
class Choice:
    """One word of a list; `what` names the list in messages."""

    what: str
    known: tuple[str, ...]
    meanings: MappingABC[str, str] | None = None

    def read(self, node: Node, desk: Desk) -> str:
        """Read the word."""
        found = scalar(node, desk, f"the name of a {self.what}")
        if found.text not in self.known:
            desk.refuse_word(found, self.what, self.known)
        return found.text

    def schema(self) -> Schema:
        """Describe what is taken."""
        if self.meanings is None:
            return or_variable({"enum": list(self.known)})
        listed = [{"const": word, "description": self.meanings[word]} for word in self.known]
        return {"anyOf": [*listed, _VARIABLE]}


def choice_of(what: str, meanings: MappingABC[str, str]) -> Choice:
    """A choice among words which each have a meaning."""
    return Choice(what, tuple(meanings), meanings)


@dataclass(frozen=True, slots=True)
class Sound:
    """The name of a sound file, which must exist and be playable over a telephone."""

    def read(self, node: Node, desk: Desk) -> Path:
        """Read the file's path."""
        found = scalar(node, desk, "the name of a sound file", "like clips/en/hello.wav")
        path = desk.sounds.find(found.text)
        if path is None:
            folder = desk.sounds.folder(found.text)
            if folder is not None:
                hint = f"name a file in it, like {found.text.rstrip('/')}/{folder}"
                desk.refuse(found, f"{quoted(found.text)} is a folder, not a sound file", hint)
            desk.refuse(
                found, f"there is no sound file {quoted(found.text)}", self._hint(found.text, desk)
            )
        try:
            load_clip(path)
        except ClipProblem as problem:
            desk.refuse(found, str(problem))
        return path

    def schema(self) -> Schema:
        """Describe what is taken."""
        return or_variable({"type": "string", "pattern": r"\.wav$"})

    @staticmethod
    def _hint(reference: str, desk: Desk) -> str:
        if " " in reference and not reference.endswith(".wav"):
            return "what is said is a sound file, like clips/en/hello.wav; `words:` is its text"
        near = desk.sounds.nearest(reference)
        if near:
            return f"did you mean {quoted(near)}?"
        return "looked in " + ", ".join(str(place) for place in desk.sounds.places)


@dataclass(frozen=True, slots=True)
class Named(Generic[T]):
    """A kind used in many places: the schema defines it once, under `name`."""

    name: str
    kind: Kind[T]

    def read(self, node: Node, desk: Desk) -> T:
        """Read what the kind reads."""
        return self.kind.read(node, desk)

    def schema(self) -> Schema:
        """Refer to the definition."""
        return {"$ref": f"#/$defs/{self.name}"}


DURATION = Named("duration", Duration())
SOME_TIME = Named("duration", Duration(1.0))
SOUND = Named("sound", Sound())


@dataclass(frozen=True, slots=True)
class Words:
    """A tag: short and without spaces, so that a command line can name it."""

    what: str = "tag"

    def read(self, node: Node, desk: Desk) -> str:
        """Read the word."""
        kind = Text(f"a {self.what}", "[A-Za-z0-9][A-Za-z0-9_.-]*", "letters, digits and dashes")
        return kind.read(node, desk)

    def schema(self) -> Schema:
        """Describe what is taken."""
        return {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]*$"}
