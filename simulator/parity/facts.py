"""A call's results that have nothing to do with time: what happened, how often, and how it ended.

Owns which events are counted. Knows no clock: the same facts come out of virtual and real time.
"""

from collections import Counter

from simulator.judging import readings
from simulator.judging.observer import Observer
from simulator.report.result import ScenarioResult
from simulator.scenario.names import EVENTS, EventName
from simulator.trace import Event

COUNTED = tuple(
    name for name in EVENTS if "." not in name and name not in ("mark", "mark_returned")
)
"""Every event a scenario can name; not the vocabulary's `twilio.sent` and its like, which take in
the caller's frames: their number follows from how long the call lasted, 50 a second. Of marks only
those count that stand behind audio: one that follows another mark probes the line, every so often
as long as a call lasts."""


class Facts(Observer):
    """Listens to one call's trace; `of` reads the facts when the call is over."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: Counter[str] = Counter()
        self._ended: dict[str, str] = {}
        self._items: dict[str, int] = {}
        self._truncated: list[str] = []
        self._audio_since_mark = False
        self._names: set[str] = set()
        self._marks = self._returned = 0
        for name in COUNTED:
            self._count(name, EVENTS[name])
        self.on("phone.ended", self._line_ended)
        self.on("bridge.ended", self._bridge_ended)
        self.on("twilio.received", self._media, "media")
        self.on("twilio.received", self._mark, "mark")
        self.on("twilio.sent", self._mark_returned, "mark")
        self.on("realtime.sent", self._item, *readings.AUDIO_DELTAS)
        self.on("realtime.received", self._truncate, "conversation.item.truncate")

    def of(self, result: ScenarioResult) -> dict[str, str]:
        """Name -> value, as text: what must be the same in virtual and real time."""
        facts = {"verdict": result.verdict, **self._ended}
        for each in result.expectations:
            facts[f"expected: {each.text}"] = each.verdict
        for law, count in result.law_counts.items():
            facts[f"law {law} broken"] = str(count)
        facts["marks behind audio"] = str(self._marks)
        facts["marks behind audio returned"] = str(self._returned)
        facts["items truncated"] = ", ".join(self._truncated) or "none"
        facts |= {f"{name} events": str(self._counts[name]) for name in COUNTED}
        return facts

    def _count(self, name: str, meaning: EventName) -> None:
        match = dict(meaning.match)
        kind = match.pop("type", None) or match.pop("event", None)

        def seen(event: Event) -> None:
            if all(str(event.data.get(key)) == value for key, value in match.items()):
                self._counts[name] += 1

        self.on(meaning.source, seen, *([kind] if kind else []))

    def _media(self, _: Event) -> None:
        self._audio_since_mark = True

    def _mark(self, event: Event) -> None:
        if self._audio_since_mark:
            self._marks += 1
            self._names.add(str(event.data.get("name")))
        self._audio_since_mark = False

    def _mark_returned(self, event: Event) -> None:
        self._returned += str(event.data.get("name")) in self._names

    def _line_ended(self, event: Event) -> None:
        self._ended["ended by"] = str(event.data.get("by", ""))
        self._ended["ended how"] = str(event.data.get("how", ""))

    def _bridge_ended(self, event: Event) -> None:
        self._ended["end reason"] = str(event.data.get("reason", ""))

    def _item(self, event: Event) -> None:
        item = readings.item_id(event.data)
        self._items.setdefault(item, len(self._items) + 1)

    def _truncate(self, event: Event) -> None:
        number = self._items.get(readings.item_id(event.data), 0)
        self._truncated.append(f"spoken item {number}")
