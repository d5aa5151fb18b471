"""Waits for a moment of the call, so that a fault can happen at it.

Owns triggers for what is not a person: links and the model's side (the caller's own steps, which
count from the step before, are `phone.caller`'s). Reads the trace and nothing else.
"""

from collections.abc import Callable
from functools import partial

from simulator.scenario.format import Trigger
from simulator.timeline import Timeline, Timer
from simulator.trace import Event, Trace


class Cues:
    """Calls back once when a `Trigger` comes true, `wait_ms` later."""

    def __init__(self, timeline: Timeline, trace: Trace) -> None:
        self._timeline = timeline
        self._waiting: list[tuple[Trigger, Callable[[], None]]] = []
        self._hearing: list[Timer] = []
        self._marks = 0
        trace.subscribe(self._observe)

    def when(self, trigger: Trigger, wait_ms: float, do: Callable[[], None]) -> None:
        """Call `do` `wait_ms` after `trigger` first comes true from now on."""

        def go() -> None:
            self._timeline.after(wait_ms, do)

        self._waiting.append((trigger, go))

    def _observe(self, event: Event) -> None:
        if not self._waiting:
            return
        match event.who, event.name:
            case "agent", "started":
                self._fire("agent_speaking")
                self._fire("turn", number=event.data["turn"])
                self._listen()
            case "agent", "stopped":
                self._stop_listening()
                self._fire("agent_silent")
            case "twilio", "sent" if event.data["event"] == "start":
                self._fire("stream_started")
                for trigger, go in self._take("at"):
                    self._timeline.after(trigger.value_ms, go)
            case "twilio", "sent" if event.data["event"] == "mark" and event.data["played"]:
                self._marks += 1
                self._fire("marked", number=self._marks)
            case "twilio", "closed":
                self._fire("stream_ended")
            case "realtime", "sent":
                if event.data["type"] == "response.function_call_arguments.done":
                    self._fire("tool_called", name=str(event.data.get("name", "")))

    def _take(self, kind: str) -> list[tuple[Trigger, Callable[[], None]]]:
        taken = [entry for entry in self._waiting if entry[0].kind == kind]
        self._waiting = [entry for entry in self._waiting if entry[0].kind != kind]
        return taken

    def _fire(self, kind: str, *, number: int | None = None, name: str = "") -> None:
        for trigger, go in self._take(kind):
            another = number is not None and trigger.number not in (0, number)
            if another or trigger.name not in ("", name):
                self._waiting.append((trigger, go))
            else:
                go()

    def _listen(self) -> None:
        """`agent_heard`: the caller hears a turn at the speed of sound, so a timer is exact."""
        for trigger, _ in self._waiting:
            if trigger.kind == "agent_heard":
                heard = partial(self._heard, trigger)
                self._hearing.append(self._timeline.after(trigger.value_ms, heard))

    def _heard(self, trigger: Trigger) -> None:
        for entry in [entry for entry in self._waiting if entry[0] is trigger]:
            self._waiting.remove(entry)
            entry[1]()

    def _stop_listening(self) -> None:
        for timer in self._hearing:
            timer.cancel()
        self._hearing.clear()
