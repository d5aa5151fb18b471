"""On which terms a call is judged: real scheduling, a log nobody reads, what a bridge cannot do.

Owns the tolerance for real time and the table of abilities a bridge may lack. The world's own terms
are the defaults: no tolerance, everything observable, nothing lacking.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

SCHEDULING_MS = 25.0
"""How much longer a message may take per direction of a leg when time is real.

The kernel's sockets, two processes' schedulers and garbage collectors lie in between; measured on
loopback they take some 1 ms, and tens on a machine that is briefly busy. It widens the laws about
waiting and the `within` of events. Thresholds on metrics are not touched, and in virtual time
nothing is: there it is zero.
"""


@dataclass(frozen=True, slots=True)
class Ability:
    """Something a bridge may be unable to do. `meaning` is the sentence a person reads.

    What needs it: `metrics`, `events` and expected endings (`ended`: by, reason); `laws` cannot be
    kept without it.
    """

    meaning: str
    metrics: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    laws: frozenset[str] = frozenset()


def _ability(meaning: str, *, metrics: str = "", events: str = "", laws: str = "") -> Ability:
    needed = [frozenset(words.split()) for words in (metrics, events, laws)]
    return Ability(meaning, *needed)


LACKS: Mapping[str, Ability] = {
    "greeting": _ability("it does not speak first; calls with a greeting are skipped"),
    "settings": _ability("it is not set up by variables; calls with settings are skipped"),
    "tools": _ability("it offers no tools; calls whose model uses one are skipped"),
    "end_call": _ability("it has no end_call tool; calls which the agent ends are skipped"),
    "keys": _ability("it ignores pressed keys; calls with keys are skipped"),
    "refusal": _ability("it checks no signature or token; calls with a wrong one are skipped"),
    "orders": _ability("it takes no orders for calls; calls ordered of it are skipped"),
    "truncate": _ability(
        "it does not shorten the model's memory; what needs that is skipped",
        metrics="memory_drift_ms memory_error_ms truncations",
        events="truncate truncated",
        laws="item_forgotten",
    ),
    "clear": _ability(
        "it does not stop its voice when interrupted; what needs that is skipped",
        metrics="barge_in_stop_ms clear_delay_ms clears memory_drift_ms memory_error_ms",
        events="clear",
        laws="stale_audio_after_clear item_forgotten",
    ),
    "marks": _ability(
        "it sends no marks; what needs them is skipped",
        events="mark mark_returned",
    ),
    "hangup": _ability(
        "it does not use Twilio's REST interface; what needs that is skipped",
        events="hangup_request",
    ),
}  # fmt: skip
"""What a bridge may lack, and what needs it."""


@dataclass(frozen=True, slots=True)
class Terms:
    """`log_is_read`: why the bridge ended a call is known. `lacks`: names of `LACKS`."""

    scheduling_ms: float = 0.0
    log_is_read: bool = True
    lacks: frozenset[str] = field(default_factory=frozenset)

    @property
    def sets_up_the_bridge(self) -> bool:
        """Whether the scenario says if the bridge greets; in real time somebody else has set it up.

        Such a bridge may greet into a call that has no greeting, and is met with silence.
        """
        return not self.scheduling_ms

    def excused(self) -> dict[str, str]:
        """Laws which the bridge cannot keep -> why."""
        return {law: LACKS[name].meaning for name in sorted(self.lacks) for law in LACKS[name].laws}

    def why_not_metric(self, name: str) -> str:
        """Why a threshold on this metric is not judged, "" if it is."""
        return self._lacking("metrics", name)

    def why_not_event(self, *names: str | None) -> str:
        """Why a rule that names these events is not judged, "" if it is."""
        return next((why for name in names if name and (why := self._lacking("events", name))), "")

    def _lacking(self, what: str, name: str) -> str:
        for lacking in sorted(self.lacks):
            if name in getattr(LACKS[lacking], what):
                return f"this bridge lacks {lacking}: {LACKS[lacking].meaning}"
        return ""


IN_A_WORLD = Terms()
"""Virtual time, our own bridge."""

NOT_READ = "the bridge's log is not read, so why it ended the call cannot be known"
