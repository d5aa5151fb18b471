"""Bugs around the conversation: keys, silence, the end of the time, the line, the session."""

from tests.planted import line, quiet
from tests.planted.bug import bug

SURROUNDINGS = (
    # keys, silence, the end of the time
    bug(
        quiet.key_stops_only_the_sound,
        "keypad/key-while-the-agent-speaks burst=1",
        "dead_air_ms: max",
    ),
    bug(
        quiet.keys_do_not_interrupt, "keypad/key-while-the-agent-speaks burst=30", "clear: exactly"
    ),
    bug(quiet.keys_without_bound, "keypad/keys-without-end", "item_created: exactly 2"),
    bug(quiet.silence_from_the_generation, "idle/long-answer-is-no-silence", "no response_request"),
    bug(
        quiet.nudges_are_never_forgotten,
        "idle/caller-answers-the-nudge",
        "ended reason: caller_hung_up",
    ),
    bug(
        quiet.waiting_for_the_model_is_idleness,
        "idle/model-stalls",
        "ended reason: fell_back",
    ),
    bug(
        quiet.goodbye_to_somebody_who_speaks,
        "idle/caller-comes-back-in-the-goodbye moment=agent_heard",
        "no hangup_request",
        "ended reason: caller_hung_up",
    ),
    bug(
        quiet.cut_off_at_the_limit,
        "long-calls/warned-and-told-goodbye",
        "hangup_request: exactly 1",
        "response_request: exactly 2",
    ),
    bug(quiet.warning_into_the_turn, "long-calls/warning-is-interrupted", "no error"),
    bug(
        quiet.limit_waits_for_ever,
        "long-calls/limit-while-the-agent-reads burst=1",
        "clear: exactly 1",
        "response_request: exactly 1",
    ),
    # the line
    bug(line.line_released_twice, "hangup/two-tool-calls-to-hang-up", "hangup_request: exactly 1"),
    bug(
        line.over_call_released_again_and_again,
        "hangup/call-is-already-over-line-held answer=404",
        "hangup_request: exactly 1",
        "leaked_session_ms: max",
    ),
    bug(
        line.busy_twilio_not_asked_again,
        "hangup/twilio-is-busy first=429",
        "hangup_request: exactly 1, where status is 200",
    ),
    bug(
        line.line_never_released,
        "hangup/twilio-does-not-answer",
        "line_released: exactly 1",
        "ended by: bridge",
    ),
    bug(
        line.wrong_stream_sid,
        "greeting/agent-greets-first",
        "time_to_first_audio_ms",
        "law twilio_warning",
    ),
    bug(
        line.audio_with_a_file_header,
        "greeting/agent-greets-first",
        "law audio_unknown",
        "law sound_from_nowhere",
    ),
    # the session
    bug(line.no_mulaw_in_session_update, "greeting/agent-greets-first", "law audio_format"),
    bug(
        line.audio_before_the_configuration,
        "greeting/agent-greets-first",
        "law session_update_first",
    ),
    bug(
        line.error_ends_the_call,
        "faults/error-event-is-survived",
        "ended reason: caller_hung_up",
    ),
    bug(
        line.lost_session_not_noticed,
        "faults/session-breaks-in-mid-answer",
        "session_connected: exactly 2",
    ),
    bug(
        line.deaf_session_kept,
        "network/model-never-reads-again",
        "ended reason: fell_back",
    ),
    bug(
        line.dead_session_not_noticed,
        "faults/model-dies-in-silence dtx=false",
        "session_connected: exactly 2",
        "agent_turns: count==2",
    ),
    bug(
        line.broken_session_still_spoken_to,
        "long-calls/session-breaks-while-the-next-one-waits",
        "law old_session_stays",
    ),
    bug(
        line.quiet_line_not_asked,
        "network/muted-caller-on-a-silent-line",
        "ended reason: caller_hung_up",
    ),
    bug(
        line.long_speech_is_a_stall,
        "latency/caller-never-pauses",
        "ended reason: caller_hung_up",
    ),
    bug(
        line.deaf_session_believed,
        "network/model-reads-again-too-late",
        "caller_audio_lost_ms: max==0",
        "agent_turns: count==2",
    ),
    bug(
        line.last_words_never_taken,
        "network/twilio-does-not-read-a-long-speech",
        "law session_leaked",
    ),
    bug(
        line.unreadable_message_ends_the_call,
        "faults/messages-nobody-can-read",
        "bridge.log: exactly 21",
    ),
    bug(
        line.refusal_not_noticed,
        "faults/session-refused how=invalid_model",
        "twiml: exactly 1",
    ),
    bug(
        line.session_leaked,
        "hangup/caller-hangs-up-first stop=true code=1000",
        "session_closed: exactly 1",
        "law session_leaked",
    ),
    bug(
        line.session_closed_late,
        "hangup/caller-hangs-up-first stop=true code=1000",
        "leaked_session_ms: max",
        "law session_leaked",
    ),
    # who is let in
    bug(
        line.token_not_checked,
        "faults/stream-without-token token=forged",
        "no session_connected",
        "ended reason: stream_refused",
    ),
    bug(
        line.signature_not_checked,
        "faults/unsigned-webhook signature=forged",
        "no twiml",
        "no session_connected",
    ),
)
