"""What a call says to its shell beside the two vendors' messages, and why calls end.

Owns the few words that are ours.
"""

from enum import StrEnum
from typing import Any, Literal

import msgspec

from bridge.core import realtime


class EndReason(StrEnum):
    """Why a call ended. Endings are values, not exceptions."""

    CALLER_HUNG_UP = "caller_hung_up"
    AGENT_HUNG_UP = "agent_hung_up"
    IDLE_CALLER = "idle_caller"
    """The caller said nothing, was asked for a sign of life and told goodbye."""
    REALTIME_REFUSED = "realtime_refused"
    """Not admitted, or responses refused for good (quota), or several failed in a row."""
    REALTIME_LOST = "realtime_lost"
    REALTIME_EXPIRED = "realtime_expired"
    REALTIME_STALLED = "realtime_stalled"
    """The model owed a response and said nothing for too long."""
    TWILIO_PROTOCOL = "twilio_protocol"
    REALTIME_PROTOCOL = "realtime_protocol"
    STREAM_REFUSED = "stream_refused"
    NO_START = "no_start"
    NOT_READY = "not_ready"
    LINE_DEAD = "line_dead"
    SLOW_PEER = "slow_peer"
    LIMIT = "limit"
    TRANSFERRED = "transferred"
    """The line was handed to another number, because the model or the caller wished it."""
    FELL_BACK = "fell_back"
    """Realtime stayed unreachable: Twilio's voice said so, and dialled on or hung up."""
    SHUTDOWN = "shutdown"


class OpenRealtime(msgspec.Struct, frozen=True):
    """Connect to the Realtime API. Any failure comes back as ``realtime.Closed``.

    What is said to the model goes to this session from now on; with ``beside`` another one is in
    use, and stays so until `UseRealtime`.
    """

    session: int = 1
    beside: bool = False


class ToBeside(msgspec.Struct, frozen=True):
    """Say this to the session that was opened beside the one in use."""

    event: realtime.Outbound


class UseRealtime(msgspec.Struct, frozen=True):
    """From now on this session is spoken to; the one before it is closed, if it still is there."""

    session: int


class CloseRealtime(msgspec.Struct, frozen=True):
    """Close a session. Whatever still comes from it has no effect."""

    session: int


class FromSession(msgspec.Struct, frozen=True):
    """A message of a Realtime session, with its number."""

    session: int
    message: realtime.Inbound


class ReleaseLine(msgspec.Struct, frozen=True):
    """Complete the call through Twilio's REST API. The answer comes back as `LineReleased`."""


class LineReleased(msgspec.Struct, frozen=True):
    """The REST API has answered `ReleaseLine`, or could not be reached."""

    outcome: Literal["completed", "already_over", "failed"]


class TransferLine(msgspec.Struct, frozen=True):
    """Hand the line on through Twilio's REST API. The answer comes back as `LineTransferred`.

    Twilio closes the stream, speaks ``announcement`` (if any) with a voice of its own in
    ``language`` (BCP 47; empty: Twilio's default), then dials ``number``, or hangs up if it is
    empty.
    """

    number: str = ""
    announcement: str = ""
    language: str = ""


class LineTransferred(msgspec.Struct, frozen=True):
    """The REST API has answered `TransferLine`, or could not be reached."""

    outcome: Literal["transferred", "already_over", "failed"]


class CallTool(msgspec.Struct, frozen=True):
    """Run a tool of ours, beside the call. The answer comes back as `ToolAnswered`.

    ``arguments`` is what the model wrote: perhaps JSON, perhaps not. All that still run are
    cancelled when the call ends.
    """

    call_id: str
    name: str
    arguments: str


class ToolAnswered(msgspec.Struct, frozen=True):
    """A tool has come to an end. ``output`` is JSON text for the model, an error included."""

    call_id: str
    output: str
    outcome: Literal["done", "failed", "timeout"] = "done"


Ours = LineReleased | LineTransferred | ToolAnswered
"""What the shell says."""


class End(msgspec.Struct, frozen=True):
    """The call is over: exactly one per call, and the last command."""

    reason: EndReason


class Note(msgspec.Struct, frozen=True):
    """One structured log line. ``fields`` hold no audio, keys, phone numbers or spoken words."""

    event: str
    fields: dict[str, Any] = {}
