"""`expect:` becomes values: rules for events, laws that are excused, what may be left over."""

from pathlib import Path

from simulator.scenario import load_scenario
from simulator.scenario.format import EventRule, Scenario


def one(text: str, folder: Path) -> Scenario:
    """The only scenario in a text, without a problem; a silent caller."""
    file = folder / "a.call.yaml"
    file.write_text(f"{text}\ncaller: []\n", "utf-8")
    (scenario,), problems = load_scenario(file)
    assert [str(problem) for problem in problems] == []
    return scenario


def test_event_rules(tmp_path: Path) -> None:
    """A name alone means at least once; a number exactly so often; `no` never."""
    call = one(
        """
expect:
  events:
    - clear
    - truncate: 2
    - mark: {at_most: 3}
    - {no: agent_audio, after: line_released}
    - twilio.sent: {where: {event: mark, played: false}}
  allow: {"provoked_error:invalid_value": that is the point}
  replies_used: false
  unscripted: 2
""",
        tmp_path,
    )
    clear, truncate, mark, after, where = call.expect.events

    assert clear == EventRule("clear", text="clear: at least 1", line=4)
    assert (truncate.min, truncate.max) == (2, 2)
    assert (mark.min, mark.max, mark.text) == (0, 3, "mark: at most 3")
    assert (after.no, after.after) == (True, "line_released")
    assert where.where == {"event": "mark", "played": "false"}
    assert call.expect.allow == {"provoked_error:invalid_value": "that is the point"}
    assert (call.expect.replies_used, call.expect.unscripted) == (False, 2)
