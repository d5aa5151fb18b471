"""Judges a call by its scenario's `expect:`: thresholds, events, how it ended, replies used.

Owns the meaning of an expectation. Metrics come measured; events are counted while the call runs
(`EventWatch`), so nothing but counts and a few lines is kept.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from operator import eq, ge, gt, le, lt, ne
from typing import Literal

from simulator.judging.conditions import Conditions
from simulator.judging.metrics import Sample, Samples, aggregate
from simulator.judging.observer import Observer
from simulator.judging.readings import in_words_ms
from simulator.judging.terms import IN_A_WORLD, NOT_READ, Terms
from simulator.scenario.format import Ended, EventRule, Expect, Threshold
from simulator.scenario.names import EVENTS, METRICS, EventName
from simulator.trace import Event

Verdict = Literal["passed", "failed", "violation", "skipped", "unobservable"]
"""`skipped`: the bridge lacks what it needs. `unobservable`: nobody can know. Both are neither."""

COMPARISONS = {"<": lt, "<=": le, ">": gt, ">=": ge, "==": eq, "!=": ne}

LINES_MAX = 3
"""Events quoted in an explanation."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of `expect:` and how it came out. `line` is its line in the scenario's file.

    `measured` is a number, a text or None (nothing to measure); `explanation` is one sentence.
    """

    text: str
    verdict: Verdict
    measured: float | str | None = None
    line: int = 0
    explanation: str = ""


# -- thresholds -------------------------------------------------------------------------------


def judge_threshold(threshold: Threshold, samples: Samples | None) -> Expectation:
    """A metric without a sample fails: what was not measured was not shown to hold."""
    text = f"{threshold.metric}: {threshold.text}"
    info = METRICS.get(threshold.metric)
    if samples is None or info is None or not samples.values:
        meaning = f" ({info.meaning})" if info else ""
        why = f"there was nothing to measure: no {threshold.metric} occurred{meaning}"
        return Expectation(text, "failed", None, threshold.line, why)
    if threshold.aggregate == "count" and info.kind == "counter":
        measured = samples.values[0]
    else:
        measured = aggregate(samples.values, threshold.aggregate, threshold.percentile)
    measured = round(measured, 6)
    holds = COMPARISONS[threshold.op](measured, threshold.value)
    if holds:
        return Expectation(text, "passed", measured, threshold.line)
    explanation = _worst_in_words(threshold, samples, measured, info.unit)
    return Expectation(text, "failed", measured, threshold.line, explanation)


def _worst_in_words(threshold: Threshold, samples: Samples, measured: float, unit: str) -> str:
    def value(sample: Sample) -> float:
        return sample.value

    pick = min if threshold.op in (">", ">=") else max
    worst = pick(samples.kept, key=value)
    asked = f"{threshold.op} {threshold.value:g}"
    count = len(samples.kept)
    of_all = "its only sample" if count == 1 else f"the worst of {count} samples"
    text = f"measured {measured:g} {unit}".rstrip() + f" where {asked} was asked; {of_all} was "
    text += f"{worst.value:g} at {in_words_ms(worst.at_ms)}"
    return f"{text}: {worst.note}" if worst.note else text


# -- events -----------------------------------------------------------------------------------


class RuleWatch:
    """Counts the events of one rule while the call runs."""

    def __init__(self, rule: EventRule, conditions: Conditions) -> None:
        self.rule = rule
        self.count = 0
        self.counted: list[str] = []
        self.passed_over: list[str] = []
        self.last_of: str = ""
        self._conditions = conditions
        self._after = rule.after is None
        self._before = False
        self._of_ms = -inf
        wires = ("twilio.", "realtime.")
        sources = [EVENTS[name].source for name in (rule.name, rule.of) if name]
        self._as_the_bridge_sees = all(source.startswith(wires) for source in sources)

    @property
    def names(self) -> Iterable[str]:
        """The events to be shown to `see`, in the order they must be asked."""
        return [
            name
            for name in (self.rule.after, self.rule.of, self.rule.name, self.rule.before)
            if name
        ]

    def see(self, name: str, event: Event) -> None:
        """Take one event, which is a `name`."""
        rule = self.rule
        at_ms = self._moment(event)
        if name == rule.name and self._after and not self._before:
            self._consider(event, at_ms)
        if name == rule.of:
            self._of_ms = at_ms
            self.last_of = event.line()
        if name == rule.after:
            self._after = True
        if name == rule.before:
            self._before = True

    def _consider(self, event: Event, at_ms: float) -> None:
        rule = self.rule
        if any(_text(event.data.get(key)) != value for key, value in rule.where.items()):
            return
        late_ms = at_ms - self._of_ms
        if rule.of is not None and late_ms > rule.within_ms + self._conditions.scheduling_ms:
            why = "before any" if self._of_ms == -inf else f"{late_ms:.1f} ms after the last"
            _keep(self.passed_over, f"{why} {rule.of}: {_one_space(event.line())}")
            return
        self.count += 1
        _keep(self.counted, _one_space(event.line()))

    def _moment(self, event: Event) -> float:
        """Between two events of the wires, time counts at the bridge: the links' latency is off."""
        if not self._as_the_bridge_sees:
            return event.at_ms
        conditions = self._conditions
        return event.at_ms + {
            ("twilio", "sent"): conditions.twilio_in.nominal_ms,
            ("twilio", "received"): -conditions.twilio_out.nominal_ms,
            ("realtime", "sent"): conditions.realtime_in.nominal_ms,
            ("realtime", "received"): -conditions.realtime_out.nominal_ms,
        }.get((event.who, event.name), 0.0)

    def judge(self) -> Expectation:
        """How often it was, against how often it should be."""
        rule = self.rule
        least, most = (0, 0) if rule.no else (rule.min, rule.max)
        text = rule.text or rule_in_words(rule)
        if self.count >= least and (most is None or self.count <= most):
            return Expectation(text, "passed", self.count, rule.line)
        times = "once" if self.count == 1 else f"{self.count} times"
        asked = "never" if most == 0 else _range_in_words(least, most)
        parts = [f"{rule.name} occurred {times if self.count else 'never'}, asked was {asked}"]
        if self.counted:
            parts.append("first " + "; ".join(self.counted))
        if self.passed_over:
            parts.append("not counted: " + "; ".join(self.passed_over))
        elif not self.count and self.last_of:
            parts.append(f"the last {rule.of} was {_one_space(self.last_of)}")
        return Expectation(text, "failed", self.count, rule.line, "; ".join(parts))


