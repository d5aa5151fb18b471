"""A call as JSON, field by field as Twilio writes it.

Owns names, formats and paths of the call resource. Decides nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime

from simulator.account.record import Facts
from simulator.phone.streams import StreamState

API = "/2010-04-01/Accounts/"
API_VERSION = "2010-04-01"
SUBRESOURCES = (
    "notifications",
    "recordings",
    "payments",
    "events",
    "siprec",
    "streams",
    "transcriptions",
    "user_defined_messages",
    "user_defined_message_subscriptions",
)


class Resources:
    """Writes the resources of one account; `began` is the timeline's zero on the calendar."""

    def __init__(self, account_sid: str, began: datetime) -> None:
        self.calls_path = f"{API}{account_sid}/Calls"
        self._account_sid = account_sid
        self._began = began

    def when(self, at_ms: float | None) -> datetime | None:
        """A moment of the timeline on the calendar, in whole seconds as Twilio tells them."""
        if at_ms is None:
            return None
        return (self._began + timedelta(milliseconds=at_ms)).replace(microsecond=0)

    def date(self, at_ms: float | None) -> str | None:
        """That moment as RFC 2822."""
        when = self.when(at_ms)
        return None if when is None else format_datetime(when)

    def call(self, facts: Facts) -> dict[str, object]:
        """The call resource."""
        # fidelity: documented twilio.md 4.4 - names, RFC 2822 dates, texts for numbers, null
        # fidelity: inferred twilio.md 4.4 - price stays null; numbers are not formatted for display
        path = f"{self.calls_path}/{facts.sid}"
        order = facts.order
        moments = (facts.ended_ms, facts.answered_ms, facts.rang_ms, facts.created_ms)
        return {
            "sid": facts.sid,
            "date_created": self.date(facts.created_ms),
            "date_updated": self.date(next(at_ms for at_ms in moments if at_ms is not None)),
            "parent_call_sid": None,
            "account_sid": self._account_sid,
            "to": order.to,
            "to_formatted": order.to,
            "from": order.from_,
            "from_formatted": order.from_,
            "phone_number_sid": None,
            "status": facts.status,
            "start_time": self.date(facts.rang_ms),
            "end_time": self.date(facts.ended_ms),
            "duration": _duration_s(facts),
            "price": None,
            "price_unit": "USD",
            "direction": order.direction,
            "answered_by": facts.answered_by,
            "api_version": API_VERSION,
            "forwarded_from": None,
            "group_sid": None,
            "caller_name": None,
            "queue_time": str(round(facts.queue_ms)),
            "stir_verstat": None,
            "trunk_sid": None,
            "uri": f"{path}.json",
            "subresource_uris": {
                name: f"{path}/{''.join(part.title() for part in name.split('_'))}.json"
                for name in SUBRESOURCES
            },
        }

    def stream(self, call_sid: str, state: StreamState) -> dict[str, object]:
        """The resource of a stream which only listens."""
        # fidelity: documented twilio.md 1.5 - the fields of a stream and its two statuses
        # fidelity: inferred twilio.md 1.5 - the name is null where none was given
        return {
            "sid": state.sid,
            "account_sid": self._account_sid,
            "call_sid": call_sid,
            "name": state.name or None,
            "status": "in-progress" if state.running else "stopped",
            "date_updated": self.date(state.changed_ms),
            "uri": f"{self.calls_path}/{call_sid}/Streams/{state.sid}.json",
        }


def _duration_s(facts: Facts) -> str | None:
    # fidelity: documented twilio.md 4.4 - null for busy, failed, unanswered and running calls
    if facts.ended_ms is None or facts.answered_ms is None or facts.status != "completed":
        return None
    return str(round((facts.ended_ms - facts.answered_ms) / 1000))
