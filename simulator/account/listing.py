"""`GET Calls.json`: which calls, which page of them, and where the other pages are.

Owns filters, pages and their URIs. The newest call comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

from simulator.account.control import CALL_STATUSES
from simulator.account.errors import RefusedError
from simulator.account.parameters import Parameters
from simulator.account.record import Facts
from simulator.account.resource import Resources

PAGE_SIZE = 50
PAGE_SIZE_MAX = 1000
PAGES_MAX = 10**6
BEHIND, BEFORE = "PA", "PB"
"""A page token: the page behind, or before, the call named after it."""
FILTERS = ("To", "From", "ParentCallSid", "Status")
DATES = ("StartTime", "StartTime<", "StartTime>", "EndTime", "EndTime<", "EndTime>")

Keep = Callable[[Facts], bool]


def page_of(calls: Sequence[Facts], given: Parameters, resources: Resources) -> dict[str, object]:
    """One page of `calls` (newest first), and the URIs of its neighbours.

    Raises:
        RefusedError: a filter or a page that cannot be.
    """
    # fidelity: documented twilio.md 4.4 - filters, pages and the fields around them
    # fidelity: inferred twilio.md 4.4 - 50 a page, at most 1000; the shape of a page token
    keeps = _filters(given, resources)
    found = [call for call in calls if all(keep(call) for keep in keeps)]
    size = given.whole("PageSize", PAGE_SIZE, 1, PAGE_SIZE_MAX)
    page = given.whole("Page", 0, 0, PAGES_MAX)
    first = _first(found, given, page, size)
    shown = found[first : first + size]
    query = {name: given.text(name) for name in (*FILTERS, *DATES) if name in given}
    query["PageSize"] = str(size)

    def uri(number: int, token: str = "") -> str:
        paged = query | {"Page": str(number)} | ({"PageToken": token} if token else {})
        return f"{resources.calls_path}.json?{urlencode(paged)}"

    behind = first + size < len(found)
    return {
        "calls": [resources.call(call) for call in shown],
        "page": page,
        "page_size": size,
        "first_page_uri": uri(0),
        "next_page_uri": uri(page + 1, BEHIND + shown[-1].sid) if behind else None,
        "previous_page_uri": uri(max(page - 1, 0), BEFORE + shown[0].sid)
        if first and shown
        else None,
        "uri": uri(page, given.text("PageToken")),
        "start": first,
        "end": first + max(len(shown) - 1, 0),
    }


def _first(found: Sequence[Facts], given: Parameters, page: int, size: int) -> int:
    token = given.text("PageToken")
    if not token:
        return page * size
    kind, sid = token[:2], token[2:]
    place = next((index for index, call in enumerate(found) if call.sid == sid), None)
    if place is None or kind not in (BEHIND, BEFORE):
        raise RefusedError(20001, "PageToken names no page of this list")
    return place + 1 if kind == BEHIND else max(place - size, 0)


def _filters(given: Parameters, resources: Resources) -> list[Keep]:
    keeps: list[Keep] = []
    if "To" in given:
        to = given.text("To")
        keeps.append(lambda call: call.order.to == to)
    if "From" in given:
        from_ = given.text("From")
        keeps.append(lambda call: call.order.from_ == from_)
    if "Status" in given:
        status = given.choice("Status", sorted(CALL_STATUSES))
        keeps.append(lambda call: call.status == status)
    if "ParentCallSid" in given:
        # the legs of a <Dial> are no calls of their own here
        keeps.append(lambda _call: False)
    keeps += [_dated(name, given.text(name), resources) for name in DATES if name in given]
    return keeps


def _dated(name: str, text: str, resources: Resources) -> Keep:
    # fidelity: inferred twilio.md 4.4 - on that day; < before it; > on it or later, as the SDK says
    started = name.startswith("Start")
    try:
        wanted = datetime.fromisoformat(text)
    except ValueError:
        raise RefusedError(20001, f"{name.rstrip('<>')} is not a date") from None
    wanted = (wanted if wanted.tzinfo else wanted.replace(tzinfo=UTC)).astimezone(UTC)

    def keep(call: Facts) -> bool:
        when = resources.when(call.rang_ms if started else call.ended_ms)
        if when is None:
            return False
        if name.endswith("<"):
            return when < wanted
        if name.endswith(">"):
            return when >= wanted
        return when.date() == wanted.date()

    return keep
