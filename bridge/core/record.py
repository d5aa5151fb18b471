"""What is written down about one call: plain counters, no audio, no words, no phone numbers.

Owns the record's shape and the bound on what a hostile peer can make it hold. Encodes with
msgspec.
"""

from typing import Final

import msgspec

from bridge.core.commands import EndReason
from bridge.core.realtime import Usage

KINDS_MAX: Final = 32
"""Distinct keys in a counter that a peer's own words fill; the rest are counted as ``other``."""


class Tokens(msgspec.Struct):
    """Tokens used by all responses of a call, cancelled ones included."""

    input_text: int = 0
    input_audio: int = 0
    input_cached: int = 0
    output_text: int = 0
    output_audio: int = 0
    input_total: int = 0
    output_total: int = 0
    cached_text: int = 0
    """Of ``input_cached``, as far as the server says of which kind they were."""
    cached_audio: int = 0

    def add(self, usage: Usage) -> None:
        """Count the usage of one more response."""
        self.input_total += usage.input_tokens
        self.output_total += usage.output_tokens
        if (read := usage.input_token_details) is not None:
            self.input_text += read.text_tokens
            self.input_audio += read.audio_tokens
            self.input_cached += read.cached_tokens
            if read.cached_tokens_details is not None:
                self.cached_text += read.cached_tokens_details.text_tokens
                self.cached_audio += read.cached_tokens_details.audio_tokens
        if usage.output_token_details is not None:
            self.output_text += usage.output_token_details.text_tokens
            self.output_audio += usage.output_token_details.audio_tokens


class CallRecord(msgspec.Struct, kw_only=True):
    """The facts of one call. Times are the shell's monotonic seconds; audio is milliseconds."""

    began: float
    ended: float | None = None
    reason: EndReason | None = None
    call_sid: str | None = None
    stream_sid: str | None = None
    ready_at: float | None = None

    media_in: int = 0
    caller_audio_ms: int = 0
    caller_audio_kept_ms: int = 0
    """Came while no session was listening, and was delivered later."""
    caller_audio_dropped_ms: int = 0
    """Came while no session was listening, and was too old when one was."""
    caller_audio_again_ms: int = 0
    """Was given to a second session, too."""
    silence_added_ms: int = 0
    """Stood in for audio the carrier did not send."""
    agent_audio_ms: int = 0
    late_deltas_dropped: int = 0
    marks_ignored: int = 0
    round_trip_ms: float | None = None

    responses: int = 0
    response_latencies_ms: list[int] = []
    """From the end of the caller's speech as the server heard it to the first sound sent."""
    responses_failed: int = 0
    barge_ins: int = 0
    truncations: int = 0
    tool_calls: int = 0
    tools_failed: int = 0
    """Tools of ours that ended with an error, time-outs not included."""
    tools_timed_out: int = 0
    fillers: int = 0
    """Times the caller was told that a tool takes a moment."""
    keys_pressed: int = 0
    nudges: int = 0
    """Times a silent caller was asked for a sign of life."""
    hangups_cancelled: int = 0
    line_released: str | None = None
    line_transferred: str | None = None
    renewals: int = 0
    """Times another session took over while the one in use was still there."""
    reconnects: int = 0
    """Times another session took over from one that was lost."""
    attempts_failed: int = 0
    """Sessions that could not be had."""
    memory_dropped: int = 0
    """Items of the conversation too old to be restored."""
    fell_back_from: EndReason | None = None
    """Why the model was given up, if Twilio's own voice took the line."""

    realtime_errors: dict[str, int] = {}
    realtime_close_code: int | None = None
    realtime_refusal: str | None = None
    """The error code with which the Realtime API refused the session."""
    unknown_events: dict[str, int] = {}
    out_of_turn: dict[str, int] = {}
    """Messages that were well formed and made no sense when they came."""
    malformed_twilio: int = 0
    malformed_realtime: int = 0
    tokens: Tokens = msgspec.field(default_factory=Tokens)
    billed_s: float = 0.0
    """Seconds of sessions that are billed by time."""


def count(counter: dict[str, int], kind: str) -> None:
    """Add one to ``counter[kind]``; beyond `KINDS_MAX` kinds the name is ``other``."""
    kind = kind[:64]
    if kind not in counter and len(counter) >= KINDS_MAX:
        kind = "other"
    counter[kind] = counter.get(kind, 0) + 1
