"""The tools that agents' files may name: built-in ones, a folder's files, installed packages'.

Owns which file is which tool, and what a name means. Must not know keys.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from bridge.agents.document import read_document
from bridge.agents.problem import Problem, quoted
from bridge.agents.shape import BUILT_IN, TOOL_NAME
from bridge.agents.tool_checking import checked_tool, tool_of
from bridge.errors import BridgeError
from bridge.settings import Settings
from bridge.tooling.function_tool import UnusableFunction, entry_point_names
from bridge.tooling.toolbox import OurTool

SUFFIX: Final = ".tool.yaml"


class UnknownTool(BridgeError):  # noqa: N818 - the base is the error
    """There is no tool of this name."""


class KnownTools:
    """The tools of a process, by name."""

    def __init__(
        self, files: Mapping[str, OurTool] | None = None, broken: Iterable[str] = ()
    ) -> None:
        """`files`: of the folder. `broken`: names of files in which something is wrong."""
        self._tools = dict(files or {})
        self._broken = frozenset(broken)

    @property
    def all(self) -> list[OurTool]:
        """Those of files, and those of packages that were asked for."""
        return list(self._tools.values())

    @property
    def names(self) -> list[str]:
        """What may stand in an agent's `tools:`."""
        return [*BUILT_IN, *self._tools, *sorted(self._broken), *entry_point_names()]

    def get(self, name: str) -> OurTool | None:
        """The tool of this name; None if its file is wrong, which has been said.

        Raises:
            UnknownTool: nobody knows this name.
            UnusableFunction: a package has it, and it cannot be a tool.
        """
        if name in self._broken:
            return None
        if name not in self._tools:
            if name not in entry_point_names():
                raise UnknownTool(name)
            tool = tool_of(name, name, None)
            if not tool.definition.description:
                raise UnusableFunction("has no docstring, and so no description")
            self._tools[name] = tool
        return self._tools[name]


def read_tools(folder: Path | None, settings: Settings, problems: list[Problem]) -> KnownTools:
    """The tools whose files are in a folder; what is wrong with them is added to `problems`."""
    tools: dict[str, OurTool] = {}
    broken = set()
    found = sorted(folder.glob("*.tool.y*ml")) if folder is not None else []
    for path in found:
        name = path.name.partition(".tool.")[0]
        if not path.name.endswith(SUFFIX):
            message, hint = (
                "looks like a tool's file and is none",
                f"its name must end with {SUFFIX}",
            )
        elif not re.fullmatch(TOOL_NAME, name):
            message = f"{quoted(name)} is no name of a tool"
            hint = "letters, digits, _ and -, the first one no digit and no -"
        elif name in BUILT_IN:
            message, hint = f"{quoted(name)} is built in", "give the file another name"
        else:
            document = read_document(path, "tool")
            tool = checked_tool(document, name, settings)
            problems += document.problems
            if tool is None:
                broken.add(name)
            else:
                tools[name] = tool
            continue
        problems.append(Problem(path, 0, 0, message, hint))
    return KnownTools(tools, broken)
