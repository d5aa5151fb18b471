"""One agent: from the direction and the parameters of a call to its plan.

Owns which text an agent is told in which call. Must not know how an agent is chosen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import msgspec

from bridge.agents.checking import COMPANY, conduct_of, turn_detection
from bridge.agents.conduct import USUAL, Conduct
from bridge.agents.languages import instructions_to_speak
from bridge.agents.shape import BUILT_IN, AgentFile, Words, said, settings_said
from bridge.agents.template import Placeholder, Template, harmless, parsed
from bridge.agents.tool_reading import KnownTools
from bridge.core.plan import CallPlan

Direction = Literal["inbound", "outbound"]
NO_TOOLS: Final = KnownTools()


@dataclass(frozen=True)
class Told:
    """What an agent is told in calls of one direction."""

    instructions: Template
    greeting: Template

    @property
    def required(self) -> frozenset[str]:
        """The call parameters it cannot do without."""
        return self.instructions.required | self.greeting.required


@dataclass(frozen=True)
class Agent:
    """Who answers. Without a file (`file` None) it is what the settings say."""

    name: str
    base: CallPlan
    """All that is the same in each of its calls."""
    conduct: Conduct = USUAL
    told: Mapping[Direction, Told] = field(default_factory=dict)
    file: AgentFile | None = None

    def lacking(self, direction: Direction, parameters: Mapping[str, str]) -> list[str]:
        """The names of call parameters without which this agent cannot take such a call."""
        told = self.told.get(direction)
        if told is None:
            return []
        return sorted(name for name in told.required if not harmless(parameters.get(name, "")))

    def plan(self, direction: Direction, parameters: Mapping[str, str]) -> CallPlan:
        """What such a call shall be; nothing may be `lacking`."""
        told = self.told.get(direction)
        if told is None:
            return self.base
        return msgspec.structs.replace(
            self.base,
            instructions=told.instructions.filled(parameters),
            greeting=told.greeting.filled(parameters),
        )


def settings_in_place(agent: Agent, direction: Direction) -> dict[str, str]:
    """What of the settings is otherwise in an agent's calls, for whoever replays one.

    Texts are as they stand in its file: no value of a call is in them.
    """
    file = agent.file
    if file is None:
        return {}
    words = {"inbound": Words(), "outbound": Words()}
    shared = settings_said(file.model_copy(update=words))
    return shared | settings_said(file.inbound if direction == "inbound" else file.outbound)


def agent_of(
    name: str,
    file: AgentFile,
    default: CallPlan,
    company: str,
    conduct: Conduct = USUAL,
    tools: KnownTools = NO_TOOLS,
) -> Agent:
    """The agent of a checked file; what the file does not say is as in `default`, `conduct`."""
    detection = turn_detection(file.turn_detection, default.turn_detection)
    base = msgspec.structs.replace(default, **said(file), turn_detection=detection)
    if "tools" in file.model_fields_set:
        built_in = tuple(word for word in file.tools if word in BUILT_IN)
        ours = (tools.get(word) for word in file.tools if word not in BUILT_IN)
        offered = tuple(tool.definition.offered for tool in ours if tool is not None)
        base = msgspec.structs.replace(base, builtin_tools=built_in, tools=offered)
    if file.transfer.to:
        base = msgspec.structs.replace(base, transfers=dict(file.transfer.to))
    return Agent(
        name,
        base,
        conduct_of(file, conduct),
        {
            "inbound": _told(file, file.inbound, default, company),
            "outbound": _told(file, file.outbound, default, company),
        },
        file,
    )


def described(agent: Agent) -> str:
    """An agent in one line, for an operator."""
    if agent.file is None:
        return f"{agent.name}: as the settings say"
    file = agent.file
    parts = [f"voice {agent.base.voice}", f"model {agent.base.model}"]
    for name, words in (("numbers", file.numbers), ("languages", file.languages)):
        parts += [f"{name} {' '.join(words)}"] if words else []
    if file.parameters:
        required = {name for told in agent.told.values() for name in told.required}
        words = tuple(f"{name}*" if name in required else name for name in file.parameters)
        parts.append(f"parameters {' '.join(words)}")
    base = agent.base
    parts.append(f"tools {' '.join([*base.builtin_tools, *(tool.name for tool in base.tools)])}")
    if "transfer_call" in base.builtin_tools and "transfer_call" not in base.offered:
        parts.append("but no transfer_call without Twilio's REST credentials")
    elif "transfer_call" in base.offered:
        parts.append(f"transfer to {' / '.join(base.transfers)}")
    parts += ["recorded"] if agent.conduct.records else []
    return f"{agent.name}: {', '.join(parts)}"


def _told(file: AgentFile, direction: Words, default: CallPlan, company: str) -> Told:
    own = [text.strip() for text in (file.instructions, direction.instructions) if text.strip()]
    parts: list[str | Placeholder] = []
    for template in [parsed(text) for text in own] or [Template((default.instructions,))]:
        parts += ["\n\n", *template.parts]
    speak = instructions_to_speak(file.languages)
    parts += ["\n\n", speak] if speak else []
    greetings = (direction.greeting, file.greeting)
    greeting = next((text for text in greetings if text is not None), None)
    spoken = Template((default.greeting,)) if greeting is None else parsed(greeting)
    return Told(_with_company(parts[1:], company), _with_company(spoken.parts, company))


def _with_company(parts: Sequence[str | Placeholder], company: str) -> Template:
    """The operator's own name is no data of strangers: it goes in as it is."""
    filled = (
        company or part.default or ""
        if isinstance(part, Placeholder) and part.name == COMPANY
        else part
        for part in parts
    )
    return Template(tuple(part for part in filled if part != ""))
