"""One file, several calls: `matrix:` names variables with their values, `$name` stands for them.

    matrix: {burst: [3, 8, 11]}
    ...
        burst: $burst

Every combination of values is a scenario of its own, named "... [burst=3]". A `$name` may be a
whole value or part of a text (`${name}` where letters follow); `$$` is a plain dollar sign. Works
on the tree, before any meaning is read, and knows no other key.
"""

import itertools
import re
from dataclasses import dataclass, replace

from simulator.scenario.desk import Desk, Refused
from simulator.scenario.kinds import Schema, scalar
from simulator.scenario.problem import did_you_mean, quoted
from simulator.scenario.tree import NODES_MAX, Mapping, Node, Scalar, Sequence

KEY = "matrix"
VALUES_MAX = 100
VARIANTS_MAX = 200
VARIABLE_PATTERN = r"\$(?:[a-z][a-z0-9_]*|\{[a-z][a-z0-9_]*\})"

_NAME = re.compile("[a-z][a-z0-9_]*")
USE = re.compile(r"\$(?:\$|([a-z][a-z0-9_]*)|\{([a-z][a-z0-9_]*)\})")


@dataclass(frozen=True, slots=True)
class Variant:
    """One combination: the tree without `matrix:`, and the values it stands for."""

    root: Mapping
    values: tuple[tuple[str, str], ...] = ()


class Variables:
    """The block of variables. Read for its problems; `variants` does the work."""

    def read(self, node: Node, desk: Desk) -> dict[str, tuple[Scalar, ...]]:
        """Each variable's values."""
        if not isinstance(node, Mapping) or not node.pairs:
            desk.refuse(node, "`matrix` is a block of variables", "like burst: [3, 8, 11]")
        variables: dict[str, tuple[Scalar, ...]] = {}
        good = True
        for key, values in node.pairs:
            try:
                variables[key.text] = _values(key, values, desk)
            except Refused:
                good = False
        if not good:
            raise Refused
        count = 1
        for values_of_one in variables.values():
            count *= len(values_of_one)
        if count > VARIANTS_MAX:
            desk.refuse(node, f"{count} combinations; there may be {VARIANTS_MAX}")
        return variables

    def schema(self) -> Schema:
        """Names with lists of single values."""
        values = {"type": ["string", "number", "boolean"]}
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": f"^{_NAME.pattern}$"},
            "additionalProperties": {"type": "array", "minItems": 1, "items": values},
        }


def _values(key: Scalar, node: Node, desk: Desk) -> tuple[Scalar, ...]:
    if not _NAME.fullmatch(key.text):
        hint = "small letters, digits and underscores, beginning with a letter"
        desk.refuse(key, f"{quoted(key.text)} cannot be a variable", hint)
    if not isinstance(node, Sequence) or not 1 <= len(node.items) <= VALUES_MAX:
        desk.refuse(node, "a list of values is expected here", f"like {key.text}: [3, 8, 11]")
    values = tuple(scalar(item, desk, "a single value") for item in node.items)
    texts: set[str] = set()
    for value in values:
        if value.text in texts:
            desk.refuse(value, f"{quoted(value.text)} is there twice")
        texts.add(value.text)
    return values


def variants(root: Mapping, desk: Desk) -> list[Variant]:
    """The file's calls, in the order of the values; one if there is no `matrix:`.

    Raises:
        Refused: `matrix:` is wrong, a variable is unknown, or one is never used.
    """
    pairs = tuple(pair for pair in root.pairs if pair[0].text != KEY)
    found = next(((key, node) for key, node in root.pairs if key.text == KEY), None)
    variables = Variables().read(found[1], desk) if found else {}
    bare = replace(root, pairs=pairs)
    uses = _uses(bare, variables, desk)
    unused = [name for name in variables if name not in uses]
    if found and unused:
        desk.note(found[0], f"the variable {quoted(unused[0])} is never used",
                  f"write ${unused[0]} where its values belong")  # fmt: skip
        raise Refused
    if not variables:
        return [Variant(_mapping(bare, {}))]
    made = []
    for combination in itertools.product(*variables.values()):
        chosen = dict(zip(variables, combination, strict=True))
        texts = tuple((name, value.text) for name, value in chosen.items())
        made.append(Variant(_mapping(bare, chosen), texts))
    if bare.size * len(made) > 10 * NODES_MAX:
        desk.refuse(root, "too large for so many combinations: this is no scenario")
    return made


def _uses(root: Mapping, variables: dict[str, tuple[Scalar, ...]], desk: Desk) -> set[str]:
    """The names used anywhere, each of which must be known."""
    uses: set[str] = set()
    good = True
    for node in _scalars(root):
        for use in USE.finditer(node.text):
            name = use[1] or use[2]
            if name is None:
                continue
            uses.add(name)
            if name not in variables:
                hint = did_you_mean(name, variables) or (
                    f"name it in `{KEY}:`, or write $$ for a dollar sign"
                )
                desk.note(node, f"unknown variable {quoted('$' + name)}", hint)
                good = False
    if not good:
        raise Refused
    return uses


def _scalars(node: Node) -> list[Scalar]:
    if isinstance(node, Scalar):
        return [node]
    children = [v for _, v in node.pairs] if isinstance(node, Mapping) else node.items
    return [found for child in children for found in _scalars(child)]


def _mapping(node: Mapping, chosen: dict[str, Scalar]) -> Mapping:
    pairs = tuple((key, _substituted(value, chosen)) for key, value in node.pairs)
    return replace(node, pairs=pairs)


def _substituted(node: Node, chosen: dict[str, Scalar]) -> Node:
    if isinstance(node, Mapping):
        return _mapping(node, chosen)
    if isinstance(node, Sequence):
        return replace(node, items=tuple(_substituted(item, chosen) for item in node.items))
    whole = USE.fullmatch(node.text)
    if whole and node.text != "$$":
        return chosen[whole[1] or whole[2]]
    if "$" not in node.text:
        return node

    def value(use: re.Match[str]) -> str:
        name = use[1] or use[2]
        return chosen[name].text if name else "$"

    return replace(node, text=USE.sub(value, node.text))
