"""The fidelity table: what the fakes do as the vendors do, how we know, and which knob turns it.

Owns reading the `# fidelity:` lines out of the fakes' source and writing `docs/fidelity.md`. Knows
no behaviour itself: a line stands beside the code it is about, so the table cannot run ahead of it.

    # fidelity: documented twilio.md 1.3 - marks come back first in, first out
    # fidelity: inferred twilio.md 1.1 [knob: phone.sign_with_port] - the port is not signed

documented = a vendor's page says so; observed = captured on the wire, by somebody named in the
source; inferred = the most likely reading of what is known. A source is a section of one of the
fact sheets in `docs/protocols`, or `owner/repository#number`. A line may go on in the next one,
indented by two more spaces.
"""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent
SHEETS: Final = ("twilio.md", "realtime.md", "gpt-live.md")
TAG: Final = re.compile(
    r"(?P<evidence>documented|observed|inferred)"
    r"(?: (?P<source>(?:twilio|realtime|gpt-live)\.md [\d.]+(?:, [\d.]+)*|[\w.-]+/[\w.-]+#\d+))?"
    r"(?: \[knob: (?P<knob>[\w.-]+)\])?"
    r" - (?P<behaviour>\S.*)"
)
HEAD: Final = """\
# Fidelity of the fakes

What the fake Twilio, the fake Realtime endpoint and the fake GPT-Live do, and how we know that the
real ones do it.
Generated from the `# fidelity:` lines beside the code (`python -m simulator.fidelity`); a test
fails when this page and the code differ.

- **documented**: a vendor's page says so.
- **observed**: captured on the wire; the fact sheet names who did.
- **inferred**: nobody has measured it; this is the most likely reading of what is known.

Sources are sections of the fact sheets [twilio.md](protocols/twilio.md),
[realtime.md](protocols/realtime.md) and [gpt-live.md](protocols/gpt-live.md), which cite the pages
and captures. A **knob** is where a
scenario turns the behaviour into another one.
"""


class UntidyTag(ValueError):  # noqa: N818 - a person reads it as a sentence
    """A `# fidelity:` line that does not follow the grammar."""


@dataclass(frozen=True, slots=True)
class Fidelity:
    """One behaviour. `module` is its path below `simulator`, `line` where its tag stands."""

    module: str
    line: int
    evidence: str
    source: str
    knob: str
    behaviour: str


def tags_of(text: str, module: str) -> Iterator[Fidelity]:
    """The tags in one module's source.

    Raises:
        UntidyTag: with file and line.
    """
    lines = [line.strip() for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        if not line.startswith("# fidelity:") and "  # fidelity:" not in line:
            continue
        said = line.partition("# fidelity:")[2].strip()
        for more in lines[number:]:
            if not more.startswith("#   "):
                break
            said += " " + more.removeprefix("#").strip()
        found = TAG.fullmatch(said)
        if found is None:
            raise UntidyTag(
                f"simulator/{module}:{number}: {said!r} is not "
                "'documented|observed|inferred [SOURCE] [[knob: NAME]] - WHAT'"
            )
        given = {name: value or "" for name, value in found.groupdict().items()}
        yield Fidelity(module=module, line=number, **given)


def all_tags(root: Path = ROOT) -> list[Fidelity]:
    """Every tag of the simulator, module by module."""
    paths = sorted(path for path in root.rglob("*.py") if path != Path(__file__).resolve())
    return [
        tag
        for path in paths
        for tag in tags_of(path.read_text("utf-8"), path.relative_to(root).as_posix())
    ]


def page(tags: list[Fidelity], root: Path = ROOT) -> str:
    """The table as Markdown: a section for each module, in the words of its docstring."""
    count = {kind: sum(tag.evidence == kind for tag in tags) for kind in _KINDS}
    told = ", ".join(f"{number} {kind}" for kind, number in count.items())
    parts = [HEAD, f"{len(tags)} behaviours: {told}.\n"]
    for module in dict.fromkeys(tag.module for tag in tags):
        parts.append(f"## {_subject(root / module)}\n\n`simulator/{module}`\n")
        rows = [_row(tag) for tag in tags if tag.module == module]
        parts.append(
            "\n".join(["| behaviour | evidence | source | knob |", "|---|---|---|---|", *rows])
            + "\n"
        )
    return "\n".join(parts)


_KINDS: Final = ("documented", "observed", "inferred")


def _subject(path: Path) -> str:
    first = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or path.stem).splitlines()[0]
    return first.rstrip(".")


def _row(tag: Fidelity) -> str:
    cells = (
        tag.behaviour.replace("|", "\\|"),
        tag.evidence,
        _linked(tag.source),
        f"`{tag.knob}`" if tag.knob else "",
    )
    return f"| {' | '.join(cells)} |"


def _linked(source: str) -> str:
    sheet, _, section = source.partition(" ")
    if sheet in SHEETS:
        return f"[{sheet.removesuffix('.md')} {section}](protocols/{sheet})"
    repository, _, number = source.partition("#")
    return f"[{source}](https://github.com/{repository}/issues/{number})" if number else ""


if __name__ == "__main__":
    sys.stdout.write(page(all_tags()))
