"""The metrics' definitions: facts of a finished call in, samples out.

Owns how each metric is computed. Pure: reads nothing but the facts.
"""

from math import inf

from simulator.judging import prices
from simulator.judging.metrics import turns
from simulator.judging.metrics.facts import Facts
from simulator.judging.metrics.intervals import Interval, intersection, length, longest_gap, union
from simulator.judging.metrics.samples import Samples
from simulator.judging.provenance import ItemAudio
from simulator.judging.readings import BYTES_PER_MS, in_words_ms
from simulator.scenario.names import METRICS

Measured = dict[str, Samples]

NEGLIGIBLE_MS = 0.5
"""Positions are bytes, truncations whole milliseconds: this much is rounding."""


def compute(facts: Facts, measured: Measured) -> None:
    """Fill `measured` (metric name -> samples)."""
    audible = facts.audible()
    _conversation(facts, measured)
    _latency(facts, audible, measured)
    _interruptions(facts, audible, measured)
    _memory(facts, measured)
    _goodbye(facts, audible, measured)
    _totals(facts, measured)


def _conversation(facts: Facts, measured: Measured) -> None:
    agent, caller = union(facts.agent), facts.caller()
    overlap_ms = length(intersection(agent, caller))
    measured["talk_over_ms"].add(overlap_ms, facts.ended_ms)
    if facts.started_ms is None:
        return
    if agent:
        note = f"stream start at {in_words_ms(facts.started_ms)}"
        first_ms = agent[0][0]
        measured["time_to_first_audio_ms"].add(first_ms - facts.started_ms, first_ms, note)
    began, ended = longest_gap(union((*agent, *caller)), facts.started_ms, facts.ended_ms)
    note = f"silent from {in_words_ms(began)} to {in_words_ms(ended)}"
    measured["dead_air_ms"].add(ended - began, ended, note)
    if facts.released_ms is not None:
        duration_ms = facts.released_ms - facts.started_ms
        measured["call_duration_ms"].add(duration_ms, facts.released_ms)


def _latency(facts: Facts, audible: dict[str, list[Interval]], measured: Measured) -> None:
    responses = facts.provenance.responses
    replies = [
        turns.Reply(responses[name].created_ms, stretches[0][0])
        for name, stretches in audible.items()
    ]
    for answer in turns.answers(facts.utterances, facts.commits_ms, replies):
        note = f"the caller stopped at {in_words_ms(answer.asked_ms)}, "
        note += f"the reply was heard at {in_words_ms(answer.audible_ms)}"
        at_ms = max(answer.asked_ms, answer.audible_ms)
        measured["response_latency_ms"].add(answer.latency_ms, at_ms, note)


def _interruptions(facts: Facts, audible: dict[str, list[Interval]], measured: Measured) -> None:
    responses = facts.provenance.responses
    for words in facts.utterances:
        if not words.interrupting:
            continue
        last_ms = max(
            (
                stretches[-1][1]
                for name, stretches in audible.items()
                if responses[name].created_ms <= words.began_ms
            ),
            default=words.began_ms,
        )
        note = f"interrupted at {in_words_ms(words.began_ms)}, "
        note += f"the agent was last heard at {in_words_ms(last_ms)}"
        stop_ms = max(0.0, last_ms - words.began_ms)
        measured["barge_in_stop_ms"].add(stop_ms, max(last_ms, words.began_ms), note)
    conditions = facts.conditions
    links_ms = conditions.realtime_in.nominal_ms + conditions.twilio_out.nominal_ms
    for speech_ms, clear_ms in facts.clears:
        note = (
            f"speech_started sent at {in_words_ms(speech_ms)}, clear at {in_words_ms(clear_ms)}; "
        )
        note += f"the links' {links_ms:.0f} ms are taken off"
        delay_ms = max(0.0, clear_ms - speech_ms - links_ms)
        measured["clear_delay_ms"].add(delay_ms, clear_ms, note)


