"""A YAML file as plain values, with the place of each.

Owns all that can be wrong with the YAML itself: encoding, syntax, duplicate keys, tags, aliases,
size, depth. Must not know any key. Scalars stay text: what a text means is the business of the
shape it is read into, so `+1555...` keeps its plus and `no` stays a word.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from bridge.agents.problem import Problem, quoted

FILE_BYTES_MAX: Final = 256 * 1024
DEPTH_MAX: Final = 8

_TRUTHS: Final = {"true": True, "false": False}
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,17})?([eE][+-]?[0-9]{1,2})?")

Keys = tuple[str | int, ...]
"""The way to a value: keys and places in lists."""
Place = tuple[int, int]
"""Line and column, from 1."""


@dataclass
class Document:
    """What a file says: mappings, lists and texts, and what is wrong with it so far.

    `what` it describes: an agent, a tool. `plain`: the texts that are not in quotes.
    """

    file: Path
    what: str = "agent"
    text: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Keys, Place] = field(default_factory=dict)
    key_places: dict[Keys, Place] = field(default_factory=dict)
    plain: set[Keys] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    def complain(self, keys: Keys, message: str, hint: str = "", part: str = "") -> None:
        """Note a problem of the value there; `part` of a text is looked for in it."""
        line, column = self.places.get(keys) or self.key_places.get(keys, (1, 1))
        if part:
            line, column = self._place_of(part, line, column)
        self.problems.append(Problem(self.file, line, column, message, hint))

    def complain_of_key(self, keys: Keys, message: str, hint: str = "") -> None:
        """Note a problem of the key itself."""
        self.problems.append(Problem(self.file, *self.key_places[keys], message, hint))

    def json_value(self, keys: Keys) -> Any:
        """The value there as JSON has it: a number or a truth is one if it is not in quotes."""
        value: Any = self.values
        for key in keys:
            value = value[key]
        return self._json(value, keys)

    def _json(self, value: Any, keys: Keys) -> Any:
        if isinstance(value, dict):
            return {name: self._json(inner, (*keys, name)) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._json(inner, (*keys, index)) for index, inner in enumerate(value)]
        if keys not in self.plain:
            return value
        if value in _TRUTHS:
            return _TRUTHS[value]
        if _NUMBER.fullmatch(value):
            return int(value) if value.lstrip("-").isdigit() else float(value)
        return value

    def _place_of(self, part: str, line: int, column: int) -> Place:
        """Where `part` first stands from a place on; the place itself if it is written otherwise.

        A text may be written with escapes or folded, so that a part of it stands nowhere as such.
        """
        lines = self.text.splitlines()
        for number in range(line, len(lines) + 1):
            start = column - 1 if number == line else 0
            found = lines[number - 1].find(part.partition("\n")[0], start)
            if found >= 0:
                return number, found + 1
        return line, column


def read_document(file: Path, what: str = "agent") -> Document:
    """The values of a file. Never raises for a file's sake: see `problems`."""
    document = Document(file, what)
    try:
        with file.open("rb") as stream:
            raw = stream.read(FILE_BYTES_MAX + 1)
        document.text = raw.decode("utf-8-sig")
    except OSError as error:
        document.problems.append(Problem(file, 0, 0, f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        document.problems.append(Problem(file, 0, 0, "is not a UTF-8 text file"))
    else:
        if len(raw) > FILE_BYTES_MAX:
            message = f"is larger than {FILE_BYTES_MAX // 1024} KiB"
            document.problems.append(Problem(file, 0, 0, message))
        else:
            _parse(document)
    return document


def _parse(document: Document) -> None:
    reader = _Reader(document)
    try:
        for event in YAML(typ="safe", pure=True).parse(document.text):
            reader.take(event)
    except _Unusable:
        pass  # said already
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else reader.place
        why = str(error.problem or error.context or "broken")
        problem = Problem(document.file, line, column, f"this is not YAML: {why}", _advice(why))
        document.problems.append(problem)
    except (YAMLError, ValueError, OverflowError, IndexError):
        # Control characters; the scanner lets chr() and int() complain about wrong escapes.
        message = "this is not YAML: a character or escape that it does not allow"
        document.problems.append(Problem(document.file, *reader.place, message))


def _advice(why: str) -> str:
    advice = {
        "mapping values are not allowed": "put a text with `: ` in it in quotes",
        "could not find expected ':'": "write `key: value`, with a space after the colon",
        "cannot start any token": "indent with spaces; put a text that begins so in quotes",
        "expected <block end>": "keys of one block must stand exactly below each other",
        "expected ',' or": "put a text that begins with a bracket in quotes",
    }
    return next((hint for part, hint in advice.items() if part in why), "")


class _Unusable(Exception):  # noqa: N818 - a file's state, not ours
    """No more can be read; the problem is noted."""


@dataclass
class _Open:
    """A mapping or list whose end has not come yet. `key` = of the next value, None = a key comes.

    `wanted` is False below a key that is there twice: read, and left out.
    """

    into: dict[str, Any] | list[Any]
    keys: Keys
    wanted: bool = True
    in_braces: bool = False
    key: str | None = None
    key_wanted: bool = True


class _Reader:
    """Makes values of ruamel.yaml's events, without recursion."""

    def __init__(self, document: Document) -> None:
        self.place: Place = (1, 1)
        self._document = document
        self._what = document.what
        agent = document.what == "agent"
        self._its = "an agent's" if agent else f"a {document.what}'s"
        such_as = "voice: marin" if agent else "description: ..."
        article = "an" if agent else "a"
        self._wants_keys = (f"{article} {self._what} is a block of keys", f"such as `{such_as}`")
        self._open: list[_Open] = []
        self._documents = 0

    def take(self, event: Any) -> None:
        """One event of the parser."""
        kind = type(event).__name__
        self.place = event.start_mark.line + 1, event.start_mark.column + 1
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                self._stop("a second document", f"one file is one {self._what}")
        elif kind == "AliasEvent":
            self._stop("an alias", "write the value once more")
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self._refuse_tag(event)
            self._begin({} if kind == "MappingStartEvent" else [], bool(event.flow_style))
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self._open.pop()
        elif kind == "ScalarEvent":
            self._refuse_tag(event)
            self._scalar(event.value, plain=not event.style)

    def _begin(self, into: dict[str, Any] | list[Any], in_braces: bool) -> None:
        if not self._open:
            if isinstance(into, list):
                self._stop(*self._wants_keys)
            self._open.append(_Open(self._document.values, ()))
            return
        if len(self._open) >= DEPTH_MAX:
            self._stop(f"nested more than {DEPTH_MAX} deep")
        above = self._open[-1]
        if isinstance(above.into, dict) and above.key is None:
            self._stop("a key must be a word", "put a text that begins with a bracket in quotes")
        keys, wanted = self._put(into)
        self._open.append(_Open(into, keys, wanted, in_braces))

    def _scalar(self, text: str, *, plain: bool) -> None:
        nothing = plain and text in ("", "~", "null", "Null", "NULL")
        if not self._open:
            if not nothing:
                self._stop(*self._wants_keys)
            return
        above = self._open[-1]
        if isinstance(above.into, dict) and above.key is None:
            self._key(above, text)
        elif nothing:
            keys, hint = self._next(above), 'leave the key out, or write "" for an empty text'
            if above.in_braces:
                hint = "put a text that begins with { in quotes"
            where = self._document.key_places.get(keys, self.place)
            self._note(where, "nothing is written here", hint)
            above.key = None
        else:
            keys, wanted = self._put(text)
            if plain and wanted:
                self._document.plain.add(keys)

    def _key(self, above: _Open, text: str) -> None:
        keys = (*above.keys, text)
        above.key, above.key_wanted = text, keys not in self._document.key_places
        if above.key_wanted:
            self._document.key_places[keys] = self.place
        elif above.wanted:
            first = self._document.key_places[keys][0]
            self._note(self.place, f"{quoted(text)} is there twice, first in line {first}")

    def _next(self, above: _Open) -> Keys:
        step = len(above.into) if isinstance(above.into, list) else above.key
        assert step is not None
        return (*above.keys, step)

    def _put(self, value: Any) -> tuple[Keys, bool]:
        """Put a value where it belongs; return the way to it, and whether it is wanted."""
        above = self._open[-1]
        keys, wanted = self._next(above), above.wanted and above.key_wanted
        if wanted:
            self._document.places[keys] = self.place
            if isinstance(above.into, list):
                above.into.append(value)
            else:
                above.into[str(above.key)] = value
        above.key = None
        return keys, wanted

    def _refuse_tag(self, event: Any) -> None:
        if event.ctag is not None and str(event.ctag):
            self._stop(f"a tag {quoted(str(event.ctag))}", f"{self._its} file has none")
        if event.anchor:
            self._stop("an anchor", f"{self._its} file has none")

    def _note(self, place: Place, message: str, hint: str = "") -> None:
        self._document.problems.append(Problem(self._document.file, *place, message, hint))

    def _stop(self, message: str, hint: str = "") -> None:
        self._note(self.place, message, hint)
        raise _Unusable
