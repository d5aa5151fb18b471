"""What agrees and what does not, between the calls of virtual and of real time.

Owns the rule. Times, and amounts of audio, agree when their medians are at most 25 ms and one frame
apart: real sockets, two processes and a 1 ms timer take their part, and much of what a caller hears
moves in steps of one 20 ms frame. Money follows the audio, in tokens of 100 ms (in) and 50 ms
(out): one of each per response may be different. Everything else is the same or is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from simulator.judging.prices import DEFAULT_MODEL, cost_usd
from simulator.report.result import ScenarioResult
from simulator.scenario.names import METRICS

FRAME_MS = 20.0
TOLERANCE_MS = 25.0 + FRAME_MS

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One result of one scenario. Values are None where there was no sample in any run."""

    name: str
    virtual: float | str | None
    real: float | str | None
    agrees: bool

    @property
    def difference(self) -> float | None:
        """Real minus virtual, of numbers."""
        if isinstance(self.virtual, int | float) and isinstance(self.real, int | float):
            return round(self.real - self.virtual, 6)
        return None


@dataclass(frozen=True, slots=True)
class Parity:
    """One scenario, compared. `problem` says why nothing could be concluded, if so."""

    scenario: str
    rows: tuple[Row, ...] = ()
    problem: str = ""

    @property
    def agrees(self) -> bool:
        """Whether every result agrees."""
        return not self.problem and all(row.agrees for row in self.rows)

    @property
    def differences(self) -> list[Row]:
        """The results that do not."""
        return [row for row in self.rows if not row.agrees]


def compare(
    scenario: str,
    virtual: Sequence[tuple[ScenarioResult, Facts]],
    real: Sequence[tuple[ScenarioResult, Facts]],
) -> Parity:
    """Compare the runs of one scenario; of several, the medians, and each fact of every run.

    A run in which this machine was too slow does not count, unless half of them were so.
    """
    unsettled = [each for each, _ in (*virtual, *real) if each.verdict == "error"]
    settled = [pair for pair in real if pair[0].verdict != "inconclusive"]
    if 2 * len(settled) <= len(real):
        unsettled += [each for each, _ in real if each.verdict == "inconclusive"]
    if unsettled:
        return Parity(scenario, problem=unsettled[0].problem)
    real = settled
    one, two = [result for result, _ in virtual], [result for result, _ in real]
    rows = [_metric(name, one, two) for name in METRICS]
    expected, measured = [facts for _, facts in virtual], [facts for _, facts in real]
    names = dict.fromkeys(name for facts in (*expected, *measured) for name in facts)
    rows += [_fact(name, expected, measured) for name in names]
    return Parity(scenario, tuple(rows))


def _metric(name: str, virtual: Sequence[ScenarioResult], real: Sequence[ScenarioResult]) -> Row:
    expected, measured = _median(name, virtual), _median(name, real)
    if expected is None or measured is None:
        return Row(name, expected, measured, expected is measured)
    apart = abs(measured - expected)
    unit = METRICS[name].unit
    if unit == "ms":
        return Row(name, expected, measured, apart <= TOLERANCE_MS)
    if unit == "usd":
        responses = _median("responses", virtual) or 0.0
        return Row(name, expected, measured, apart <= responses * _token_usd())
    return Row(name, expected, measured, apart == 0)


def _median(name: str, results: Sequence[ScenarioResult]) -> float | None:
    found = [result.metrics[name]["p50"] for result in results if result.metrics[name]["count"]]
    return median(found) if found else None


def _token_usd() -> float:
    """What one token of audio in and one out cost."""
    one = {"audio_tokens": 1}
    usage = {"input_token_details": one, "output_token_details": one}
    return cost_usd(usage, DEFAULT_MODEL)


def _fact(name: str, virtual: Sequence[Facts], real: Sequence[Facts]) -> Row:
    expected = sorted({facts.get(name, "-") for facts in virtual})
    measured = sorted({facts.get(name, "-") for facts in real})
    return Row(name, " or ".join(expected), " or ".join(measured), expected == measured)
