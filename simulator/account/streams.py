"""Media streams over REST: `POST Calls/{sid}/Streams.json`, and stopping one.

Owns the parameters of both requests and what is refused. What a stream does is the phone's.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from simulator.account.control import IN_PROGRESS, CallControl
from simulator.account.errors import RefusedError
from simulator.account.parameters import Parameters
from simulator.phone.streams import StreamState
from simulator.phone.verbs.streaming import PARAMETER_CHARACTERS, TRACKS
from simulator.phone.verbs.verb import StreamRequest

PARAMETERS_MAX = 99
STREAM_KNOWN = frozenset({"Url", "Name", "Track", "StatusCallback", "StatusCallbackMethod"}) | {
    f"Parameter{number}.{part}"
    for number in range(1, PARAMETERS_MAX + 1)
    for part in ("Name", "Value")
}


def create_stream(call: CallControl, given: Parameters) -> StreamState:
    """Let a stream listen to `call`.

    Raises:
        RefusedError: a parameter is missing or cannot be, or the call is not in progress.
    """
    # fidelity: documented twilio.md 1.5 - a stream over REST only listens
    # fidelity: inferred twilio.md 1.5 - which code refuses what: 21220 for a call that is not in
    #   progress, 31922, 31923 and 31941 as for a `<Stream>`, 20001 for the rest
    request = _request(given)
    if call.status != IN_PROGRESS:
        raise RefusedError(21220)
    if call.streams.name_is_taken(request):
        raise RefusedError(20001, "Name is used by another stream of this call")
    if call.streams.is_a_track_too_many(request):
        raise RefusedError(31941, value="no track is left; stop another stream first")
    return call.streams.open(request)


def stop_stream(call: CallControl, name: str, given: Parameters) -> StreamState:
    """End the stream with that sid or name; one that is over stays as it is.

    Raises:
        RefusedError: there is none that only listens, or something else is asked for.
    """
    # fidelity: documented twilio.md 1.5 - Status=stopped, by sid or name
    # fidelity: inferred twilio.md 1.5 - a stream both ways is not found here; twice is as once
    if call.streams.find(name) is None:
        raise RefusedError(20404)
    if not given.choice("Status", ("stopped",)):
        raise RefusedError(20001, "Status is missing")
    call.streams.stop(name)
    state = call.streams.find(name)
    assert state is not None
    return state


def _request(given: Parameters) -> StreamRequest:
    track = given.choice("Track", tuple(TRACKS), "inbound_track")
    return StreamRequest(
        _url(given.text("Url")),
        given.text("Name"),
        dict(_parameters(given)),
        tracks=TRACKS[track],
        both_ways=False,
        status_callback=given.url("StatusCallback"),
        status_callback_method=given.method("StatusCallbackMethod"),
    )


def _url(written: str) -> str:
    if not written:
        raise RefusedError(20001, "Url is missing")
    try:
        parts = urlsplit(written)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise RefusedError(31923, value=written[:200]) from None
    if parts.scheme != "wss":
        raise RefusedError(31922 if parts.scheme else 31923, value=written[:200])
    if not host:
        raise RefusedError(31923, value=written[:200])
    if parts.query:
        raise RefusedError(20001, "Url has a query string, which streams do not support")
    return parts._replace(fragment="").geturl()


def _parameters(given: Parameters) -> list[tuple[str, str]]:
    """`Parameter1.Name` and `Parameter1.Value`, up to 99."""
    pairs = []
    for number in range(1, PARAMETERS_MAX + 1):
        name, value = (given.text(f"Parameter{number}.{part}") for part in ("Name", "Value"))
        if len(name) + len(value) >= PARAMETER_CHARACTERS:
            raise RefusedError(20001, f"Parameter{number} has 500 characters or more")
        if name:
            pairs.append((name, value))
    return pairs
