"""bridge.core.deadlines: named times and the earliest of them."""

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.deadlines import Deadlines


def test_nothing_expected_is_never() -> None:
    """Without deadlines the earliest is infinite and nothing is due."""
    deadlines = Deadlines()

    assert deadlines.earliest == inf
    assert deadlines.take_due(1e9) is None


def test_due_names_come_earliest_first_and_once() -> None:
    """Each deadline is taken once, in the order of time; equal ones in the order they were set."""
    deadlines = Deadlines()
    for name, at in (("c", 3.0), ("a", 1.0), ("b", 1.0), ("d", 9.0)):
        deadlines.set(name, at)

    assert [deadlines.take_due(3.0) for _ in range(4)] == ["a", "b", "c", None]
    assert deadlines.earliest == 9.0


def test_a_deadline_can_be_moved_and_cleared() -> None:
    """Setting again moves; clearing what is not expected is no mistake."""
    deadlines = Deadlines()
    deadlines.set("a", 1.0)
    deadlines.set("a", 5.0)
    assert "a" in deadlines
    assert deadlines.earliest == 5.0

    deadlines.clear("a", "never set")
    assert "a" not in deadlines

    deadlines.set("b", 2.0)
    deadlines.clear_all()
    assert deadlines.earliest == inf


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 100)), max_size=20))
def test_earliest_is_the_minimum(times: list[tuple[str, float]]) -> None:
    """The cached value is what a fresh look would find."""
    deadlines = Deadlines()
    expected: dict[str, float] = {}
    for name, at in times:
        deadlines.set(name, at)
        expected[name] = at

    assert deadlines.earliest == min(expected.values(), default=inf)
