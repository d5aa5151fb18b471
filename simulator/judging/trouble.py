"""What Twilio itself complained of: a webhook or a stream that it could not use, with its code.

Owns which of Twilio's errors are the bridge's fault. They are no laws but Twilio's own words, so a
call in which one occurs has failed, whatever else its scenario expects. Warnings about a message of
an open stream are a law (`twilio_warning`).
"""

from simulator.judging.expect import Expectation
from simulator.judging.observer import Observer
from simulator.scenario.format import Scenario
from simulator.trace import Event

STREAM_NOT_USABLE = frozenset({31901, 31902, 31903, 31910, 31920})
"""A stream that could not be opened, or broke. (31921 is logged for a deliberate close, too.)"""

TOLD_ABOUT = frozenset({"twiml_error", "stream_refused", "twilio_warning"})
"""A scenario that counts one of these events knows of the trouble, and judges it itself."""

TEXT = "Twilio can use what the bridge answers"
QUOTED_MAX = 3


class TwilioTrouble(Observer):
    """Collects Twilio's errors; `expectation` says whether there were any."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__()
        self._found: dict[str, float] = {}
        if not _is_provoked(scenario):
            self.on("phone.twiml_error", self._note)
            self.on("twilio.warning", self._warning)

    def expectation(self) -> Expectation | None:
        """A failed expectation which quotes Twilio; None if there is nothing to say."""
        if not self._found:
            return None
        quoted = [f"{text} (at {at_ms / 1000:.3f} s)" for text, at_ms in self._found.items()]
        why = "Twilio says " + "; ".join(quoted[:QUOTED_MAX])
        codes = ", ".join(dict.fromkeys(text.partition(":")[0] for text in self._found))
        return Expectation(TEXT, "failed", codes, 0, why)

    def _warning(self, event: Event) -> None:
        if int(event.data.get("code", 0)) in STREAM_NOT_USABLE:
            self._note(event)

    def _note(self, event: Event) -> None:
        if len(self._found) < QUOTED_MAX:
            text = f"{event.data.get('code')}: {event.data.get('text', '')}"
            self._found.setdefault(text, event.at_ms)


def _is_provoked(scenario: Scenario) -> bool:
    """Whether the scenario brings such trouble about on purpose, or judges it itself."""
    phone, twilio = scenario.phone, scenario.network.twilio
    links = (twilio.to_bridge, twilio.from_bridge)
    return (
        phone.signature != "valid"
        or phone.token != "valid"  # noqa: S105 - the name of a fault
        or phone.connect != "normal"
        or any(link.faults for link in links)
        or any(rule.name in TOLD_ABOUT for rule in scenario.expect.events)
        or any(law.startswith("twilio_warning") for law in scenario.expect.allow)
    )
