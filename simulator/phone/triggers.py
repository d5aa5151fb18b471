"""Waits for the moment a step of the caller asks for.

Owns what each `Trigger` means to a person on the line: as of the moment of asking, from the
caller's ear and from what Twilio has sent. (Faults of
links and of the model wait by `simulator.cues`.)
"""

from __future__ import annotations

from collections.abc import Callable

from simulator.phone.ear import Ear
from simulator.scenario.format import Trigger
from simulator.timeline import Timeline
from simulator.trace import Event, Trace

Do = Callable[[], None]
TOOL_CALLED = "response.function_call_arguments.done"


class Triggers:
    """Calls back once, when a trigger comes true; `drop` forgets all of them."""

    def __init__(self, timeline: Timeline, trace: Trace, ear: Ear) -> None:
        self._timeline = timeline
        self._ear = ear
        self._stream_began_ms: float | None = None
        self._stream_over = False
        self._over = False
        self._waiting: list[tuple[Trigger, int, Do]] = []
        self._marks = 0
        trace.subscribe(self._observe)

    def when(self, trigger: Trigger, do: Do) -> None:
        """Call `do` when `trigger` is true for someone who begins to wait now."""
        kind = trigger.kind
        if kind == "agent_speaking":
            self._ear.when_audible(do)
        elif kind == "agent_silent":
            self._ear.when_silent(do)
        elif kind == "agent_heard":
            self._ear.when_heard(trigger.value_ms, do)
        elif kind == "turn":
            self._ear.when_turn(max(trigger.number, 1), do)
        elif kind in ("at", "stream_started") and self._stream_began_ms is not None:
            self._begin(trigger, do)
        elif kind == "stream_ended" and self._stream_over:
            do()
        else:
            self._waiting.append((trigger, self._marks, do))

    def drop(self) -> None:
        """The line is down."""
        self._over = True
        self._waiting.clear()

    def _begin(self, trigger: Trigger, do: Do) -> None:
        assert self._stream_began_ms is not None
        if trigger.kind == "stream_started":
            do()
        else:
            at_ms = self._stream_began_ms + trigger.value_ms
            self._timeline.at(at_ms, lambda: None if self._over else do())

    def _observe(self, event: Event) -> None:
        if event.who == "twilio":
            if event.name == "sent":
                self._sent(event)
            elif event.name in ("closed", "refused"):
                self._stream_over = True
                for _, _, do in self._take("stream_ended"):
                    do()
        elif self._waiting and event.data.get("type") == TOOL_CALLED:
            name = event.data.get("function") or event.data.get("name") or ""
            for _, _, do in self._take("tool_called", name=str(name)):
                do()

    def _sent(self, event: Event) -> None:
        what = event.data["event"]
        if what == "start" and self._stream_began_ms is None:
            self._stream_began_ms = event.at_ms
            for trigger, _, do in self._take("at") + self._take("stream_started"):
                self._begin(trigger, do)
        elif what == "mark" and event.data["played"]:
            self._marks += 1
            for _, _, do in self._take("marked"):
                do()

    def _take(self, kind: str, name: str = "") -> list[tuple[Trigger, int, Do]]:
        taken = [entry for entry in self._waiting if self._due(entry, kind, name)]
        self._waiting = [entry for entry in self._waiting if entry not in taken]
        return taken

    def _due(self, entry: tuple[Trigger, int, Do], kind: str, name: str) -> bool:
        trigger, marks_before, _ = entry
        if trigger.kind != kind:
            return False
        if kind == "marked":
            return self._marks - marks_before >= max(trigger.number, 1)
        return trigger.name in ("", name)
