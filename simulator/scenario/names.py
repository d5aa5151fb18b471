"""The words a scenario may use: metrics, events, settings, laws, endings, each with its meaning.

The one list of them: the reader checks against it, the JSON Schema and the judge are made from it.
Knows nothing of how a metric is measured or a law is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """One metric, measured at the caller's ear. `unit` is ms, usd or "" (a number of occasions).

    A `trend` has a sample per occasion, none if there was no occasion; a `total` has exactly one
    per call; a `counter` is a total whose `count` is its value.
    """

    kind: Literal["trend", "total", "counter"]
    unit: str
    meaning: str


def _trend(meaning: str) -> MetricInfo:
    return MetricInfo("trend", "ms", meaning)


def _total(meaning: str, unit: str = "ms") -> MetricInfo:
    return MetricInfo("total", unit, meaning)


def _counter(meaning: str) -> MetricInfo:
    return MetricInfo("counter", "", meaning)


METRICS: Mapping[str, MetricInfo] = {
    "time_to_first_audio_ms": _trend("stream start until the caller first hears the agent"),
    "response_latency_ms": _trend(
        "the caller's last speech until the reply is heard (below 0: talk-over)"
    ),
    "barge_in_stop_ms": _trend("the interrupting clip's first speech until the agent's last sound"),
    "clear_delay_ms": _trend("speech_started reaches the bridge until its clear is on the wire"),
    "memory_drift_ms": _trend("per item heard only in part: remembered by the model minus heard"),
    "memory_error_ms": _trend("the same without its sign: how far the memory is off"),
    "farewell_cut_ms": _trend("farewell audio made but never heard"),
    "hangup_delay_ms": _trend("the farewell's last sound until the line is released"),
    "dead_air_ms": _trend("the longest silence on both sides"),
    "talk_over_ms": _total("both sides audible at once, all together"),
    "caller_audio_lost_ms": _trend("caller audio that never reached a model that was there"),
    "agent_audio_lost_ms": _trend("agent audio nobody interrupted that never reached Twilio"),
    "caller_padding_ms": _total("silence the bridge added to the caller's audio"),
    "leaked_session_ms": _trend("the line is released until the Realtime socket is closed"),
    "call_duration_ms": _trend("stream start until the line is released"),
    "cost_usd": MetricInfo(
        "trend", "usd", "by tokens, GPT-Live by the minute; none if a model's price is not known"
    ),
    "caller_turns": _counter("times the caller began to speak"),
    "agent_turns": _counter("times the agent's voice became audible"),
    "barge_ins": _counter("times the caller began to speak while the agent was audible"),
    "clears": _counter("clear messages Twilio got"),
    "truncations": _counter("truncations the model carried out"),
    "responses": _counter("responses the model began"),
    "tool_calls": _counter("function calls the model completed"),
    "model_errors": _counter("error events the model's server sent"),
    "twilio_warnings": _counter("warnings of Twilio, each occurrence"),
}


@dataclass(frozen=True, slots=True)
class EventName:
    """A short name for events of the trace: `source` is "who.name", `match` are fields to equal."""

    source: str
    meaning: str
    match: Mapping[str, str] = field(default_factory=dict)


def _twilio_got(event: str, meaning: str) -> EventName:
    return EventName("twilio.received", meaning, {"event": event})


def _twilio_sent(event: str, meaning: str) -> EventName:
    return EventName("twilio.sent", meaning, {"event": event})


def _model_got(kind: str, meaning: str, **match: str) -> EventName:
    return EventName("realtime.received", meaning, {"type": kind, **match})


def _model_sent(kind: str, meaning: str, **match: str) -> EventName:
    return EventName("realtime.sent", meaning, {"type": kind, **match})


_SPEECH = "input_audio_buffer.speech_"

EVENTS: Mapping[str, EventName] = {
    # the phone line
    "ordered": EventName("client.ordered", "a client orders a call of the bridge"),
    "order_answered": EventName("client.answered", "the bridge answers the order"),
    "rang": EventName("phone.rang", "a telephone rings"),
    "answered": EventName("phone.answered", "the line is up"),
    "line_released": EventName("phone.ended", "the line is down"),
    "twiml": EventName("phone.twiml", "one TwiML verb is carried out"),
    "twiml_error": EventName("phone.twiml_error", "the TwiML could not be used"),
    "hangup_request": EventName("phone.rest", "the bridge uses Twilio's REST interface"),
    # the media stream
    "stream_connected": EventName("twilio.connected", "the media stream's socket is up"),
    "stream_refused": EventName("twilio.refused", "the bridge refused the media stream"),
    "stream_closed": EventName("twilio.closed", "the media stream's socket is down"),
    "stream_started": _twilio_sent("start", "Twilio sent `start`"),
    "stream_stopped": _twilio_sent("stop", "Twilio sent `stop`"),
    "key": _twilio_sent("dtmf", "Twilio reported a pressed key"),
    "mark_returned": _twilio_sent("mark", "Twilio returned a mark"),
    "clear": _twilio_got("clear", "the bridge told Twilio to drop what is not yet played"),
    "mark": _twilio_got("mark", "the bridge sent a mark"),
    "agent_audio": _twilio_got("media", "the bridge sent audio to the caller"),
    "twilio_warning": EventName("twilio.warning", "Twilio found fault with a message"),
    # the caller's mouth and ear
    "caller_speaks": EventName("caller.speech_started", "the caller begins to speak"),
    "caller_stops": EventName("caller.speech_ended", "the caller stops speaking"),
    "caller_hung_up": EventName("caller.hung_up", "the caller hangs up"),
    "agent_speaks": EventName("agent.started", "a turn of the agent becomes audible"),
    "agent_stops": EventName("agent.stopped", "a turn of the agent is over"),
    # what the model's server sent
    "session_created": _model_sent("session.created", "the session is there"),
    "session_ready": _model_sent("session.updated", "the session is configured"),
    "speech_started": _model_sent(f"{_SPEECH}started", "the model hears the caller begin"),
    "speech_stopped": _model_sent(f"{_SPEECH}stopped", "the model hears the caller's turn end"),
    "committed": _model_sent("input_audio_buffer.committed", "the caller's turn is taken"),
    "response_started": _model_sent("response.created", "the model begins a response"),
    "response_done": _model_sent("response.done", "a response is complete"),
    "tool_called": _model_sent("response.function_call_arguments.done", "the model calls a tool"),
    "tool_not_offered": EventName(
        "realtime.tool_not_offered", "a reply's tool is not called: the bridge did not offer it"
    ),
    "truncated": _model_sent("conversation.item.truncated", "a truncation was carried out"),
    "error": _model_sent("error", "the model's server sent an error"),
    "violation": EventName("realtime.violation", "the bridge broke a rule of the model's server"),
    # what the bridge asked of it
    "truncate": _model_got("conversation.item.truncate", "the bridge shortens the model's memory"),
    "item_created": _model_got("conversation.item.create", "the bridge adds an item"),
    "tool_answered": _model_got(
        "conversation.item.create",
        "the bridge gives a tool's output",
        item_type="function_call_output",
    ),
    "response_request": _model_got("response.create", "the bridge asks for a response"),
    "response_cancel": _model_got("response.cancel", "the bridge cancels a response"),
    "session_update": _model_got("session.update", "the bridge configures the session"),
    # the same of GPT-Live
    "live_asked": _model_got("session.commentary.append", "the bridge asks GPT-Live to speak"),
    "live_told": _model_got("session.thinking.append", "the bridge tells GPT-Live something"),
    "live_deafened": _model_got("session.input_audio.mute", "the bridge mutes GPT-Live's input"),
    "live_yielded": EventName("realtime.yielded", "GPT-Live falls silent for the caller"),
    "live_said": EventName("realtime.utterance_said", "GPT-Live has said something to its end"),
    "live_broke_off": EventName("realtime.utterance_broken_off", "GPT-Live breaks off"),
    # the session's socket
    "session_connected": EventName("realtime.upgraded", "the model's socket is up"),
    "session_closed": EventName("realtime.closed", "the model's socket is down"),
    # the services that HTTP tools ask
    "tool_connection": EventName("service.connecting", "an HTTP tool connects to its service"),
    "tool_request": EventName("service.request", "an HTTP tool asks its service"),
    "tool_given_up": EventName("service.given_up", "a tool leaves before its service answered"),
    "service_answered": EventName("service.answered", "a tool's service answers"),
    # any event of one kind, to be narrowed with `where`
    "twilio.sent": EventName("twilio.sent", "any message of Twilio"),
    "twilio.received": EventName("twilio.received", "any message of the bridge to Twilio"),
    "realtime.sent": EventName("realtime.sent", "any event of the model's server"),
    "realtime.received": EventName("realtime.received", "any event of the bridge for the model"),
    "bridge.log": EventName("bridge.log", "a line of the bridge's log (our own bridge only)"),
}

# What `allow:` may excuse, as `NAME` or, narrower, as `NAME:DETAIL` (`provoked_error:CODE`).
LAWS: Mapping[str, str] = {
    # the agent's audio
    "audio_unknown": "every byte Twilio gets was generated by the model, or is silence",
    "audio_repeated": "no audio is sent twice: sent <= generated, per item",
    "heard_beyond_sent": "nobody hears what was not sent: heard <= sent, per item",
    "sound_from_nowhere": "silence in, silence out, in both directions",
    "stale_audio_after_clear": "after a clear no byte of the interrupted responses reaches Twilio",
    "clear_needless": "a clear is sent only while something is audible or buffered",
    "agent_relay_delayed": "the bridge adds no waiting to the model's audio",
    "agent_audio_lost": "what nobody interrupted reaches Twilio whole",
    # what the model remembers
    "truncate_beyond_generated": "audio_end_ms never exceeds what was generated of the item",
    "truncate_beyond_heard": "audio_end_ms never exceeds what was heard, within the link's jitter",
    "truncate_needless": "an item is truncated only if the caller did not hear all of it",
    "item_forgotten": "an item of which the caller heard only a part is truncated",
    "restored_unheard": "another session is told no more of an item than was heard of it",
    "old_session_speaks": "when a session has taken over, no other one is heard or listens",
    "old_session_stays": "when a session has taken over, the one before it is closed",
    # the caller's audio
    "caller_audio_altered": "the caller's bytes reach the model unchanged, in order",
    "caller_audio_repeated": "the caller's bytes reach the model once",
    "caller_relay_delayed": "the bridge adds no waiting to the caller's audio",
    # the session
    "session_update_first": "the session is configured before any audio is sent",
    "append_before_ready": "no audio is sent to a session that refused its configuration",
    "session_configured_otherwise": "all sessions of a call are configured like the first one",
    "event_id_repeated": "no two events of a session have the same event_id",
    "audio_format": "μ-law (audio/pcmu) is negotiated in both directions",
    "provoked_error": "the bridge gives the model's server no cause for an error",
    "response_create_storm": "response.create is not repeated while a response is active",
    "function_output_missing": "every completed function call gets its function_call_output",
    "function_output_repeated": "a function call gets only one function_call_output",
    "function_output_unasked": "a function_call_output answers a call which was completed",
    # the line
    "closed_leg": "nothing is sent on a leg that is closed",
    "line_released_once": "the phone line is released exactly once",
    "session_leaked": "the Realtime socket is closed within 250 ms of the line's release",
    "twilio_warning": "Twilio has no cause for a warning",
}

ENDED_BY: Mapping[str, str] = {
    "caller": "the caller hung up",
    "bridge": "the bridge released the line or closed the stream",
    "twiml": "the TwiML came to its end",
    "network": "the connection was lost",
}

END_REASONS: Mapping[str, str] = {
    "caller_hung_up": "the caller hung up",
    "agent_hung_up": "the agent said goodbye and hung up",
    "idle_caller": "the caller said nothing for too long",
    "transferred": "the line was handed on to another number",
    "fell_back": "the model stayed out of reach, and the line was handed on or told goodbye",
    "realtime_refused": "the model's server did not admit the session",
    "realtime_lost": "the model's connection was lost",
    "realtime_expired": "the session reached its time limit",
    "realtime_stalled": "the model owed an answer and gave none",
    "twilio_protocol": "Twilio's messages could not be understood",
    "realtime_protocol": "the model's messages could not be understood",
    "stream_refused": "the media stream had no valid token",
    "no_start": "the media stream never sent `start`",
    "not_ready": "the session was not configured in time",
    "line_dead": "nothing came from Twilio any more",
    "slow_peer": "a peer read too slowly",
    "limit": "the call reached its maximum duration",
    "shutdown": "the bridge was shut down",
}

REFUSALS: Mapping[str, str] = {
    "invalid_api_key": "wrong key: error after the 101, close 3000",
    "no_authorization": "no key: error after the 101, close 3000",
    "invalid_model": "unknown model: error after the 101, close 4000",
    "missing_model": "no model given: error after the 101, close 4000",
    "model_not_found": "no access to the model: error after the 101, close 4004",
    "beta_api_shape_disabled": "the beta protocol: error after the 101, close 4000",
    "insufficient_quota": "no money left: every response fails",
    "http_400": "status 400 instead of the 101",
    "http_401": "status 401 instead of the 101",
    "http_403": "status 403 instead of the 101",
    "http_404": "status 404 instead of the 101",
    "http_429": "status 429 instead of the 101",
    "http_500": "status 500 instead of the 101",
    "http_503": "status 503 instead of the 101",
}

ATTEMPTS: Mapping[str, str] = {"ok": "the session is admitted", **REFUSALS}
"""What can come of an attempt to connect to the model's server."""

