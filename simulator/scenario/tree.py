"""YAML text as a tree of nodes which know their line and column.

Owns everything that can be wrong with the YAML itself: encoding, syntax, tabs, duplicate keys,
tags, size, depth, aliases. Knows no key of a scenario. Scalars stay text: what a text means is the
business of whoever expects it there, so `press: 010` keeps its zero and `+1555...` its plus.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from simulator.scenario.problem import ScenarioProblem, quoted

FILE_BYTES_MAX = 256 * 1024
NODES_MAX = 10_000
DEPTH_MAX = 20

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

_SYNTAX_HINTS = {
    "mapping values are not allowed": "put a text with `: ` in it in quotes; keys of an entry must "
    "stand exactly below each other",
    "expected <block end>": "keys of one entry must stand exactly below each other",
    "could not find expected ':'": "write `key: value`, with a space after the colon",
    "found unexpected end of stream": "a quote is opened here and never closed",
    "cannot start any token": "put a text which begins with this character in quotes",
    "expected the node content": "something is missing here",
    "expected ',' or": "a bracket is opened and never closed, or a comma is missing",
}


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value, as text. `plain` = written without quotes."""

    text: str
    line: int
    column: int
    plain: bool = True
    size: int = 1

    @property
    def empty(self) -> bool:
        """Nothing was written, or YAML's null."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list. `size` counts the nodes in it, aliased ones as often as they appear."""

    items: tuple["Node", ...]
    line: int
    column: int
    size: int = 1


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys with values, in the order written; no key is there twice."""

    pairs: tuple[tuple[Scalar, "Node"], ...]
    line: int
    column: int
    size: int = 1


Node = Scalar | Sequence | Mapping


class Unusable(Exception):  # noqa: N818 - a file's state, not ours
    """A file out of which no tree can be made; carries its only problem."""

    def __init__(self, problem: ScenarioProblem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(slots=True)
class Source:
    """The text of one file, for problems to point into."""

    file: Path
    text: str
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = _LINE_BREAK.split(self.text)

    def problem(self, line: int, column: int, message: str, hint: str = "") -> ScenarioProblem:
        """A problem at this place, moved into the text should the place lie behind its end."""
        line = min(max(line, 1), len(self.lines))
        source = self.lines[line - 1]
        column = min(max(column, 1), len(source) + 1)
        return ScenarioProblem(self.file, line, column, message, hint, source)


def read_source(file: Path) -> Source:
    """The file's text.

    Raises:
        Unusable: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        with file.open("rb") as stream:
            raw = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Unusable(ScenarioProblem(file, 0, 0, f"cannot be read: {why}")) from error
    return decode(file, raw)


