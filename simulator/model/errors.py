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


# fidelity: observed realtime.md 2.5 - the error for cancelling nothing
def cancel_not_active() -> Problem:
    """A response.cancel that has nothing to cancel."""
    return Problem("response_cancel_not_active", "Cancellation failed: no active response found")


# fidelity: observed realtime.md 2.5 - the error for a response while one is active
def already_active(response_id: str) -> Problem:
    """A response.create while another response of the conversation is under way."""
    return Problem(
        "conversation_already_has_active_response",
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one.",
    )


# fidelity: observed realtime.md 2.5 - the error for committing less than 100 ms
def commit_empty(buffered_ms: float) -> Problem:
    """A commit of less than 100 ms."""
    return Problem(
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        f"but buffer only has {buffered_ms:.2f}ms of audio.",
    )


# fidelity: observed realtime.md 2.5 - the error for another voice after speech
def voice_is_fixed() -> Problem:
    """Another voice after the session has spoken."""
    return Problem(
        "cannot_update_voice",
        "Cannot update a conversation's voice if assistant audio is present.",
    )


# fidelity: inferred realtime.md 3.1 - the error for a field that cannot change any more
def fixed_field(param: str) -> Problem:
    """A session field that cannot change any more."""
    return Problem("invalid_value", f"Cannot update '{param}' of an active session.", param)


# fidelity: observed realtime.md 2.5, 4.1 - the error for truncating behind the end
def overlong_truncate(audio_ms: int, audio_end_ms: int) -> Problem:
    """A truncation behind the end of what was generated."""
    return Problem(
        "invalid_value",
        f"Audio content of {audio_ms}ms is already shorter than {audio_end_ms}ms",
    )


# fidelity: observed realtime.md 2.5 - the error for truncating what is no speech of the model; its
#   code is unconfirmed
def not_truncatable() -> Problem:
    """A truncation of something that is not the model's speech."""
    return Problem("unsupported_content_type", "Only model output audio messages can be truncated")


# fidelity: observed realtime.md 2.5 - the error for an unknown item; for deleting it is inferred
def no_such_item(doing: str, item_id: str) -> Problem:
    """`doing` is truncating, retrieving or deleting."""
    verb = {"truncating": "truncate", "retrieving": "retrieve", "deleting": "delete"}[doing]
    return Problem(
        f"item_{verb}_invalid_item_id",
        f"Error {doing} item: the item with id '{item_id}' does not exist.",
        "item_id",
    )


# fidelity: inferred realtime.md 2.5 - the words are those of servers that imitate the API
def no_previous_item(item_id: str) -> Problem:
    """An item shall follow one that does not exist."""
    return Problem(
        "item_create_invalid_previous_item_id",
        f"Error adding item: the previous item with id '{item_id}' does not exist.",
        "previous_item_id",
    )


# fidelity: inferred realtime.md 2.5 - the error for an item id that is taken
def item_exists(item_id: str) -> Problem:
    """A client-chosen id that is taken."""
    return Problem(
        "item_create_duplicate_item_id",
        f"Error adding item: an item with id '{item_id}' already exists.",
        "item.id",
    )


# fidelity: observed livekit/agents#3344 - an output of an unknown tool call is refused
def no_such_call(call_id: str) -> Problem:
    """The output of a tool call which the conversation does not hold."""
    return Problem("invalid_tool_call_id", f"Tool call ID '{call_id}' not found in conversation.")


# fidelity: inferred realtime.md 5 - the error for a reference to an unknown item
def no_such_reference(item_id: str) -> Problem:
    """A response shall read an item that does not exist."""
    return Problem(
        "invalid_value",
        f"Item reference '{item_id}' not found in the conversation.",
        "response.input",
    )


# fidelity: inferred realtime.md 2.5 - the error for an approval nobody asked for
def no_such_approval(request_id: str) -> Problem:
    """An answer to a request for approval which nobody made."""
    return Problem(
        "invalid_value", f"Approval request '{request_id}' not found in conversation.", "item"
    )


# fidelity: inferred realtime.md 4.1 [knob: model.truncate_to_zero] - audio_end_ms 0 is accepted
def truncate_to_nothing() -> Problem:
    """A truncation that leaves nothing, where the server wants something to be left."""
    return Problem(
        "integer_below_min_value",
        "Invalid 'audio_end_ms': integer below minimum value. "
        "Expected a value >= 1, but got 0 instead.",
        "audio_end_ms",
    )


# fidelity: inferred realtime.md 2.2 - the words of a failed transcription
def transcription_failed(code: str, item_id: str) -> Problem:
    """Why the caller's words are not known."""
    why = FAILURES[code].message if code in FAILURES else code
    return Problem(
        code, f"Input transcription failed for item '{item_id}'. {why}", type="server_error"
    )


# fidelity: observed realtime.md 1 - the error for a binary message
def binary_frame() -> Problem:
    """A binary WebSocket message."""
    return Problem(
        "invalid_event",
        "Expected a text WebSocket message; binary frames are not supported.",
    )


# fidelity: observed realtime.md 1 - the code for a message that is no JSON object; its words are
#   inferred
def invalid_json() -> Problem:
    """A text message that is not a JSON object."""
    return Problem(
        "invalid_json",
        "We could not parse the JSON body of your event. The message must be a JSON object.",
    )


# fidelity: inferred realtime.md 2.5 - the error for audio that is not base64
def invalid_audio(param: str = "audio") -> Problem:
    """Audio that is not base64."""
    return Problem(
        "invalid_value",
        f"Invalid '{param}'. Expected base64-encoded audio bytes, but got an invalid value.",
        param,
    )


# fidelity: observed realtime.md 1 - the words of session_expired
EXPIRED: Final = Problem("session_expired", "Your session hit the maximum duration of 60 minutes.")

# fidelity: observed realtime.md 1 - the words of beta_api_shape_disabled
BETA_SHAPE: Final = Problem(
    "beta_api_shape_disabled",
    "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.",
)

FAILURES: Final = {
    problem.code: problem
    for problem in (
        # fidelity: observed realtime.md 1 - no money left: a failed response with
        #   insufficient_quota
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
        # fidelity: observed realtime.md 2.5 - Azure's code for too many requests
        Problem(
            "inference_rate_limit_exceeded",
            "Inference rate limit reached for this deployment. Please try again later.",
            type="rate_limit_exceeded",
        ),
        # fidelity: inferred realtime.md 3.1 - the error for a full context where nothing may be
        #   forgotten
        Problem(
            "context_length_exceeded",
            "The conversation is longer than the model's context, and truncation is disabled.",
        ),
        # fidelity: observed openai/openai-realtime-api-beta#116 - the words of server_error
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
