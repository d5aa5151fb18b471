"""Reads thresholds in k6's grammar: `p(95)<900`, `max<=40`, `count==2`. Knows no metric."""

import re
from typing import cast

from simulator.scenario.desk import Desk
from simulator.scenario.format import Aggregate, Operator, Threshold
from simulator.scenario.kinds import Named, Schema, or_variable, scalar
from simulator.scenario.problem import did_you_mean, quoted
from simulator.scenario.shapes import OneOrMany
from simulator.scenario.tree import Node, Scalar

AGGREGATES = {
    "p(95)": "the value below which 95 % of the samples lie; any number from 0 to 100",
    "min": "the smallest sample",
    "max": "the largest sample",
    "avg": "the mean",
    "med": "the median, p(50)",
    "count": "the number of samples",
}
OPERATORS = ("<=", ">=", "==", "!=", "<", ">")
EXAMPLE = 'write for example "p(95)<900", "max<=40" or "count==2"'

_NUMBER = r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?"
_PERCENTILE = r"p\( *[0-9]{1,3}(?:\.[0-9]{1,3})? *\)"
_SHAPE = re.compile(r"([^<>=!]*)([<>=!]+)(.*)", re.DOTALL)
_CURLY = re.compile("[\u2018-\u201f\u00ab\u00bb]")
_WRONG_NAMES = {"mean": "avg", "average": "avg", "median": "med", "minimum": "min"}
_WRONG_NAMES |= {"maximum": "max", "number": "count", "n": "count"}


class ThresholdText:
    """One threshold; its metric's name is filled in by whoever knows it."""

    def read(self, node: Node, desk: Desk) -> Threshold:
        """Aggregate, operator and value, each refused with what it should be."""
        found = scalar(node, desk, "a threshold", EXAMPLE)
        if _CURLY.search(found.text):
            message = f"typographic quotes around a threshold: {quoted(found.text)}"
            desk.refuse(found, message, 'write straight ones, like "p(95)<900"')
        shape = _SHAPE.fullmatch(found.text.strip())
        if shape is None or not shape[1].strip():
            hint = EXAMPLE
            if shape is not None and shape[3].strip():
                hint = f"say of what, like max{shape[2]}{shape[3].strip()}"
            desk.refuse(found, f"a threshold is expected, not {quoted(found.text)}", hint)
        aggregate, percentile = self._aggregate(shape[1].strip(), found, desk)
        return Threshold(
            metric="",
            aggregate=aggregate,
            op=self._operator(shape[2], found, desk),
            value=self._value(shape[3].strip(), found, desk),
            text=re.sub(r"\s+", "", found.text),
            line=found.line,
            percentile=percentile,
        )

    def schema(self) -> Schema:
        """A text in the grammar."""
        names = "|".join(name for name in AGGREGATES if "(" not in name)
        operators = "|".join(OPERATORS)
        pattern = rf"^ *(?:{_PERCENTILE}|{names}) *(?:{operators}) *{_NUMBER} *$"
        return or_variable({"type": "string", "pattern": pattern})

    @staticmethod
    def _aggregate(word: str, node: Scalar, desk: Desk) -> tuple[Aggregate, float | None]:
        if re.fullmatch(_PERCENTILE, word):
            percentile = float(word[2:-1])
            if percentile > 100:
                desk.refuse(node, f"{quoted(word)} is out of bounds", "from p(0) to p(100)")
            return "p", percentile
        if word not in AGGREGATES:
            without = re.fullmatch(r"p ?([0-9]{1,2}(?:\.[0-9]{1,3})?)", word)
            hint = f"write p({without[1]})" if without else ""
            if word.casefold() in _WRONG_NAMES:
                hint = f"write {_WRONG_NAMES[word.casefold()]}"
            hint = hint or did_you_mean(word, AGGREGATES) or EXAMPLE
            desk.refuse(node, f"unknown aggregate {quoted(word)}", hint)
        return cast("Aggregate", word), None

    @staticmethod
    def _operator(word: str, node: Scalar, desk: Desk) -> Operator:
        if word not in OPERATORS:
            wanted = {"=": "==", "=<": "<=", "=>": ">=", "<>": "!="}.get(word)
            hint = f"write {wanted}" if wanted else "it may be " + ", ".join(OPERATORS)
            desk.refuse(node, f"unknown comparison {quoted(word)}", hint)
        return cast("Operator", word)

    @staticmethod
    def _value(word: str, node: Scalar, desk: Desk) -> float:
        if not re.fullmatch(_NUMBER, word):
            hint = EXAMPLE
            if re.match(_NUMBER, word):
                hint = "write the number alone: a metric's name says its unit"
            desk.refuse(node, f"a number is expected, not {quoted(word)}", hint)
        return float(word)


THRESHOLDS: Named[tuple[Threshold, ...]] = Named(
    "thresholds", OneOrMany(ThresholdText(), "thresholds")
)