# Environment variables of the bridge which a scenario may set. The world sets the others itself.
SETTINGS: Mapping[str, str] = {
    "MODEL": "the model's name",
    "VOICE": "the agent's voice",
    "SYSTEM_MESSAGE": "the agent's instructions",
    "AGENTS_DIR": "a folder of agents' files; a relative path begins at the scenario's folder",
    "COMPANY_NAME": "the company's name in the instructions",
    "GREETING": "what the agent says first",
    "TEMPERATURE": "beta dialect only",
    "PROMPT_ID": "a stored prompt",
    "PROMPT_VERSION": "its version",
    "SHOW_TIMING_MATH": "explain each playhead decision in the log",
    "END_CALL_GRACE_SECONDS": "pause between the farewell and the release of the line",
    "END_CALL_WATCHDOG_SECONDS": "longest wait for a farewell to begin",
    "END_CALL_INTERRUPTIBLE": "caller speech during the goodbye cancels the hangup",
    "LOG_EVENT_TYPES": "event types to log",
    "ENGINE": "realtime or live; with live the world listens as GPT-Live",
    "REALTIME_URL": "the Realtime endpoint; the host does not matter, the path does",
    "REALTIME_AUTH": "bearer, api-key or entra: how the key is shown",
    "REALTIME_DIALECT": "ga, beta or xai",
    "LIVE_URL": "the GPT-Live endpoint; the host does not matter, the path does",
    "LIVE_DELEGATION_MODEL": "the text model behind GPT-Live",
    "AZURE_TENANT_ID": "entra: the directory",
    "AZURE_CLIENT_ID": "entra: the application",
    "AZURE_CLIENT_SECRET": "entra: its secret",
    "AZURE_TOKEN_SCOPE": "entra: what the token is for",
    "TWIML_GREETING": "words Twilio speaks before the stream",
    "TWIML_PAUSE_SECONDS": "pause before the stream",
    "MAX_CALL_SECONDS": "longest call",
    "REALTIME_SESSION_RENEW_SECONDS": "age at which a session is replaced; 0 = never",
    "REALTIME_RECONNECT_SECONDS": "silence while a lost session is replaced",
    "FALLBACK_NUMBER": "called for the caller when the model cannot be reached; empty = nobody",
    "FALLBACK_TEXT": "said before that by Twilio's voice",
    "FALLBACK_LANGUAGE": "its language",
    "API_TOKENS": "hashes of the tokens with which calls may be ordered",
    "MAX_CALLS": "calls at once, 0 = any number",
    "MAX_CALLS_PER_CALLER": "of them from one number, 0 = any number",
    "WHEN_FULL": "say, reject or queue: what a caller too many meets",
    "BUSY_MESSAGE": "said to a caller too many",
    "HOLD_MESSAGE": "said to a caller who waits for a place",
    "HOLD_SECONDS": "longest wait for a place",
    "STREAM_WITHIN_SECONDS": "how long a place is kept for its stream",
    "DRAIN_SECONDS": "how long calls may go on when the process is told to stop",
    "MACHINE_DETECTED": "hang_up, message or talk, when a machine answers",
    "MACHINE_MESSAGE": "said to a machine",
    "RECORDING": "on or off: the bridge records both voices",
    "RECORDING_ANNOUNCEMENT": "what Twilio says before a recorded call",
    "MAX_CALL_WARNING_SECONDS": "so long before its end the agent says so; 0 = not at all",
    "MAX_CALL_FAREWELL_SECONDS": "so much longer may the goodbye at its end take; 0 = cut off",
    "DTMF_TO_MODEL": "tell the model which keys are pressed",
    "DTMF_INTERRUPTS": "a key stops the agent, as a voice does",
    "DTMF_PAUSE_SECONDS": "pause which completes a group of keys",
    "DTMF_TERMINATOR": "key which completes it, or none",
    "IDLE_NUDGE_SECONDS": "silence of both until the caller is asked for a sign of life; 0 = never",
    "IDLE_NUDGES_MAX": "after so many nudges without an answer comes the goodbye",
    "IDLE_NUDGE_TEXT": "the model's instructions for a nudge",
    "IDLE_GOODBYE_TEXT": "the model's instructions for the goodbye to a silent caller",
    "TRANSFER_NUMBER": "the line to which the model may hand a call on",
    "TRANSFER_ANNOUNCEMENT": "said by Twilio before it dials",
    "TRANSFER_LANGUAGE": "the language of that",
    "TRANSFER_FAILED_TEXT": "said to the caller if nobody answers there",
    "TRANSFER_CALLER_ID": "whom the other side sees calling",
    "TOOL_FILLER_SECONDS": "the longest silence while a tool runs; 0 = any",
    "TOOL_FILLER_TEXT": "the model's instructions for the word of patience",
    "TOOL_SIGNING_SECRET": "signs the requests of HTTP tools",
    "TOOL_PRIVATE_HOSTS": "hosts which they may reach at private addresses",
    "CALL_TOKEN_SECONDS": "how long the token of a stream is valid",
    "TRANSCRIPTION_MODEL": "transcribes the caller",
    "TURN_DETECTION": "server_vad or semantic_vad",
    "VAD_THRESHOLD": "0..1",
    "VAD_PREFIX_PADDING_MS": "audio kept from before the speech",
    "VAD_SILENCE_DURATION_MS": "silence which ends a turn",
    "VAD_IDLE_TIMEOUT_MS": "silence after which the model speaks up",
    "VAD_CREATE_RESPONSE": "the server answers each turn by itself",
    "VAD_INTERRUPT_RESPONSE": "the server cancels on speech by itself",
    "VAD_EAGERNESS": "semantic_vad: low, medium, high, auto",
    "OPENAI_API_KEY": "the key shown to the model's server",
    "TWILIO_ACCOUNT_SID": "empty = the bridge has no REST credentials",
    "TWILIO_AUTH_TOKEN": "empty = no signatures are checked and no REST is used",
}

TRIGGERS: Mapping[str, str] = {
    "at": "that long after the stream started: `at 3s`",
    "agent_silent": "the agent spoke since the last step, and has stopped",
    "agent_speaking": "the agent is heard, since the last step",
    "agent_heard": "the caller heard so much of the agent's present turn: `agent_heard 1200ms`",
    "marked": "Twilio returned a mark after playing: `marked`, `marked 3`",
    "turn": "the agent's turn of that number is heard: `turn 2`",
    "stream_started": "the media stream started",
    "tool_called": "the model called a tool: `tool_called`, `tool_called end_call`",
    "stream_ended": "the media stream ended",
}

REPLIES_ON: Mapping[str, str] = {
    "greeting": "the bridge asks for the greeting",
    "turn": "the caller's next turn; `turn 3` = the third one",
    "tool": "the bridge gave a tool's output and asks on",
    "request": "the bridge asks for a response",
    "farewell": "the bridge asks for the goodbye",
    "digits": "the bridge tells which keys were pressed",
    "any": "whatever comes next",
}
