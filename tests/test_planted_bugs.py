"""The scenarios can fail: each field bug, planted in the bridge, is caught by a shipped scenario.

Each line of the table names the bug (a function in `tests/planted`), the scenario which must catch
it, and what must notice: expectations of that scenario, by the beginning of their text, and laws of
the auditor ("law item_forgotten"). The healthy bridge must pass the very same call.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from simulator.report.result import ScenarioResult
from simulator.runner import Job, play
from simulator.scenario import Scenario, load_scenarios
from tests.planted import functions, line, quiet, sound, talk

SCENARIOS = Path(__file__).parent.parent / "scenarios"
SEED = 0
PATIENCE_MS = 8_000.0
"""A planted call is stopped so long after the healthy one had ended: many bugs never hang up."""

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True, slots=True)
class Bug:
    """`plant` in `scenario` ("folder/file", or "folder/file variable=value") is noticed by all."""

    plant: Plant
    scenario: str
    noticed_by: tuple[str, ...]


def _bug(plant: Plant, scenario: str, *noticed_by: str) -> Bug:
    return Bug(plant, scenario, noticed_by)


BUGS = (
    # the sound and its truncation
    _bug(sound.no_clear, "barge-in/mid-answer", "clear: exactly 1", "barge_in_stop_ms: max"),
    _bug(sound.no_truncate, "barge-in/mid-answer", "truncate: exactly 1", "law item_forgotten"),
    _bug(
        sound.truncate_at_sent,
        "barge-in/after-all-audio-was-sent burst=8",
        "memory_error_ms: max",
        "law truncate_beyond_heard",
    ),
    _bug(
        sound.truncate_by_the_clock,
        "barge-in/second-of-two-items",
        "memory_error_ms: max",
        "law truncate_beyond_heard",
    ),
    _bug(
        sound.truncate_by_the_clock,
        "barge-in/in-the-last-syllable heard=2450ms",
        "model_errors: count==0",
        "law truncate_beyond_generated",
        "law provoked_error",
    ),
    _bug(sound.truncate_at_zero, "barge-in/mid-answer", "memory_error_ms: max"),
    _bug(
        sound.position_counts_from_the_answer,
        "barge-in/second-of-two-items",
        "memory_error_ms: max",
        "law truncate_beyond_heard",
    ),
    _bug(
        sound.forgotten_second_item,
        "barge-in/first-of-two-items",
        "truncations: count==2",
        "law item_forgotten",
    ),
    _bug(
        sound.marks_counted_after_clear,
        "barge-in/marks-echoed-after-clear",
        "clear: exactly 2",
        "barge_in_stop_ms: max",
    ),
    _bug(sound.wait_for_the_cleared_marks, "barge-in/marks-are-not-echoed", "agent_turns: count"),
    _bug(
        sound.barge_in_gated_on_generation,
        "barge-in/after-all-audio-was-sent burst=8",
        "clear: exactly 1",
        "barge_in_stop_ms: max",
    ),
    _bug(sound.barge_in_gated_on_marks, "barge-in/as-the-answer-begins", "clear: exactly 1"),
    _bug(
        sound.clear_and_truncate_in_silence,
        "barge-in/nothing-is-audible",
        "no clear",
        "no truncate",
        "law clear_needless",
        "law truncate_needless",
    ),
    _bug(
        sound.late_deltas_forwarded,
        "barge-in/late-deltas",
        "barge_in_stop_ms: max",
        "law stale_audio_after_clear",
    ),
    _bug(
        sound.always_cancels,
        "barge-in/after-all-audio-was-sent burst=8",
        "no response_cancel",
        "law provoked_error",
    ),
    _bug(sound.agent_audio_sent_twice, "barge-in/mid-answer", "law audio_repeated"),
    _bug(
        sound.agent_audio_paced,
        "barge-in/mid-answer",
        "clear_delay_ms: max",
        "law agent_relay_delayed",
    ),
    # requests and tools
    _bug(
        talk.line_handed_on_too_early,
        "transfer/heard-to-the-last-word burst=8",
        "farewell_cut_ms: max",
    ),
    _bug(
        talk.word_of_patience_asked_for_late,
        "tools/silence-is-kept-short think=1400ms",
        "dead_air_ms: max",
    ),
    _bug(
        talk.caller_not_heard_after_a_failed_transfer,
        "transfer/refused-by-twilio answer=400",
        "session_update: exactly",
    ),
    _bug(
        talk.collected_keys_told_as_text_too,
        "keypad/collected-with-pound",
        "realtime.received: exactly",
    ),
    _bug(
        talk.asks_without_waiting,
        "tools/parallel-tool-calls",
        "response_request: exactly 1",
        "law response_create_storm",
    ),
    _bug(talk.refused_request_forgotten, "faults/request-race", "response_request: exactly 2"),
    _bug(talk.asks_after_every_turn, "greeting/caller-speaks-first", "no error"),
    _bug(
        talk.tool_output_never_sent,
        "hangup/goodbye-in-the-same-response",
        "tool_answered: exactly 1",
        "law function_output_missing",
    ),
    _bug(
        talk.tool_output_sent_twice,
        "hangup/goodbye-in-the-same-response",
        "tool_answered: exactly 1",
        "law function_output_repeated",
    ),
    _bug(
        talk.silence_after_a_tool,
        "tools/tool-call-while-speaking calls_first=false",
        "response_request: exactly 1",
    ),
    _bug(talk.failed_response_ignored, "faults/response-fails-once", "agent_turns: count==1"),
    _bug(
        talk.stall_never_noticed,
        "faults/no-answer-from-the-model sound=1ms",
        "dead_air_ms: max",
        "ended reason: fell_back",
    ),
    # tools of ours, and the line that was handed on
    _bug(
        functions.arguments_unchecked,
        "tools/python-functions",
        "bridge.log: exactly 1, where event is tool_run, where tool is is_leap_year, where outcome",
    ),
    _bug(
        functions.function_waited_for_without_limit,
        "tools/python-functions",
        "tool_answered: exactly 3",
        "bridge.log: exactly 1, where event is tool_run, where tool is look_around",
    ),
    _bug(
        functions.running_tools_forgotten_with_the_session,
        "tools/renewed-while-a-tool-runs",
        "tool_answered: exactly 1",
        "agent_turns: count==2",
        "law function_output_missing",
    ),
    _bug(
        functions.tools_run_again_in_the_next_session,
        "tools/renewed-while-a-tool-runs",
        "tool_answered: exactly 1",
        "law function_output_repeated",
    ),
    _bug(
        functions.output_asked_about_beside_the_turn,
        "tools/session-breaks-while-the-caller-speaks",
        "no response_request",
        "responses: count==2",
    ),
    _bug(
        functions.nobody_asked_how_it_went,
        "transfer/nobody-answers-there",
        "twiml: exactly 1, where verb is Say",
        "bridge.log: exactly 1, where event is transfer_ended",
    ),
    _bug(
        functions.one_text_for_whoever_reaches_nobody,
        "transfer/words-of-the-agent",
        "twiml: exactly 1, where verb is Say, where text is The porter",
    ),
    # the caller's voice
    _bug(
        talk.early_audio_dropped,
        "greeting/caller-speaks-before-the-session-is-ready slow=2s",
        "caller_audio_lost_ms: max==0",
    ),
    _bug(
        talk.early_audio_not_kept,
        "greeting/caller-speaks-before-the-session-is-ready slow=2s",
        "law append_before_ready",
    ),
    _bug(talk.caller_audio_repeated, "greeting/caller-speaks-first", "law caller_audio_repeated"),
    _bug(talk.caller_audio_reordered, "greeting/caller-speaks-first", "law caller_audio_altered"),
    _bug(
        talk.caller_audio_batched,
        "latency/plain-turns",
        "response_latency_ms: max",
        "law caller_relay_delayed",
    ),
    _bug(talk.keys_ignored, "keypad/digits-with-pound", "item_created: exactly 1"),
    _bug(talk.gaps_not_filled, "network/silence-suppressed", "speech_stopped: exactly 2"),
    _bug(talk.gaps_filled_for_three_seconds, "model/eagerness-medium", "committed: exactly 2"),
    _bug(
        talk.still_stream_excused_by_the_line,
        "engines/live-stream-stands-still",
        "ended reason: fell_back",
    ),
    # the goodbye
    _bug(
        talk.hangs_up_on_response_done,
        "hangup/farewell-longer-than-the-grace burst=8",
        "farewell_cut_ms: max==0",
    ),
    _bug(
        talk.hangs_up_on_the_tool_call,
        "hangup/goodbye-in-the-same-response",
        "farewell_cut_ms: max==0",
    ),
    _bug(
        talk.grace_counts_from_response_done,
        "hangup/farewell-longer-than-the-grace burst=8",
        "farewell_cut_ms: max==0",
    ),
    _bug(talk.farewell_mark_awaited_for_ever, "hangup/lost-marks", "hangup_delay_ms: max"),
    _bug(talk.farewell_awaited_for_ever, "hangup/goodbye-never-comes", "dead_air_ms: max"),
    _bug(
        talk.farewell_not_asked_for,
        "hangup/goodbye-asked-for",
        "response_request: exactly 1",
        "agent_turns: count==1",
    ),
    _bug(
        talk.farewell_asked_for_twice,
        "hangup/goodbye-in-the-same-response",
        "no response_request",
    ),
    _bug(
        talk.farewell_cut_by_the_caller,
        "hangup/caller-speaks-during-the-goodbye moment=agent_heard",
        "farewell_cut_ms: max==0",
        "no clear",
    ),
    _bug(
        talk.server_still_interrupts_the_farewell,
        "hangup/caller-speaks-into-an-asked-for-goodbye",
        "session_update: exactly 1",
        "responses: count==2",
    ),
    _bug(
        talk.second_end_call_starts_again,
        "hangup/two-tool-calls-to-hang-up",
        "response_request: exactly 1",
    ),
    # keys, silence, the end of the time
    _bug(
        quiet.key_stops_only_the_sound,
        "keypad/key-while-the-agent-speaks burst=1",
        "dead_air_ms: max",
    ),
    _bug(
        quiet.keys_do_not_interrupt, "keypad/key-while-the-agent-speaks burst=30", "clear: exactly"
    ),
    _bug(quiet.keys_without_bound, "keypad/keys-without-end", "item_created: exactly 2"),
    _bug(
        quiet.silence_from_the_generation, "idle/long-answer-is-no-silence", "no response_request"
    ),
    _bug(
        quiet.nudges_are_never_forgotten,
        "idle/caller-answers-the-nudge",
        "ended reason: caller_hung_up",
    ),
    _bug(
        quiet.waiting_for_the_model_is_idleness,
        "idle/model-stalls",
        "ended reason: fell_back",
    ),
    _bug(
        quiet.goodbye_to_somebody_who_speaks,
        "idle/caller-comes-back-in-the-goodbye moment=agent_heard",
        "no hangup_request",
        "ended reason: caller_hung_up",
    ),
    _bug(
        quiet.cut_off_at_the_limit,
        "long-calls/warned-and-told-goodbye",
        "hangup_request: exactly 1",
        "response_request: exactly 2",
    ),
    _bug(quiet.warning_into_the_turn, "long-calls/warning-is-interrupted", "no error"),
    _bug(
        quiet.limit_waits_for_ever,
        "long-calls/limit-while-the-agent-reads burst=1",
        "clear: exactly 1",
        "response_request: exactly 1",
    ),
    # the line
    _bug(line.line_released_twice, "hangup/two-tool-calls-to-hang-up", "hangup_request: exactly 1"),
    _bug(
        line.over_call_released_again_and_again,
        "hangup/call-is-already-over-line-held answer=404",
        "hangup_request: exactly 1",
        "leaked_session_ms: max",
    ),
    _bug(
        line.busy_twilio_not_asked_again,
        "hangup/twilio-is-busy first=429",
        "hangup_request: exactly 1, where status is 200",
    ),
    _bug(
        line.line_never_released,
        "hangup/twilio-does-not-answer",
        "line_released: exactly 1",
        "ended by: bridge",
    ),
    _bug(
        line.wrong_stream_sid,
        "greeting/agent-greets-first",
        "time_to_first_audio_ms",
        "law twilio_warning",
    ),
    _bug(
        line.audio_with_a_file_header,
        "greeting/agent-greets-first",
        "law audio_unknown",
        "law sound_from_nowhere",
    ),
    # the session
    _bug(line.no_mulaw_in_session_update, "greeting/agent-greets-first", "law audio_format"),
    _bug(
        line.audio_before_the_configuration,
        "greeting/agent-greets-first",
        "law session_update_first",
    ),
    _bug(
        line.error_ends_the_call,
        "faults/error-event-is-survived",
        "ended reason: caller_hung_up",
    ),
    _bug(
        line.lost_session_not_noticed,
        "faults/session-breaks-in-mid-answer",
        "session_connected: exactly 2",
    ),
    _bug(
        line.deaf_session_kept,
        "network/model-never-reads-again",
        "ended reason: fell_back",
    ),
    _bug(
        line.deaf_session_believed,
        "network/model-reads-again-too-late",
        "caller_audio_lost_ms: max==0",
        "agent_turns: count==2",
    ),
    _bug(
        line.refusal_not_noticed,
        "faults/session-refused how=invalid_model",
        "twiml: exactly 1",
    ),
    _bug(
        line.session_leaked,
        "hangup/caller-hangs-up-first stop=true code=1000",
        "session_closed: exactly 1",
        "law session_leaked",
    ),
    _bug(
        line.session_closed_late,
        "hangup/caller-hangs-up-first stop=true code=1000",
        "leaked_session_ms: max",
        "law session_leaked",
    ),
    # who is let in
    _bug(
        line.token_not_checked,
        "faults/stream-without-token token=forged",
        "no session_connected",
        "ended reason: stream_refused",
    ),
    _bug(
        line.signature_not_checked,
        "faults/unsigned-webhook signature=forged",
        "no twiml",
        "no session_connected",
    ),
)


@cache
def shipped(name: str) -> Scenario:
    """The shipped call of that name; the first one of its file that has the values given."""
    file, *values = name.split(" ", 1)
    calls, problems = load_scenarios([SCENARIOS / f"{file}.call.yaml"])
    assert not problems, problems
    for call in calls:
        written = " ".join(f"{variable}={value}" for variable, value in call.variant)
        if not values or written.startswith(values[0]):
            return call
    raise AssertionError(f"no call of {file} has {values}")


@cache
def healthy(name: str) -> ScenarioResult:
    """The call as the healthy bridge plays it."""
    return play(Job(shipped(name), SEED))


def planted(bug: Bug, patch: pytest.MonkeyPatch) -> ScenarioResult:
    """The same call with the bug in the bridge."""
    stop_after_ms = healthy(bug.scenario).simulated_s * 1000 + PATIENCE_MS
    bug.plant(patch)
    return play(Job(replace(shipped(bug.scenario), stop_after_ms=stop_after_ms), SEED))


def noticed(result: ScenarioResult) -> list[str]:
    """What did not hold, in the table's words."""
    return [each.text for each in result.failures] + [f"law {law}" for law in result.law_counts]


def _name(bug: Bug) -> str:
    return f"{bug.plant.__name__}-{bug.scenario}"


@pytest.mark.parametrize("bug", BUGS, ids=_name)
def test_a_planted_bug_is_caught(bug: Bug, monkeypatch: pytest.MonkeyPatch) -> None:
    """The healthy bridge passes the call; the bug fails it, by the expectations and laws named."""
    without = healthy(bug.scenario)
    found = noticed(planted(bug, monkeypatch))
    missed = [each for each in bug.noticed_by if not any(one.startswith(each) for one in found)]

    assert (without.verdict, noticed(without)) == ("passed", [])
    assert found, "nobody noticed"
    assert not missed, f"noticed was {found}"


def test_every_bug_is_in_the_table() -> None:
    """A bug that is written down and planted nowhere proves nothing."""
    written = {
        f"{module.__name__}.{name}"
        for module in (sound, talk, functions, quiet, line)
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__
    }
    tabled = {f"{bug.plant.__module__}.{bug.plant.__name__}" for bug in BUGS}

    assert written - tabled == set()
    assert len(tabled) >= 15