def _memory(facts: Facts, measured: Measured) -> None:
    for item in facts.provenance.items.values():
        if not _heard_in_part(item, facts):
            continue
        drift_ms = item.remembered_ms - item.heard_ms
        at_ms = item.cut_ms or item.last_heard_ms or item.began_ms
        note = f"{item.item_id}: generated {item.generated_ms:.0f} ms, "
        note += f"heard {item.heard_ms:.1f} ms, remembered {item.remembered_ms:.0f} ms"
        measured["memory_drift_ms"].add(drift_ms, at_ms, note)
        measured["memory_error_ms"].add(abs(drift_ms), at_ms, note)


def _heard_in_part(item: ItemAudio, facts: Facts) -> bool:
    """Whether the caller heard only a part of an item and the conversation went on after it.

    What the end of the call cut off is no matter of memory. An item that was truncated counts even
    if it was heard whole, since then the model forgets what was said.
    """
    told = item.deleted or item.truncated_ms is not None
    if told:
        whole = item.heard == item.generated
        return not whole or abs(item.remembered_ms - item.heard_ms) > NEGLIGIBLE_MS
    if item.generated_ms - item.heard_ms <= NEGLIGIBLE_MS:
        return False
    over_ms = min(facts.session_over_ms, facts.over_ms)
    answer_ms = facts.conditions.realtime_round_trip_ms + facts.conditions.twilio_round_trip_ms
    if item.cut_ms is not None:
        return item.cut_ms + answer_ms < over_ms
    if item.sent >= item.generated:
        return False  # said to the end, and Twilio got all of it and will play it
    response = facts.provenance.responses.get(item.response_id)
    made_ms = item.last_made_ms
    if response is not None and response.status == "cancelled" and response.done_ms is not None:
        made_ms = response.done_ms
    return made_ms + answer_ms < min(over_ms, facts.stream_over_ms)  # else it is under way


def _goodbye(facts: Facts, audible: dict[str, list[Interval]], measured: Measured) -> None:
    farewell = facts.farewell(audible)
    items = [item for item in facts.provenance.items.values() if item.response_id in farewell]
    made_ms = sum(item.generated_ms for item in items)
    if made_ms:
        heard_ms = sum(item.heard_ms for item in items)
        note = f"{heard_ms:.0f} of {made_ms:.0f} ms of the farewell were heard"
        measured["farewell_cut_ms"].add(made_ms - heard_ms, facts.ended_ms, note)
    spoken = [audible[name][-1][1] for name in farewell if name in audible]
    if facts.transfers:
        return  # the line goes on to somebody else
    if facts.released_ms is not None and spoken and facts.released_by != "caller":
        note = f"the farewell was last heard at {in_words_ms(max(spoken))}, "
        note += f"the line was released at {in_words_ms(facts.released_ms)}"
        delay_ms = facts.released_ms - max(spoken)
        measured["hangup_delay_ms"].add(delay_ms, facts.released_ms, note)


def _live_usd(facts: Facts) -> float:
    """What the sessions of GPT-Live cost, each from its beginning to its end."""
    return sum(
        prices.live_usd(max(0.0, min(facts.sessions[number][1], facts.over_ms) - ready_ms))
        for number, ready_ms in facts.live.items()
    )


def _totals(facts: Facts, measured: Measured) -> None:
    books = facts.caller_audio
    if books.session_ready:
        measured["caller_audio_lost_ms"].add(books.lost_ms, facts.ended_ms)
    if facts.provenance.items:
        lost = facts.lost_audio
        note = ", ".join(f"{each.lost_ms:.0f} ms of {name}" for name, each in lost.losses.items())
        measured["agent_audio_lost_ms"].add(lost.lost_ms, facts.ended_ms, note)
    padding_ms = books.padding_bytes / BYTES_PER_MS
    measured["caller_padding_ms"].add(padding_ms, facts.ended_ms)
    if facts.released_ms is not None:
        closed_ms = max((closed for _, closed in facts.sessions.values()), default=-inf)
        over_ms = min(closed_ms, facts.over_ms)
        note = "never closed" if closed_ms == inf else ""
        leaked_ms = max(0.0, over_ms - facts.released_ms)
        measured["leaked_session_ms"].add(leaked_ms, facts.ended_ms, note)
    if facts.priced:
        measured["cost_usd"].add(facts.cost_usd + _live_usd(facts), facts.ended_ms)
    for name, info in METRICS.items():
        if info.kind == "counter":
            measured[name].add(facts.counts[name], facts.ended_ms)
