"""Keys the model waits for: `collect_digits`.

Owns what ends the wait, and the keys until then. Knows no function call and no rule of turns: the
output is returned to whom it may concern. Keys may be a PIN: they are never noted.

Like the keys of `keypad` they end with a terminator, which is not told, with a pause or when there
are enough of them; but also when the caller speaks instead. The pause counts from the end of what
the caller hears.
"""

from typing import Annotated, Final, Literal

import msgspec

from bridge.core import tools
from bridge.core.deadlines import Deadlines
from bridge.core.playback import Playback

DIGITS: Final = "digits"
"""Deadline: nothing has been pressed for too long."""

EndedBy = Literal["digits_max", "terminator", "timeout", "speech", "hangup"]


class Wanted(msgspec.Struct, frozen=True):
    """What the model asks for: the arguments of its call."""

    digits_max: Annotated[int, msgspec.Meta(ge=1, le=64)] = 64
    terminator: Annotated[str, msgspec.Meta(pattern="^[0-9A-D*#]?$")] = "#"
    timeout_seconds: Annotated[float, msgspec.Meta(ge=1, le=60)] = 5.0
    prompt: str = ""


def wanted(arguments: str) -> Wanted | str:
    """Return what the arguments say, or what is wrong with them."""
    try:
        # A model writes null for what it does not want to say.
        given = msgspec.json.decode(arguments, type=dict[str, msgspec.Raw])
        given = {name: value for name, value in given.items() if bytes(value) != b"null"}
        return msgspec.json.decode(msgspec.json.encode(given), type=Wanted)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return f"the arguments do not fit: {error}"


class Digits:
    """The wait for keys."""

    def __init__(self, playback: Playback, deadlines: Deadlines) -> None:
        self._playback = playback
        self._deadlines = deadlines
        self._wanted: Wanted | None = None
        self._pressed = ""

    @property
    def waiting(self) -> bool:
        """Keys belong here."""
        return self._wanted is not None

    def begin(self, wanted: Wanted) -> None:
        """Wait for keys."""
        self._wanted, self._pressed = wanted, ""

    def press(self, key: str, now: float) -> str | None:
        """Take a key. Returns the output, if it was the last one."""
        assert self._wanted is not None
        if key == self._wanted.terminator:
            return self.end("terminator")
        self._pressed += key
        if len(self._pressed) == self._wanted.digits_max:
            return self.end("digits_max")
        self._deadlines.set(DIGITS, now + self._wanted.timeout_seconds)
        return None

    def end(self, ended_by: EndedBy) -> str:
        """The wait is over. Returns the output."""
        self._wanted = None
        self._deadlines.clear(DIGITS)
        return tools.digits(self._pressed, ended_by)

    def advance(self, talking: bool, now: float) -> None:
        """Something has happened. ``talking``: the model says something, or will."""
        if self._wanted is None:
            return
        if talking:
            self._deadlines.clear(DIGITS)
        elif DIGITS not in self._deadlines:
            sounds_s = self._playback.head.remaining_s(now)
            self._deadlines.set(DIGITS, now + sounds_s + self._wanted.timeout_seconds)
