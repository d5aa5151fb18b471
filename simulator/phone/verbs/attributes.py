"""What may stand in an attribute of TwiML, and reading it: wrong values count as not given.

Owns the kinds of values and the words about wrong ones. Knows no verb.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

Warn = Callable[[int, str], None]


@dataclass(frozen=True, slots=True)
class Values:
    """Values that match `pattern` as a whole; `expected` says in words which these are."""

    pattern: str
    expected: str


Attributes = Mapping[str, Values]

TEXT = Values(r"(?s).*", "any text")
FLAG = Values(r"(?i)true|false", "true or false")
METHOD = Values(r"(?i)get|post", "GET or POST")
URL = Values(r"\S+", "a URL without spaces")
LOOP = Values(r"0*(?:[0-9]{1,3}|1000)", "a whole number from 0 to 1000")
SECONDS = Values(r"[0-9]{1,6}", "a whole number of seconds")
SECONDS_OR_AUTO = Values(r"auto|[0-9]{1,6}", "a whole number of seconds, or auto")
KEYS = Values(r"[0-9#*wW]+", "digits, #, * and w")


def one_of(*words: str) -> Values:
    """One of some words."""
    return Values("|".join(map(re.escape, words)), f"one of {', '.join(words)}")


def many_of(*words: str) -> Values:
    """Some of some words, with spaces between them."""
    word = f"(?:{'|'.join(map(re.escape, words))})"
    return Values(rf"{word}(?:\s+{word})*", f"some of {' '.join(words)}")


def read(element: Element, known: Attributes, warn: Warn) -> dict[str, str]:
    """The usable attributes of `element`; every other one is a warning."""
    # fidelity: documented twilio.md 3 - 12200 is a warning, and the document goes on
    # fidelity: inferred twilio.md 3 - what is unknown or wrong counts as not given
    usable: dict[str, str] = {}
    for name, value in sorted(element.items()):
        values = known.get(name)
        if values is None:
            listed = f"Known are {', '.join(sorted(known))}" if known else "It has none"
            schema_warning(warn, f"<{element.tag}> has no attribute {name}. {listed}")
        elif re.fullmatch(values.pattern, value.strip()):
            usable[name] = value.strip()
        else:
            what = f'{name}="{value[:80]}" of <{element.tag}> is not usable'
            schema_warning(warn, f"{what}: {values.expected} was expected. The default is used")
    return usable


def schema_warning(warn: Warn, what: str) -> None:
    """The document does not match TwiML's schema."""
    warn(12200, f"Schema validation warning: {what}")
