"""bridge.core: a session is lost that had taken nothing for a while."""

import pytest

from bridge.core import realtime
from tests.calls import UP, Bench, appended_audio, created, delta, done, frame, media
from tests.lost_sessions import COMMITTED, NEVER, STARTED

DEAF = realtime.Closed(None, "took nothing for 5 s", deaf=True)


def talked_at(frames: int) -> Bench:
    """The caller has asked something and was answered, and the model has been silent since."""
    bench = Bench(NEVER).ready()
    bench.hear(*[media(frame(number)) for number in range(100)])
    bench.hear(STARTED, realtime.SpeechStopped(1000), COMMITTED)
    bench.hear(created("r1"), delta("r1", "i1", 100), done("r1"))
    bench.hear(*[media(frame(100 + number)) for number in range(frames)])
    return bench


def heard_again(bench: Bench, closed: realtime.Closed) -> bytes:
    """What the next session hears first."""
    bench.hear(closed)
    return appended_audio(bench.hear(*UP))


def frames(first: int, behind: int) -> bytes:
    """The frames of these numbers."""
    return b"".join(frame(number) for number in range(first, behind))


@pytest.mark.parametrize(("closed", "first"), [(DEAF, 50), (realtime.Closed(1006), 525)])
def test_all_is_heard_again_that_it_has_not_shown_to_have_heard(
    closed: realtime.Closed, first: int
) -> None:
    """From the end of the caller's last turn on; a session that was not deaf heard most of it."""
    bench = talked_at(500)

    assert heard_again(bench, closed) == frames(first, 600)


def test_the_one_after_that_was_not_deaf() -> None:
    """It is a matter of the session that is lost, and not of the call."""
    bench = talked_at(500)
    heard_again(bench, DEAF)
    bench.wait(11.0)
    bench.hear(*[media(frame(number)) for number in range(100)])

    assert heard_again(bench, realtime.Closed(1006)) == frames(25, 100)
