"""What tests of lost and renewed sessions say and look for: words, breaks, restored items."""

from collections.abc import Sequence

from bridge.core import realtime, twilio
from bridge.core.call import CallPlan, Command
from bridge.core.commands import OpenRealtime
from tests.calls import (
    GONE,
    UP,
    Bench,
    created,
    delta,
    done,
    of_type,
)

STARTED = realtime.SpeechStarted(0)
COMMITTED = realtime.InputAudioBufferCommitted("turn_1")
NEVER = CallPlan(renew_s=0.0)
REST = CallPlan(renew_s=0.0, can_release=True)
WORDS = "one two three four five six seven eight nine ten"


def opened(bench: Bench) -> list[OpenRealtime]:
    """The sessions asked for so far."""
    return of_type(bench.commands, OpenRealtime)


def restored(commands: Sequence[object]) -> list[realtime.Item]:
    """The items that were created."""
    return [one.item for one in commands if isinstance(one, realtime.ConversationItemCreate)]


def says(bench: Bench, name: str, words: str = WORDS, sound_ms: int = 4000) -> None:
    """The agent says something, and it is heard out."""
    item = f"i{name}"
    said = bench.hear(
        created(name),
        realtime.OutputTranscriptDelta(name, item, words[:7]),
        delta(name, item, sound_ms),
        realtime.OutputTranscriptDone(name, item, words),
        realtime.OutputAudioDone(name, item),
        done(name),
    )
    bench.wait(sound_ms / 1000 + 0.1)
    bench.played(said)


def hears(bench: Bench, said: Sequence[Command], sound_ms: int) -> None:
    """The caller has heard so much of it."""
    bench.wait(sound_ms / 1000)
    marks = [mark.name for mark in of_type(said, twilio.SendMark)]
    heard = [name for name in marks if int(name.rpartition(":")[2]) < sound_ms * 8]
    bench.hear(*[twilio.Mark(name) for name in heard])


def breaks(bench: Bench) -> list[object]:
    """The session is lost, and another one is there at once. What is said to that."""
    bench.hear(GONE)
    return list(bench.hear(*UP))
