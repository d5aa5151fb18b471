"""One call as it is remembered: the entry, and its line of JSON in the spool.

Owns the entry's shape and what is clean enough to be stored anywhere. No audio, no spoken words, no
values of parameters. Must not know databases or files.
"""

import datetime as dt
from typing import Annotated, Any, Final, Literal

import msgspec

Direction = Literal["inbound", "outbound"]

TEXT_CHARS_MAX: Final = 200
INTEGER_MAX: Final = 2**63 - 1
NAMES_MAX: Final = 50
# A day from both ends of the calendar: a database or a reader in another zone has them, too.
TIME_MIN: Final = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
TIME_MAX: Final = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)

Whole = Annotated[int, msgspec.Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]
Time = Annotated[dt.datetime, msgspec.Meta(tz=True)]


class CallEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one stream of one call; `call_sid` and `session_id` identify it.

    Times are UTC. Build it with `cleaned`, so that every database can hold it; bounds are looked at
    when a line is read.
    """

    call_sid: str
    session_id: str = ""
    """The stream's sid; empty for a call that never had a stream."""
    direction: Direction = "inbound"
    from_number: str = ""
    """As `RECORD_NUMBERS` wants it."""
    to_number: str = ""
    agent: str = ""
    model: str = ""
    parameter_names: list[str] = []
    started_at: Time
    """It began to ring."""
    answered_at: Time | None = None
    """Its stream began."""
    ended_at: Time
    end_reason: str
    duration_ms: Whole = 0
    """From answer to end."""
    caller_audio_ms: Whole = 0
    agent_audio_ms: Whole = 0
    responses: Whole = 0
    response_latencies_ms: list[int] = []
    """From the end of the caller's speech as the model heard it to the first sound sent."""
    barge_ins: Whole = 0
    truncations: Whole = 0
    tool_calls: Whole = 0
    input_tokens: Whole = 0
    output_tokens: Whole = 0
    cost_usd: float | None = None
    """None: the model's price is not known."""
    details: dict[str, Any] = {}
    """Everything else that was counted: `bridge.core.record.CallRecord` as JSON."""


def cleaned(entry: CallEntry) -> CallEntry:
    """The same entry with nothing that a database refuses.

    Peers choose some of the text: it has no NUL, no lone surrogate and a bounded length then, and
    whole numbers fit 64 bits.
    """
    facts = {name: _clean(value) for name, value in msgspec.structs.asdict(entry).items()}
    facts["parameter_names"] = facts["parameter_names"][:NAMES_MAX]
    return CallEntry(**facts)


def _clean(value: Any) -> Any:
    match value:
        case str():
            text = value[:TEXT_CHARS_MAX].replace("\0", "")
            return text.encode("utf-8", "replace").decode("utf-8")
        case bool():
            return value
        case int():
            return max(-INTEGER_MAX, min(value, INTEGER_MAX))
        case list():
            return [_clean(item) for item in value]
        case dict():
            return {_clean(key): _clean(item) for key, item in value.items()}
        case _:
            return value


def line_of(entry: CallEntry) -> bytes:
    """The entry as one line of JSON, line feed included."""
    return msgspec.json.encode(entry) + b"\n"


def entry_of(line: bytes) -> CallEntry | None:
    """The entry of a line; None if it is none, as after a power cut, or none that can be stored."""
    try:
        entry = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    times = (entry.started_at, entry.answered_at or entry.started_at, entry.ended_at)
    return entry if all(TIME_MIN <= time <= TIME_MAX for time in times) else None


_decoder = msgspec.json.Decoder(CallEntry)
