"""A folder of agents' files, read and checked together.

Owns which files are agents, their names, and what must be unique among them. Must not know keys.
"""

import re
from pathlib import Path
from typing import Final

from bridge.agents.agent import Agent, agent_of
from bridge.agents.checking import checked
from bridge.agents.choosing import Agents
from bridge.agents.conduct import conduct_for
from bridge.agents.document import read_document
from bridge.agents.problem import Problem, UnusableAgents, quoted
from bridge.agents.tool_reading import read_tools
from bridge.core.plan import CallPlan
from bridge.settings import Settings

SUFFIX: Final = ".agent.yaml"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


def read_agents(settings: Settings, default: CallPlan) -> Agents:
    """The agents in `AGENTS_DIR`; what a file does not say is as in `default`.

    Raises:
        UnusableAgents: with a line for each mistake in any of the files.
    """
    agents: list[Agent] = []
    conduct = conduct_for(settings)
    problems: list[Problem] = []
    owners: dict[str, str] = {}
    tools = read_tools(settings.agents_dir, settings, problems)
    for path in _files(settings.agents_dir, problems):
        name = path.name.removesuffix(SUFFIX)
        if not NAME.fullmatch(name):
            message = f"{quoted(name)} is no name of an agent"
            problems.append(Problem(path, 0, 0, message, "small letters, digits and -"))
            continue
        document = read_document(path)
        file = checked(document, settings, default, tools)
        if file is not None:
            agents.append(agent_of(name, file, default, settings.company_name, conduct, tools))
            for index, number in enumerate(file.numbers):
                if owners.setdefault(number, name) != name:
                    message = f"numbers: {quoted(number)} is also of agent {quoted(owners[number])}"
                    document.complain(("numbers", index), message, "a number has one agent")
        problems += document.problems
    if problems:
        raise UnusableAgents(problems)
    return Agents(default, agents, conduct, tools.all)


def _files(folder: Path | None, problems: list[Problem]) -> list[Path]:
    """The agents' files of a folder, not of those in it."""
    if folder is None:
        return []
    files = []
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        problems.append(Problem(folder, 0, 0, f"cannot be read: {error.strerror}"))
        return []
    for path in found:
        if path.name.endswith(SUFFIX):
            files.append(path)
        elif path.name.endswith(".agent.yml"):
            message = "looks like an agent's file and is none"
            problems.append(Problem(path, 0, 0, message, f"its name must end with {SUFFIX}"))
    return files
