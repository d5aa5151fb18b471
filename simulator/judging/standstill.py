"""Why a call stood still until it was stopped: who waited for what, and what never came.

Owns those sentences. Judges nothing: that nobody ended the call is a failure whatever the reason.
"""

from simulator.judging.observer import Observer
from simulator.scenario.durations import duration_text
from simulator.scenario.format import HangUp, Scenario, Trigger
from simulator.trace import Event

REASONS_MAX = 6
"""Of each kind; a call that stood still for an hour says no more than one of a minute."""
HEARD = frozenset({"agent_silent", "agent_speaking", "agent_heard", "turn"})
"""What a caller waits for of the agent's voice."""
ASKED: dict[str, str] = {
    "greeting": "the bridge asked for the greeting",
    "turn": "a turn of the caller was taken",
    "tool": "the bridge gave a tool's output and asked on",
    "request": "the bridge asked for a response",
    "farewell": "the bridge asked for the goodbye",
    "digits": "the bridge told of keys",
}


class Standstill(Observer):
    """Watches how far the caller came, and what the model had no words for."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self._steps = scenario.caller
        replay = scenario.replay
        alone = replay is not None and not scenario.caller  # its own end may be the call's
        self._hangs_up = any(isinstance(step.action, HangUp) for step in scenario.caller) or (
            alone and replay is not None and replay.hang_up != "stay"
        )
        self._next = 0
        self._turns = 0
        self._unanswered: dict[str, None] = {}
        self._not_offered: dict[str, None] = {}
        self._called: dict[str, None] = {}
        self.on("caller.step", self._stepped)
        self.on("agent.started", self._agent_started)
        self.on("realtime.unscripted", self._unscripted)
        self.on("realtime.tool_not_offered", self._tool_not_offered)
        self.on("realtime.sent", self._tool_called, "response.function_call_arguments.done")

    def why(self) -> str:
        """All that is known of it, one thing after the other; "" = nothing."""
        return "; ".join((*self._caller(), *self._unanswered, *self._tools()))

    def _stepped(self, event: Event) -> None:
        is_recording = event.data["action"] == "Replay"
        self._next = 0 if is_recording else int(event.data["index"]) + 1

    def _agent_started(self, _event: Event) -> None:
        self._turns += 1

    def _unscripted(self, event: Event) -> None:
        kind = str(event.data["kind"])
        said = f"{ASKED.get(kind, 'the bridge asked')}, and no reply was left for it (`on: {kind}`)"
        _keep(self._unanswered, said)

    def _tool_not_offered(self, event: Event) -> None:
        _keep(self._not_offered, str(event.data["tool"]))

    def _tool_called(self, event: Event) -> None:
        _keep(self._called, str(event.data.get("function") or event.data.get("name") or ""))

    def _caller(self) -> list[str]:
        """What the caller was at."""
        if self._next < len(self._steps):
            step = self._steps[self._next]
            place = f"at line {step.line}" if step.line else f"number {self._next + 1}"
            if step.when is None:
                return [f"the caller's step {place} had not begun"]
            return [f"the caller's step {place} still waited for {self._awaited(step.when)}"]
        if not self._hangs_up:
            return ["no step of the caller hangs up (`- hang_up: true`), and the bridge did not"]
        return []

    def _awaited(self, trigger: Trigger) -> str:
        said = f"`{written(trigger)}`"
        if trigger.kind in HEARD and not self._turns:
            return f"{said}, and the agent was never heard"
        if trigger.kind == "turn":
            return f"{said}, and the agent spoke {self._turns} time(s)"
        if trigger.kind == "tool_called":
            called = ", ".join(self._called) or "none"
            return f"{said}; tools the model called: {called}"
        return said

    def _tools(self) -> list[str]:
        return [
            f"a reply calls the tool {name}, which was not called: the bridge does not offer it "
            "to the model"
            for name in self._not_offered
        ]


def written(trigger: Trigger) -> str:
    """The trigger as it stands in a scenario."""
    if trigger.kind in ("at", "agent_heard"):
        return f"{trigger.kind} {duration_text(trigger.value_ms)}"
    detail = trigger.name or (str(trigger.number) if trigger.number else "")
    return f"{trigger.kind} {detail}".rstrip()


def _keep(kept: dict[str, None], said: str) -> None:
    if len(kept) < REASONS_MAX:
        kept[said] = None