def decode(file: Path, raw: bytes) -> Source:
    """The text in `raw`.

    Raises:
        Unusable: it is too large, or is not UTF-8.
    """
    if len(raw) > FILE_BYTES_MAX:
        message = f"larger than {FILE_BYTES_MAX // 1024} KiB: this is no scenario"
        raise Unusable(ScenarioProblem(file, 0, 0, message))
    try:
        return Source(file, raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        good = raw[: error.start].decode("utf-8-sig", "replace")
        source = Source(file, good)
        message = "this is not UTF-8 text"
        hint = "save the file with the encoding UTF-8"
        last = source.problem(len(source.lines), len(source.lines[-1]) + 1, message, hint)
        raise Unusable(last) from error


def read_tree(source: Source) -> tuple[Node | None, list[ScenarioProblem]]:
    """The document's root and the problems found on the way; an empty file has no root.

    Raises:
        Unusable: the YAML is broken, or too large or deep to be a scenario.
    """
    found = _NO_TEXT.search(source.text)
    if found:
        before = _LINE_BREAK.split(source.text[: found.start()])
        message = "a control character, which no text file should hold"
        raise Unusable(source.problem(len(before), len(before[-1]) + 1, message))
    builder = _Builder(source)
    try:
        for event in YAML(typ="safe", pure=True).parse(source.text):
            builder.take(event)
    except MarkedYAMLError as error:
        raise Unusable(_syntax_problem(source, error)) from error
    except ReaderError as error:
        before = _LINE_BREAK.split(source.text[: error.position])
        message = "a character which YAML does not allow"
        raise Unusable(source.problem(len(before), len(before[-1]) + 1, message)) from error
    except (YAMLError, ValueError, OverflowError, IndexError) as error:
        # The scanner lets chr() and int() complain about escapes such as "\UFFFFFFFF".
        message = f"this is not YAML: {quoted(str(error))}"
        raise Unusable(source.problem(*builder.place, message)) from error
    return builder.root, builder.problems


def _syntax_problem(source: Source, error: MarkedYAMLError) -> ScenarioProblem:
    why = str(error.problem or error.context or "broken")
    mark = error.problem_mark or error.context_mark
    if "end of stream" in why and error.context_mark is not None:
        mark = error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    written = source.lines[min(line, len(source.lines)) - 1]
    if "\t" in written[: len(written) - len(written.lstrip())]:
        hint = "replace each tab by spaces"
        return source.problem(
            line, written.index("\t") + 1, "a tab; YAML is indented with spaces", hint
        )
    hint = next((advice for part, advice in _SYNTAX_HINTS.items() if part in why), "")
    return source.problem(line, column, f"this is not YAML: {quoted(why)[1:-1]}", hint)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    event: Any
    line: int
    column: int
    children: list[Node] = field(default_factory=list)


class _Builder:
    """Makes nodes from ruamel.yaml's events, without recursion; depth is checked first."""

    def __init__(self, source: Source) -> None:
        self.root: Node | None = None
        self.problems: list[ScenarioProblem] = []
        self.place = (1, 1)
        self._source = source
        self._open: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._documents = 0
        self._key_end: tuple[int, int] | None = None  # behind the colon of the scalar before

    def take(self, event: Any) -> None:
        """One event of the parser."""
        kind = type(event).__name__
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        self.place = (line, column)
        if kind == "DocumentStartEvent":
            self._documents += 1
            if self._documents > 1:
                self._stop(line, column, "a second document: one file is one call")
        elif kind == "AliasEvent":
            self._add(self._aliased(event.anchor, line, column))
        elif kind == "ScalarEvent":
            self._complete(event, self._scalar(event, line, column))
            self._key_end = (event.end_mark.line + 1, event.end_mark.column + 2)
        elif kind in ("SequenceStartEvent", "MappingStartEvent"):
            self._refuse_tag(event, line, column)
            if len(self._open) >= DEPTH_MAX:
                self._stop(line, column, f"nested more than {DEPTH_MAX} deep: this is no scenario")
            self._open.append(_Open(event, line, column))
            self._key_end = None
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            closed = self._open.pop()
            make = self._sequence if kind == "SequenceEndEvent" else self._mapping
            self._complete(closed.event, make(closed))

    def _stop(self, line: int, column: int, message: str) -> NoReturn:
        raise Unusable(self._source.problem(line, column, message))

    def _note(self, line: int, column: int, message: str, hint: str = "") -> None:
        self.problems.append(self._source.problem(line, column, message, hint))

    def _refuse_tag(self, event: Any, line: int, column: int) -> None:
        if event.ctag is not None and str(event.ctag):
            self._note(line, column, f"a tag {quoted(str(event.ctag))}; a scenario has none")

    def _scalar(self, event: Any, line: int, column: int) -> Scalar:
        self._refuse_tag(event, line, column)
        text = event.value
        if not text and not event.style and self._key_end is not None:
            line, column = self._key_end  # YAML places what is missing at the next thing there is
        if _NO_TEXT.search(text):
            self._note(line, column, "a text with a control character in it")
        # A plain scalar's style is None or "" (ruamel.yaml differs between versions).
        return Scalar(text, line, column, plain=not event.style)

    def _sequence(self, closed: _Open) -> Sequence:
        size = 1 + sum(child.size for child in closed.children)
        return Sequence(tuple(closed.children), closed.line, closed.column, size)

    def _mapping(self, closed: _Open) -> Mapping:
        pairs: dict[str, tuple[Scalar, Node]] = {}
        for key, value in _in_pairs(closed.children):
            if not isinstance(key, Scalar):
                self._note(key.line, key.column, "a key must be a word")
            elif key.text in pairs:
                first = pairs[key.text][0].line
                message = f"{quoted(key.text)} is there twice, first in line {first}"
                self._note(key.line, key.column, message)
            else:
                pairs[key.text] = (key, value)
        size = 1 + sum(child.size for child in closed.children)
        return Mapping(tuple(pairs.values()), closed.line, closed.column, size)

    def _aliased(self, anchor: str, line: int, column: int) -> Node:
        node = self._anchors.get(anchor)
        if node is None:
            message = f"the alias {quoted('*' + anchor)} stands for nothing defined before"
            self._stop(line, column, message)
        # A word is reported where it is used; what is wrong inside a list, where it is defined.
        return replace(node, line=line, column=column) if isinstance(node, Scalar) else node

    def _complete(self, event: Any, node: Node) -> None:
        if event.anchor:
            self._anchors[event.anchor] = node
        self._add(node)

    def _add(self, node: Node) -> None:
        if node.size > NODES_MAX or (self._open and len(self._open[-1].children) > NODES_MAX):
            self._stop(node.line, node.column, f"more than {NODES_MAX} values: this is no scenario")
        if self._open:
            self._open[-1].children.append(node)
        else:
            self.root = node


def _in_pairs(children: list[Node]) -> Iterator[tuple[Node, Node]]:
    return zip(children[::2], children[1::2], strict=True)
