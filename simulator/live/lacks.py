"""Which scenarios make no sense with a bridge that lacks something.

Owns that choice. What becomes of single expectations is the judge's (`judging.terms`).
"""

from collections.abc import Callable, Mapping

from simulator.judging.terms import LACKS
from simulator.scenario.format import BridgeProcess, Press, Scenario

Needs = Callable[[Scenario], bool]


def _greets(scenario: Scenario) -> bool:
    return any(reply.on == "greeting" for reply in scenario.model.replies)


def _uses_tools(scenario: Scenario) -> bool:
    return any(reply.calls for reply in scenario.model.replies)


def _agent_hangs_up(scenario: Scenario) -> bool:
    replies = scenario.model.replies
    return any(call.name == "end_call" for reply in replies for call in reply.calls)


def _presses_keys(scenario: Scenario) -> bool:
    return any(isinstance(step.action, Press) for step in scenario.caller)


def _shows_wrong_papers(scenario: Scenario) -> bool:
    return {scenario.phone.signature, scenario.phone.token} != {"valid"}


def _has_settings(scenario: Scenario) -> bool:
    return bool(scenario.agent.settings) or isinstance(scenario.agent.greeting, str)


def _is_ordered(scenario: Scenario) -> bool:
    return scenario.call.via == "api"


_NEEDS: Mapping[str, Needs] = {
    "greeting": _greets,
    "settings": _has_settings,
    "tools": _uses_tools,
    "end_call": _agent_hangs_up,
    "keys": _presses_keys,
    "refusal": _shows_wrong_papers,
    "orders": _is_ordered,
}


def why_unplayable(scenario: Scenario, lacks: frozenset[str]) -> str:
    """Why a bridge that lacks this is not asked to play `scenario`; "" if it is."""
    if scenario.bridge != BridgeProcess():
        return "`bridge:` is for virtual time; live, all calls share one process"
    if scenario.services:
        return "services that tools ask are there in virtual time only"
    if scenario.agent.settings.get("REALTIME_AUTH") == "entra":
        return "Entra, which gives the bridge its token, is there in virtual time only"
    for name in sorted(lacks & _NEEDS.keys()):
        if _NEEDS[name](scenario):
            return f"the bridge lacks {name}: {LACKS[name].meaning}"
    return ""
