"""Bugs in what is said and done: sound, requests, tools, the caller's voice, the goodbye."""

from tests.planted import functions, sound, talk
from tests.planted.bug import bug

CONVERSATION = (
    # the sound and its truncation
    bug(sound.no_clear, "barge-in/mid-answer", "clear: exactly 1", "barge_in_stop_ms: max"),
    bug(sound.no_truncate, "barge-in/mid-answer", "truncate: exactly 1", "law item_forgotten"),
    bug(
        sound.truncate_at_sent,
        "barge-in/after-all-audio-was-sent burst=8",
        "memory_error_ms: max",
        "law truncate_beyond_heard",
    ),
    bug(
        sound.truncate_by_the_clock,
        "barge-in/second-of-two-items",
        "memory_error_ms: max",
        "law truncate_beyond_heard",
    ),
    bug(
        sound.truncate_by_the_clock,
        "barge-in/in-the-last-syllable heard=2450ms",
        "model_errors: count==0",
        "law truncate_beyond_generated",
        "law provoked_error",
    ),
    bug(sound.truncate_at_zero, "barge-in/mid-answer", "memory_error_ms: max"),
    bug(
        sound.position_counts_from_the_answer,
        "barge-in/second-of-two-items",
        "memory_error_ms: max",
        "law truncate_beyond_heard",
    ),
    bug(
        sound.forgotten_second_item,
        "barge-in/first-of-two-items",
        "truncations: count==2",
        "law item_forgotten",
    ),
    bug(
        sound.marks_counted_after_clear,
        "barge-in/marks-echoed-after-clear",
        "clear: exactly 2",
        "barge_in_stop_ms: max",
    ),
    bug(sound.wait_for_the_cleared_marks, "barge-in/marks-are-not-echoed", "agent_turns: count"),
    bug(
        sound.barge_in_gated_on_generation,
        "barge-in/after-all-audio-was-sent burst=8",
        "clear: exactly 1",
        "barge_in_stop_ms: max",
    ),
    bug(sound.barge_in_gated_on_marks, "barge-in/as-the-answer-begins", "clear: exactly 1"),
    bug(
        sound.clear_and_truncate_in_silence,
        "barge-in/nothing-is-audible",
        "no clear",
        "no truncate",
        "law clear_needless",
        "law truncate_needless",
    ),
    bug(
        sound.late_deltas_forwarded,
        "barge-in/late-deltas",
        "barge_in_stop_ms: max",
        "law stale_audio_after_clear",
    ),
    bug(
        sound.always_cancels,
        "barge-in/after-all-audio-was-sent burst=8",
        "no response_cancel",
        "law provoked_error",
    ),
    bug(sound.agent_audio_sent_twice, "barge-in/mid-answer", "law audio_repeated"),
    bug(
        sound.agent_audio_paced,
        "barge-in/mid-answer",
        "clear_delay_ms: max",
        "law agent_relay_delayed",
    ),
    # requests and tools
    bug(
        talk.line_handed_on_too_early,
        "transfer/heard-to-the-last-word burst=8",
        "farewell_cut_ms: max",
    ),
    bug(
        talk.word_of_patience_asked_for_late,
        "tools/silence-is-kept-short think=1400ms",
        "dead_air_ms: max",
    ),
    bug(
        talk.caller_not_heard_after_a_failed_transfer,
        "transfer/refused-by-twilio answer=400",
        "session_update: exactly",
    ),
    bug(
        talk.collected_keys_told_as_text_too,
        "keypad/collected-with-pound",
        "realtime.received: exactly",
    ),
    bug(
        talk.asks_without_waiting,
        "tools/parallel-tool-calls",
        "response_request: exactly 1",
        "law response_create_storm",
    ),
    bug(talk.refused_request_forgotten, "faults/request-race", "response_request: exactly 2"),
    bug(talk.asks_after_every_turn, "greeting/caller-speaks-first", "no error"),
    bug(
        talk.tool_output_never_sent,
        "hangup/goodbye-in-the-same-response",
        "tool_answered: exactly 1",
        "law function_output_missing",
    ),
    bug(
        talk.tool_output_sent_twice,
        "hangup/goodbye-in-the-same-response",
        "tool_answered: exactly 1",
        "law function_output_repeated",
    ),
    bug(
        talk.silence_after_a_tool,
        "tools/tool-call-while-speaking calls_first=false",
        "response_request: exactly 1",
    ),
    bug(talk.failed_response_ignored, "faults/response-fails-once", "agent_turns: count==1"),
    bug(
        talk.stall_never_noticed,
        "faults/no-answer-from-the-model sound=1ms",
        "dead_air_ms: max",
        "ended reason: fell_back",
    ),
    # tools of ours, and the line that was handed on
    bug(
        functions.arguments_unchecked,
        "tools/python-functions",
        "bridge.log: exactly 1, where event is tool_run, where tool is is_leap_year, where outcome",
    ),
    bug(
        functions.function_waited_for_without_limit,
        "tools/python-functions",
        "tool_answered: exactly 3",
        "bridge.log: exactly 1, where event is tool_run, where tool is look_around",
    ),
    bug(
        functions.running_tools_forgotten_with_the_session,
        "tools/renewed-while-a-tool-runs",
        "tool_answered: exactly 1",
        "agent_turns: count==2",
        "law function_output_missing",
    ),
    bug(
        functions.tools_run_again_in_the_next_session,
        "tools/renewed-while-a-tool-runs",
        "tool_answered: exactly 1",
        "law function_output_repeated",
    ),
    bug(
        functions.output_asked_about_beside_the_turn,
        "tools/session-breaks-while-the-caller-speaks",
        "no response_request",
        "responses: count==2",
    ),
    bug(
        functions.nobody_asked_how_it_went,
        "transfer/nobody-answers-there",
        "twiml: exactly 1, where verb is Say",
        "bridge.log: exactly 1, where event is transfer_ended",
    ),
    bug(
        functions.one_text_for_whoever_reaches_nobody,
        "transfer/words-of-the-agent",
        "twiml: exactly 1, where verb is Say, where text is The porter",
    ),
    # the caller's voice
    bug(
        talk.early_audio_dropped,
        "greeting/caller-speaks-before-the-session-is-ready slow=2s",
        "caller_audio_lost_ms: max==0",
    ),
    bug(
        talk.early_audio_not_kept,
        "greeting/caller-speaks-before-the-session-is-ready slow=2s",
        "law session_update_first",
    ),
    bug(talk.caller_audio_repeated, "greeting/caller-speaks-first", "law caller_audio_repeated"),
    bug(talk.caller_audio_reordered, "greeting/caller-speaks-first", "law caller_audio_altered"),
    bug(
        talk.caller_audio_batched,
        "latency/plain-turns",
        "caller_audio_lost_ms: max",
        "law caller_relay_delayed",
    ),
    bug(talk.keys_ignored, "keypad/digits-with-pound", "item_created: exactly 1"),
    bug(talk.gaps_not_filled, "network/silence-suppressed", "speech_stopped: exactly 2"),
    bug(talk.gaps_filled_for_three_seconds, "model/eagerness-medium", "committed: exactly 2"),
    bug(
        talk.still_stream_excused_by_the_line,
        "engines/live-stream-stands-still",
        "ended reason: fell_back",
    ),
    # the goodbye
    bug(
        talk.hangs_up_on_response_done,
        "hangup/farewell-longer-than-the-grace burst=8",
        "farewell_cut_ms: max==0",
    ),
    bug(
        talk.hangs_up_on_the_tool_call,
        "hangup/goodbye-in-the-same-response",
        "farewell_cut_ms: max==0",
    ),
    bug(
        talk.grace_counts_from_response_done,
        "hangup/farewell-longer-than-the-grace burst=8",
        "farewell_cut_ms: max==0",
    ),
    bug(talk.farewell_mark_awaited_for_ever, "hangup/lost-marks", "hangup_delay_ms: max"),
    bug(talk.farewell_awaited_for_ever, "hangup/goodbye-never-comes", "dead_air_ms: max"),
    bug(
        talk.farewell_not_asked_for,
        "hangup/goodbye-asked-for",
        "response_request: exactly 1",
        "agent_turns: count==1",
    ),
    bug(
        talk.farewell_asked_for_twice,
        "hangup/goodbye-in-the-same-response",
        "no response_request",
    ),
    bug(
        talk.farewell_cut_by_the_caller,
        "hangup/caller-speaks-during-the-goodbye moment=agent_heard",
        "farewell_cut_ms: max==0",
        "no clear",
    ),
    bug(
        talk.server_still_interrupts_the_farewell,
        "hangup/caller-speaks-into-an-asked-for-goodbye",
        "session_update: exactly 1",
        "responses: count==2",
    ),
    bug(
        talk.second_end_call_starts_again,
        "hangup/two-tool-calls-to-hang-up",
        "response_request: exactly 1",
    ),
)