def rule_in_words(rule: EventRule) -> str:
    """The rule as a sentence's beginning: `clear, once, within 60 ms of speech_started`."""
    words = [f"no {rule.name}" if rule.no else rule.name]
    if not rule.no:
        words.append(_range_in_words(rule.min, rule.max))
    if rule.of is not None:
        words.append(f"within {rule.within_ms:g} ms of {rule.of}")
    words += [f"after {rule.after}"] if rule.after else []
    words += [f"before {rule.before}"] if rule.before else []
    words += [f"{key} = {value}" for key, value in rule.where.items()]
    return ", ".join(words)


def _range_in_words(least: int, most: int | None) -> str:
    if least == most:
        return "once" if least == 1 else f"{least} times"
    if most is None:
        return f"at least {'once' if least == 1 else f'{least} times'}"
    return f"{least} to {most} times"


class EventWatch(Observer):
    """Shows every rule of a scenario the events it names."""

    def __init__(self, rules: Sequence[EventRule], conditions: Conditions) -> None:
        super().__init__()
        self.rules = [RuleWatch(rule, conditions) for rule in rules]
        self.ended_by: str | None = None
        self.ended_reason: str | None = None
        self.ended_line = ""
        self.warning = ""
        self.tools_not_offered: dict[str, None] = {}
        for watch in self.rules:
            for name in dict.fromkeys(watch.names):
                self._listen(watch, name, EVENTS[name])
        self.on("phone.ended", self._ended)
        self.on("twilio.warning", self._warned)
        self.on("bridge.ended", self._bridge_ended)
        self.on("realtime.tool_not_offered", self._not_offered)

    def _listen(self, watch: RuleWatch, name: str, meaning: EventName) -> None:
        match = dict(meaning.match)
        kind = match.pop("type", None) or match.pop("event", None)

        def seen(event: Event) -> None:
            if all(_text(event.data.get(key)) == value for key, value in match.items()):
                watch.see(name, event)

        self.on(meaning.source, seen, *([kind] if kind else []))

    def _ended(self, event: Event) -> None:
        if self.ended_by is None:
            self.ended_by = str(event.data.get("by", ""))
            self.ended_line = _one_space(event.line())

    def _warned(self, event: Event) -> None:
        self.warning = f"{event.data.get('code')}: {event.data.get('text', '')}"

    def _not_offered(self, event: Event) -> None:
        self.tools_not_offered[str(event.data.get("tool", ""))] = None

    def _bridge_ended(self, event: Event) -> None:
        if self.ended_reason is None:
            self.ended_reason = str(event.data.get("reason", ""))


