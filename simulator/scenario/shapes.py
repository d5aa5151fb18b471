"""Kinds made of other kinds: records with keys, lists, tables, and "one of these shapes".

Like `kinds`, each both reads and describes itself. Knows no key of a scenario.
"""

from collections.abc import Callable
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from simulator.scenario.desk import Desk, Refused
from simulator.scenario.kinds import Kind, Schema
from simulator.scenario.problem import did_you_mean, quoted
from simulator.scenario.tree import Mapping, Node, Scalar, Sequence

T = TypeVar("T")

Given = dict[str, Any]
"""The keys of a record which were written, under the names they have as values."""


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a record: what it takes, and in a sentence what it means.

    `into` is the name of the value, where it differs from the key.
    """

    key: str
    kind: Kind[Any]
    doc: str
    into: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """A block of known keys. `build` makes the value of those given, and may refuse it.

    `mistakes` are keys people write instead, with what to write.
    """

    what: str
    fields: tuple[Field, ...]
    build: Callable[[Given, Mapping, Desk], T]
    mistakes: MappingABC[str, str] = field(default_factory=dict)

    def read(self, node: Node, desk: Desk) -> T:
        """Read what `build` makes of the block."""
        if not isinstance(node, Mapping):
            keys = ", ".join(f.key for f in self.fields)
            desk.refuse(node, f"{self.what} is a block of keys", f"its keys are {keys}")
        known = {f.key: f for f in self.fields}
        given: Given = {}
        good = True
        for key, value in node.pairs:
            found = known.get(key.text)
            if found is None:
                desk.note(key, f"unknown key {quoted(key.text)} in {self.what}", self._hint(key))
                good = False
                continue
            try:
                given[found.into or found.key] = found.kind.read(value, desk)
            except Refused:
                good = False
        written = {key.text for key, _ in node.pairs}
        for missing in (f for f in self.fields if f.required and f.key not in written):
            desk.note(node, f"{self.what} needs the key {quoted(missing.key)}", missing.doc)
            good = False
        if not good:
            raise Refused
        return self.build(given, node, desk)

    def schema(self) -> Schema:
        """Describe what is taken."""
        keys = {f.key: {"description": f.doc, **f.kind.schema()} for f in self.fields}
        required = [f.key for f in self.fields if f.required]
        schema: Schema = {"type": "object", "properties": keys, "additionalProperties": False}
        return {**schema, "required": required} if required else schema

    def _hint(self, key: Scalar) -> str:
        if key.text in self.mistakes:
            return self.mistakes[key.text]
        if key.text == "<<":
            return "merge keys are not used here; repeat the keys"
        keys = [f.key for f in self.fields]
        return did_you_mean(key.text, keys) or f"its keys are {', '.join(keys)}"


def simply(make: Callable[..., T]) -> Callable[[Given, Mapping, Desk], T]:
    """A `build` which passes what was given to `make`, by name."""
    return lambda given, _node, _desk: make(**given)


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list of values of one kind, read to its end even if some are wrong."""

    kind: Kind[T]
    what: str
    least: int = 0
    most: int = 1_000

    def read(self, node: Node, desk: Desk) -> tuple[T, ...]:
        """Read the values, in order."""
        if not isinstance(node, Sequence):
            desk.refuse(node, f"a list of {self.what} is expected here", "begin each with `- `")
        if not self.least <= len(node.items) <= self.most:
            bounds = f"from {self.least} to {self.most}"
            desk.refuse(node, f"{len(node.items)} {self.what}; there may be {bounds}")
        values: list[T] = []
        for item in node.items:
            try:
                values.append(self.kind.read(item, desk))
            except Refused:
                continue
        if len(values) < len(node.items):
            raise Refused
        return tuple(values)

    def schema(self) -> Schema:
        """Describe what is taken."""
        schema: Schema = {"type": "array", "items": self.kind.schema(), "maxItems": self.most}
        return {**schema, "minItems": self.least} if self.least else schema


@dataclass(frozen=True, slots=True)
class OneOrMany(Generic[T]):
    """A value, or a list of at least one of them."""

    kind: Kind[T]
    what: str

    def read(self, node: Node, desk: Desk) -> tuple[T, ...]:
        """Read the values, in order."""
        if isinstance(node, Sequence):
            return self._many.read(node, desk)
        return (self.kind.read(node, desk),)

    def schema(self) -> Schema:
        """Describe what is taken."""
        return {"anyOf": [self.kind.schema(), self._many.schema()]}

    @property
    def _many(self) -> ListOf[T]:
        return ListOf(self.kind, self.what, least=1)


@dataclass(frozen=True, slots=True)
class Table(Generic[T]):
    """A block whose keys the writer chooses, out of `known` if that is given.

    With `detailed`, a known key may be narrowed: `NAME:DETAIL`.
    """

    kind: Kind[T]
    what: str
    known: MappingABC[str, str] | None = None
    detailed: bool = False

    def read(self, node: Node, desk: Desk) -> dict[str, T]:
        """Read the values, by their names."""
        if not isinstance(node, Mapping):
            desk.refuse(node, f"a block of {self.what}s is expected here, `NAME: value` each")
        values: dict[str, T] = {}
        good = True
        for key, value in node.pairs:
            try:
                name = key.text.partition(":")[0] if self.detailed else key.text
                if self.known is not None and name not in self.known:
                    desk.refuse_word(key, self.what, self.known)
                values[key.text] = self.kind.read(value, desk)
            except Refused:
                good = False
        if not good:
            raise Refused
        return values

    def schema(self) -> Schema:
        """Describe what is taken."""
        if self.known is None:
            return {"type": "object", "additionalProperties": self.kind.schema()}
        keys = {
            name: {"description": meaning, **self.kind.schema()}
            for name, meaning in self.known.items()
        }
        schema: Schema = {"type": "object", "properties": keys, "additionalProperties": False}
        if self.detailed:
            narrowed = f"^(?:{'|'.join(self.known)}):.+$"
            schema["patternProperties"] = {narrowed: self.kind.schema()}
        return schema


@dataclass(frozen=True, slots=True)
class ByShape(Generic[T]):
    """Different kinds for a single value, a list and a block; None = that shape is not taken."""

    what: str
    hint: str
    single: Kind[T] | None = None
    many: Kind[T] | None = None
    block: Kind[T] | None = None

    def read(self, node: Node, desk: Desk) -> T:
        """Read the value, by the kind for its shape."""
        kind = self.block
        if isinstance(node, Scalar):
            kind = None if node.empty else self.single
        elif isinstance(node, Sequence):
            kind = self.many
        if kind is None:
            desk.refuse(node, f"{self.what} is expected here", self.hint)
        return kind.read(node, desk)

    def schema(self) -> Schema:
        """Describe what is taken."""
        return {"anyOf": [k.schema() for k in (self.single, self.many, self.block) if k]}


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """A kind whose value is made into another one."""

    kind: Kind[Any]
    make: Callable[[Any, Node, Desk], T]

    def read(self, node: Node, desk: Desk) -> T:
        """Read what `make` makes of the value."""
        return self.make(self.kind.read(node, desk), node, desk)

    def schema(self) -> Schema:
        """Describe what is taken."""
        return self.kind.schema()
