"""The model's side of a recorded call as replies: sounds, times of delivery, tool calls.

Owns what a recorded response becomes. Deltas are due so long after the request reached the model as
they came after it was made, less the round trip: with the same links they arrive when they did.
Writes the sounds and times beside the scenario. Knows no bridge.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from simulator.imports.caller_sound import write_wav
from simulator.imports.story import RecordedResponse
from simulator.scenario.delivered import Delivery
from simulator.scenario.delivery import SUFFIX

OPEN_AFTER_CUT_MS: Final = 2000.0
"""An interrupted answer stays open so much longer, in case today's interruption comes later."""
INCOMPLETE: Final = frozenset({"max_output_tokens", "content_filter"})

Values = dict[str, Any]


@dataclass(slots=True)
class Replies:
    """What was made so far: `written` in YAML's terms, `left_out` in words."""

    folder: Path
    stem: str
    round_trip_ms: float
    written: list[Values] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, response: RecordedResponse) -> None:
        """One more response."""
        number = len(self.written) + 1
        reply: Values = {"on": response.asker}
        items = sorted((item for item in response.items if item.deltas), key=lambda it: it.index)
        listed = []
        for place, item in enumerate(items):
            name = f"{self.stem}.{number}{'abcdefgh'[place % 8] if len(items) > 1 else ''}.wav"
            write_wav(self.folder / name, item.audio)
            listed.append({"say": name, **({"words": item.words} if item.words.strip() else {})})
        if len(listed) == 1:
            reply |= listed[0]
        elif listed:
            reply["items"] = listed
        if response.calls:
            reply["call"] = [_call(call.name, call.arguments) for call in response.calls]
            first = min(call.index for call in response.calls)
            if items and first < items[0].index:
                reply["calls_first"] = True
        if response.status == "failed":
            reply["fail"] = response.code
        elif response.status == "incomplete" and response.reason in INCOMPLETE:
            reply["incomplete"] = response.reason
        if not listed and not response.calls and response.status != "failed":
            self.left_out.append(
                f"what the response at {response.created_ms / 1000:.2f} s would have said: it had "
                f"no sound ({response.status})"
            )
        reply["deliver"] = self._deliver(response, number)
        self.written.append(reply)

    def _deliver(self, response: RecordedResponse, number: int) -> str:
        base_ms = response.asked_ms
        if response.asker != "turn":  # its own event comes in answer to ours
            base_ms += self.round_trip_ms
        items = sorted((item for item in response.items if item.deltas), key=lambda it: it.index)
        last_ms = max(
            [at_ms for item in items for at_ms, _ in item.deltas]
            + [call.at_ms for call in response.calls]
            + [response.created_ms]
        )
        cut = response.status in {"cancelled", "in_progress"}
        done_ms = (last_ms if response.done_ms is None else response.done_ms) - base_ms
        delivery = Delivery(
            items=tuple(
                tuple((_since(base_ms, at_ms), len(piece)) for at_ms, piece in item.deltas if piece)
                for item in items
            ),
            calls_ms=tuple(_since(base_ms, call.at_ms) for call in response.calls),
            done_ms=round(max(done_ms, 0.0) + (OPEN_AFTER_CUT_MS if cut else 0.0), 1),
            cut=cut,
        )
        name = f"{self.stem}.{number}{SUFFIX}"
        (self.folder / name).write_bytes(msgspec.json.encode(delivery) + b"\n")
        return name


def _since(base_ms: float, at_ms: float) -> float:
    return round(max(at_ms - base_ms, 0.0), 1)


def _call(name: str, arguments: str) -> Values:
    try:
        given = msgspec.json.decode(arguments)
    except msgspec.MsgspecError:  # masked digits were no text
        given = {}
    return {"name": name, "arguments": given if isinstance(given, dict) else {}}
