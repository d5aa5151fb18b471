"""The error objects of the Realtime API, word for word where a recording or a report has them.

Owns codes and messages. Knows nothing of sessions; whoever finds a fault raises `Refused`.
"""

from dataclasses import dataclass
from typing import Final

INVALID_REQUEST: Final = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class Problem:
    """The inner part of an `error` event, without the client's event_id."""

    code: str | None
    message: str
    param: str | None = None
    type: str = INVALID_REQUEST


class Refused(Exception):  # noqa: N818 - the vendor refuses; it is the normal answer to a bad request
    """A client event is refused whole, with this problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


# fidelity: observed realtime.md 2.5
def cancel_not_active() -> Problem:
    """A response.cancel that has nothing to cancel."""
    return Problem("response_cancel_not_active", "Cancellation failed: no active response found")


# fidelity: observed realtime.md 2.5
def already_active(response_id: str) -> Problem:
    """A response.create while another response of the conversation is under way."""
    return Problem(
        "conversation_already_has_active_response",
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one.",
    )


# fidelity: observed realtime.md 2.5
def commit_empty(buffered_ms: float) -> Problem:
    """A commit of less than 100 ms."""
    return Problem(
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        f"but buffer only has {buffered_ms:.2f}ms of audio.",
    )


# fidelity: observed realtime.md 2.5
def voice_is_fixed() -> Problem:
    """Another voice after the session has spoken."""
    return Problem(
        "cannot_update_voice",
        "Cannot update a conversation's voice if assistant audio is present.",
    )


# fidelity: inferred realtime.md 3.1 (immutable; the wording is not recorded)
def fixed_field(param: str) -> Problem:
    """A session field that cannot change any more."""
    return Problem("invalid_value", f"Cannot update '{param}' of an active session.", param)


# fidelity: observed realtime.md 2.5, 4.1
def overlong_truncate(audio_ms: int, audio_end_ms: int) -> Problem:
    """A truncation behind the end of what was generated."""
    return Problem(
        "invalid_value",
        f"Audio content of {audio_ms}ms is already shorter than {audio_end_ms}ms",
    )


# fidelity: observed realtime.md 2.5 (message; the code is unconfirmed)
def not_truncatable() -> Problem:
    """A truncation of something that is not the model's speech."""
    return Problem("unsupported_content_type", "Only model output audio messages can be truncated")


# fidelity: observed realtime.md 2.5 (truncating, retrieving), inferred (deleting)
def no_such_item(doing: str, item_id: str) -> Problem:
    """`doing` is truncating, retrieving or deleting."""
    verb = {"truncating": "truncate", "retrieving": "retrieve", "deleting": "delete"}[doing]
    return Problem(
        f"item_{verb}_invalid_item_id",
        f"Error {doing} item: the item with id '{item_id}' does not exist.",
        "item_id",
    )


# fidelity: inferred from servers that imitate the API
def no_previous_item(item_id: str) -> Problem:
    """An item shall follow one that does not exist."""
    return Problem(
        "item_create_invalid_previous_item_id",
        f"Error adding item: the previous item with id '{item_id}' does not exist.",
        "previous_item_id",
    )


# fidelity: inferred realtime.md 2.5 (by analogy)
def item_exists(item_id: str) -> Problem:
    """A client-chosen id that is taken."""
    return Problem(
        "item_create_duplicate_item_id",
        f"Error adding item: an item with id '{item_id}' already exists.",
        "item.id",
    )


# fidelity: observed livekit/agents#3344
def no_such_call(call_id: str) -> Problem:
    """The output of a tool call which the conversation does not hold."""
    return Problem("invalid_tool_call_id", f"Tool call ID '{call_id}' not found in conversation.")


# fidelity: observed realtime.md 1 (protocol error examples)
def binary_frame() -> Problem:
    """A binary WebSocket message."""
    return Problem(
        "invalid_event",
        "Expected a text WebSocket message; binary frames are not supported.",
    )


# fidelity: observed realtime.md 1 (code; the wording is inferred)
def invalid_json() -> Problem:
    """A text message that is not a JSON object."""
    return Problem(
        "invalid_json",
        "We could not parse the JSON body of your event. The message must be a JSON object.",
    )


# fidelity: inferred realtime.md 2.5 (by analogy)
def invalid_audio() -> Problem:
    """An append whose audio is not base64."""
    return Problem(
        "invalid_value",
        "Invalid 'audio'. Expected base64-encoded audio bytes, but got an invalid value.",
        "audio",
    )


# fidelity: observed realtime.md 1 (max duration)
EXPIRED: Final = Problem("session_expired", "Your session hit the maximum duration of 60 minutes.")

# fidelity: observed realtime.md 1 (admission after 101)
BETA_SHAPE: Final = Problem(
    "beta_api_shape_disabled",
    "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",
)

FAILURES: Final = {
    problem.code: problem
    for problem in (
        # fidelity: observed realtime.md 1 (quota exhaustion mid-session)
        Problem(
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
            type="insufficient_quota",
        ),
        Problem(
            "rate_limit_exceeded",
            "Rate limit reached for this model. Please try again later.",
            type="rate_limit_exceeded",
        ),
        # fidelity: observed openai/openai-realtime-api-beta#116
        Problem(
            "server_error",
            "The server had an error while processing your request. Sorry about that! "
            "Please contact us through our help center at help.openai.com if the error persists.",
            type="server_error",
        ),
        EXPIRED,
    )
}


def failure(code: str) -> Problem:
    """The problem with this code, for a failed response or an error sent on cue."""
    known = FAILURES.get(code)
    return known or Problem(code, f"The request failed: {code}.", type="server_error")
