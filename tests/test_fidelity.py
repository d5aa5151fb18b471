"""The fidelity table: every tag follows the grammar, points somewhere, and stands in the docs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulator.fidelity import SHEETS, UntidyTag, all_tags, page, tags_of

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_the_page_is_what_the_code_says() -> None:
    """docs/fidelity.md is generated: `python -m simulator.fidelity > docs/fidelity.md`."""
    written = (DOCS / "fidelity.md").read_text("utf-8")

    assert written == page(all_tags())


def test_sources_exist() -> None:
    """Each section named as a source is a heading or a numbered part of its fact sheet."""
    for sheet in SHEETS:
        text = (DOCS / "protocols" / sheet).read_text("utf-8")
        known = set(re.findall(r"^(?:#+ )?(\d+(?:\.\d+)?)\.? ", text, re.MULTILINE))
        named = {
            section
            for tag in all_tags()
            if tag.source.startswith(sheet)
            for section in tag.source.removeprefix(sheet).replace(",", " ").split()
        }

        assert named
        assert named <= known, named - known


def test_knobs_exist() -> None:
    """A knob of the table is a key a scenario may write."""
    schema = json.loads((DOCS / "call.schema.json").read_text("utf-8"))
    keys = set(_keys(schema))
    knobs = {tag.knob for tag in all_tags() if tag.knob}

    assert {knob for knob in knobs if knob.rpartition(".")[2] not in keys} == set()


def _keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from _keys(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _keys(value)


def test_a_tag_is_read_with_its_continuation() -> None:
    """Evidence, source, knob and behaviour; a line indented further belongs to the one before."""
    (tag,) = tags_of(
        "x = 1  # fidelity: observed twilio.md 1.2, 1.3 [knob: phone.dtx] - one\n"
        "#   more\n"
        "# else\n",
        "phone/x.py",
    )

    assert (tag.evidence, tag.source, tag.knob) == ("observed", "twilio.md 1.2, 1.3", "phone.dtx")
    assert tag.behaviour == "one more"
    assert tag.line == 1


@pytest.mark.parametrize(
    "untidy",
    ["documented twilio.md 1.2", "guessed - something", "observed the web - x", "inferred -"],
)
def test_an_untidy_tag_is_named_with_its_place(untidy: str) -> None:
    """What does not follow the grammar is told with file, line and the grammar."""
    with pytest.raises(UntidyTag, match=r"simulator/phone/x\.py:2: .* WHAT"):
        list(tags_of(f"\n# fidelity: {untidy}\n", "phone/x.py"))