# -- the rest ---------------------------------------------------------------------------------


def judge_ended(ended: Ended, watch: EventWatch, terms: Terms = IN_A_WORLD) -> list[Expectation]:
    """Who ended the call, and which reason the bridge gave."""
    found = []
    for what, asked, was in (
        ("by", ended.by, watch.ended_by),
        ("reason", ended.reason, watch.ended_reason),
    ):
        if asked is None:
            continue
        text = f"ended {what}: {asked}"
        if what == "reason" and not terms.log_is_read:
            found.append(_unobservable(Expectation(text, "unobservable", None, ended.line)))
            continue
        if was == asked:
            found.append(Expectation(text, "passed", was, ended.line))
            continue
        nothing = "the line was never released" if what == "by" else "the bridge gave no reason"
        why = nothing if was is None else f"it was {was}"
        why = f"{why} ({watch.ended_line})" if watch.ended_line else why
        why = f"{why}; Twilio's last warning: {watch.warning}" if watch.warning else why
        found.append(Expectation(text, "failed", was, ended.line, why))
    return found


def judge_replies(unused: Sequence[str]) -> Expectation:
    """Every reply of the script that is not optional was used. `unused`: those which were not."""
    text = "every reply of the model was used"
    if not unused:
        return Expectation(text, "passed", 0)
    why = f"the model was never asked for: {'; '.join(unused)}"
    return Expectation(text, "failed", len(unused), 0, why)


def judge_unscripted(unscripted: Sequence[str], allowed: int) -> list[Expectation]:
    """Every response found its reply in the script. `unscripted`: those which did not, in words.

    Such a response is silent, so nothing else would tell that the bridge asked for it.
    """
    if not unscripted:
        return []
    text, count = "every response that was asked for has a reply", len(unscripted)
    if count <= allowed:
        return [Expectation(f"{text}, but for {allowed}", "passed", count)]
    quoted = [*unscripted[:LINES_MAX], *(["..."] if count > LINES_MAX else [])]
    why = "; ".join(quoted) + (
        "; if it is right that the bridge asked, write the reply, with `optional: true` if it may "
        f"stay unused, or allow the silence: `expect: {{unscripted: {count}}}`"
    )
    return [Expectation(text, "failed", count, 0, why)]


def judge(
    expect: Expect,
    samples: Mapping[str, Samples],
    watch: EventWatch,
    unused_replies: Sequence[str] = (),
    terms: Terms = IN_A_WORLD,
) -> list[Expectation]:
    """All of a scenario's expectations, in the order: thresholds, events, ending, replies."""
    found = [
        _on_terms(
            judge_threshold(threshold, samples.get(threshold.metric)),
            terms.why_not_metric(threshold.metric),
        )
        for thresholds in expect.thresholds.values()
        for threshold in thresholds
    ]
    found += [_judge_rule(each, watch, terms) for each in watch.rules]
    if expect.ended is not None:
        found += judge_ended(expect.ended, watch, terms)
    if expect.replies_used:
        found.append(_about_tools(judge_replies(unused_replies), "tool", watch))
    return found


def _judge_rule(rule: RuleWatch, watch: EventWatch, terms: Terms) -> Expectation:
    found = _about_tools(rule.judge(), rule.rule.name, watch)
    names = (rule.rule.name, rule.rule.of, rule.rule.after, rule.rule.before)
    if not terms.log_is_read and "bridge.log" in names:
        return _unobservable(found)
    return _on_terms(found, terms.why_not_event(*names))


def _on_terms(found: Expectation, lacking: str) -> Expectation:
    """As found, or skipped because the bridge cannot do what it takes."""
    return replace(found, verdict="skipped", explanation=lacking) if lacking else found


def _unobservable(found: Expectation) -> Expectation:
    return replace(found, verdict="unobservable", measured=None, explanation=NOT_READ)


def _about_tools(found: Expectation, about: str, watch: EventWatch) -> Expectation:
    """A failure which may come from a call that the script wanted and the model could not make."""
    if found.verdict == "passed" or not about.startswith("tool") or not watch.tools_not_offered:
        return found
    tools = ", ".join(watch.tools_not_offered)
    return replace(found, explanation=f"{found.explanation}; the model was not offered {tools}")


def _text(value: object) -> str:
    """A field as a scenario writes it: true, false, null, 3, 1.5 or a word."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _keep(lines: list[str], line: str) -> None:
    if len(lines) < LINES_MAX:
        lines.append(line)


def _one_space(line: str) -> str:
    return " ".join(line.split())
