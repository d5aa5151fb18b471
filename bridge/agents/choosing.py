"""Which agent a call gets.

Owns the rules: who is asked for comes first, then whose number it is, then `default`; and how the
choice travels from the webhook to the stream. Must not know HTTP.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.agents.agent import Agent, Direction, settings_in_place
from bridge.agents.conduct import USUAL, Conduct
from bridge.agents.problem import did_you_mean, quoted
from bridge.core.plan import CallPlan
from bridge.errors import BridgeError
from bridge.tooling.toolbox import OurTool

DEFAULT: Final = "default"
# Call parameters of ours; an operator's begin with a small letter. Call records use the second too.
AGENT: Final = "Agent"
DIRECTION: Final = "Direction"


class CallRefused(BridgeError):  # noqa: N818 - the base is the error
    """No agent can take this call."""


class UnknownAgent(CallRefused):
    """A call asks for an agent that is not there."""


class ParametersMissing(CallRefused):
    """A call does not bring what its agent cannot do without; their names in `names`."""

    def __init__(self, agent: str, names: list[str]) -> None:
        super().__init__(f"the agent {quoted(agent)} needs the parameters {', '.join(names)}")
        self.names = names


@dataclass(frozen=True)
class Choice:
    """Who takes a call, and which way it goes."""

    agent: Agent
    direction: Direction

    @property
    def parameters(self) -> dict[str, str]:
        """What tells the stream of this choice; the agent of the settings needs no telling."""
        if self.agent.file is None:
            return {}
        return {AGENT: self.agent.name, DIRECTION: self.direction}

    @property
    def settings(self) -> dict[str, str]:
        """What of the settings is otherwise in this call."""
        return settings_in_place(self.agent, self.direction)

    def must_have(self, parameters: Mapping[str, str]) -> None:
        """See that the call brings what the agent needs.

        Raises:
            ParametersMissing: it does not.
        """
        if names := self.agent.lacking(self.direction, parameters):
            raise ParametersMissing(self.agent.name, names)

    def plan(self, parameters: Mapping[str, str]) -> CallPlan:
        """What the call shall be.

        Raises:
            ParametersMissing: it does not bring what the agent needs.
        """
        self.must_have(parameters)
        return self.agent.plan(self.direction, parameters)


class Agents:
    """All agents of a process. One is always there: `default`, as the settings say or its file."""

    def __init__(
        self,
        plan: CallPlan,
        agents: Iterable[Agent] = (),
        conduct: Conduct = USUAL,
        tools: Iterable[OurTool] = (),
    ) -> None:
        """`plan`, `conduct`: what the settings say. Names and numbers are unique in `agents`."""
        self.settings_plan = plan
        self.tools = tuple(tools)
        """What their models may have done."""
        own = Agent(DEFAULT, plan, conduct)
        self._named = {DEFAULT: own} | {agent.name: agent for agent in agents}
        self._by_number = {
            number: agent
            for agent in self._named.values()
            if agent.file is not None
            for number in agent.file.numbers
        }

    @property
    def from_files(self) -> bool:
        """There are agents' files. Without any, asking for an agent has no meaning."""
        return any(agent.file is not None for agent in self._named.values())

    @property
    def all(self) -> list[Agent]:
        """Every agent, in the order of their names."""
        return [self._named[name] for name in sorted(self._named)]

    def named(self, name: str) -> Agent:
        """The agent of this name.

        Raises:
            UnknownAgent: there is none.
        """
        if name not in self._named:
            hint = did_you_mean(name, self._named)
            raise UnknownAgent(f"there is no agent {quoted(name)}" + (f"; {hint}" if hint else ""))
        return self._named[name]

    def of_call(self, form: Mapping[str, str], requested: str = "") -> Choice:
        """Who takes a call, by its webhook.

        Args:
            form: the webhook's fields: Direction, and our own number, `To` of a call to us and
                `From` of a call from us.
            requested: who is asked for; "" = nobody.

        Raises:
            UnknownAgent: nobody has the requested name.
        """
        inbound = form.get("Direction", "inbound") == "inbound"
        direction: Direction = "inbound" if inbound else "outbound"
        if requested:
            return Choice(self.named(requested), direction)
        number = form.get("To" if inbound else "From", "").strip()
        return Choice(self._by_number.get(number) or self._named[DEFAULT], direction)

    def of_stream(self, parameters: Mapping[str, str]) -> Choice:
        """Who takes a call, by its stream's parameters, which `Choice.parameters` made.

        Raises:
            UnknownAgent: another process made them, and this one has no such agent.
        """
        outbound = parameters.get(DIRECTION) == "outbound"
        agent = self.named(parameters.get(AGENT) or DEFAULT)
        return Choice(agent, "outbound" if outbound else "inbound")
