"""Whose turn it is to speak: the model's responses and our requests for them.

Owns what is active, what was interrupted, what we asked for and what we still want. Everything is
keyed by response id, because a cancelled response's end may come after the next one's beginning.
Knows no wire and no time.

A request (`want`) waits until no response is active: the server refuses a second one. It may also
be overtaken: a turn of the caller makes the server begin a response by itself, which answers both.

News are what the conversation holds and no response has spoken of yet: the outputs of tools. An
ordinary response tells those that were there when it was asked for, or when the caller's turn was
taken; the word of patience, a nudge or a warning tells none.
"""

from collections import OrderedDict, deque
from typing import Final

import msgspec

from bridge.core.realtime import ResponseOptions

INTERRUPTED_MAX: Final = 64
"""Interrupted responses remembered; stragglers come within a second of the interruption."""
OVER_MAX: Final = 16
"""Responses remembered that are over: an end told twice is one."""


class Finished(msgspec.Struct):
    """What came of a response: what it had been asked to be, and whether it produced audio.

    ``called``: a function whose output will be asked about.
    """

    options: ResponseOptions = ResponseOptions()
    spoken: bool = False
    called: bool = False


class Responses:
    """The books of the model's turns."""

    def __init__(self, *, any_time: bool = False) -> None:
        """Open the books; ``any_time``: the model can be asked while it says what is not heard."""
        self._any_time = any_time
        self._active: dict[str, Finished] = {}
        self._interrupted: OrderedDict[str, None] = OrderedDict()
        self._over: deque[str] = deque(maxlen=OVER_MAX)
        self._wanted: ResponseOptions | None = None
        self._asked: ResponseOptions | None = None
        self._asked_event_id = ""
        self._refused = False
        self._unwelcome = False
        self._news = self._seen = self._told = 0
        self.turn_owed = False
        """The server has the caller's turn and will begin a response by itself."""

    # -------------------------------------------------------------------- requests of ours
    def want(self, options: ResponseOptions) -> None:
        """A response shall be asked for as soon as none is active."""
        self._wanted = options

    def unwant(self) -> None:
        """Ask for nothing; a response already asked for is unwelcome when it comes."""
        self._wanted = None
        self._unwelcome = self._asked is not None

    def ready_to_ask(self) -> bool:
        """Something is wanted and the server would accept it."""
        return self._wanted is not None and not (self._busy or self._asked or self._refused)

    def next_request(self) -> ResponseOptions:
        """Take what is wanted; to be called when `ready_to_ask`."""
        assert self._wanted is not None
        options, self._wanted = self._wanted, None
        return options

    def asked(self, options: ResponseOptions, event_id: str) -> None:
        """The request went out as the event ``event_id``."""
        self._asked, self._asked_event_id = options, event_id
        if options.instructions is None:
            self._seen = self._news

    def failed_to_ask(self, event_id: str | None, *, again: bool) -> ResponseOptions | None:
        """The server answered an event of ours with an error.

        Returns what will not come of itself, if this was our request and it is still wanted.

        Args:
            event_id: of the refused event; None if the server does not say.
            again: a response is active; ask once more when it is done.
        """
        if self._asked is None or event_id not in {self._asked_event_id, None}:
            return None
        if event_id is None and not again:
            return None
        asked = None if self._unwelcome else self._asked
        self._asked, self._unwelcome = None, False
        if again:
            if asked is not None:
                self._wanted, self._refused = asked, True
            return None
        self._told = self._seen  # asking for it once more may be refused once more
        return asked

    def add_news(self) -> None:
        """Something is in the conversation that a response must tell."""
        self._news += 1

    # -------------------------------------------------------------------- what the server does
    def owe_turn(self, *, sees_news: bool = True) -> None:
        """The server has taken the caller's turn and will begin a response by itself."""
        self.turn_owed = True
        if sees_news:
            self._seen = self._news

    def created(self, response_id: str) -> bool:
        """A response began. True: nobody wants it any more, it must be cancelled.

        If the server owes an answer to the caller's turn, this is it, and it answers what we
        merely want as well; otherwise it is the one we asked for.
        """
        if self.turn_owed:
            self.turn_owed = False
            self._active[response_id] = Finished()
            self._wanted = None
            self._told = self._seen
            return False
        options = self._asked or ResponseOptions()
        self._active[response_id] = Finished(options)
        self._asked = None
        unwelcome, self._unwelcome = self._unwelcome, False
        if unwelcome:
            self.reject(response_id)
        elif options.instructions is None:
            self._told = self._seen
        return unwelcome

    def spoke(self, response_id: str) -> None:
        """A response produced audio."""
        if response_id in self._active:
            self._active[response_id].spoken = True

    def called(self, response_id: str) -> None:
        """A response called a function: when it is answered, the model is asked on."""
        if response_id in self._active:
            self._active[response_id].called = True

    def done(self, response_id: str) -> Finished:
        """A response is over. Returns what came of it."""
        if response_id in self._over:
            return Finished()
        self._over.append(response_id)
        finished = self._active.pop(response_id, Finished())
        self._refused = False
        if not (self._active or self._any_time):
            self._asked = None  # sent before that response began, so it has been answered by now
        return finished

    def lost(self) -> Finished | None:
        """The session is gone, and all responses with it. Returns what somebody still waits for."""
        live = [
            one
            for name, one in self._active.items()
            if not (one.called or name in self._interrupted)
        ]
        asked = None if self._unwelcome else self._asked
        if self._wanted is None and asked is None:
            pending = live[-1] if live else None
        else:
            pending = Finished(self._wanted or asked or ResponseOptions())
        self._active.clear()
        self._wanted = self._asked = None
        self._refused = self._unwelcome = self.turn_owed = False
        return pending

    # -------------------------------------------------------------------- interruption
    def interrupt(self, audible_ids: frozenset[str]) -> list[str]:
        """All active and audible responses are interrupted. Returns the active ones, to cancel."""
        active = [one for one in self._active if one not in self._interrupted]
        for response_id in (*audible_ids, *active):
            self.reject(response_id)
        return active

    def interrupted(self, response_id: str) -> bool:
        """Audio of this response must not be played."""
        return response_id in self._interrupted

    def reject(self, response_id: str) -> None:
        """Nothing of this response shall be played."""
        self._interrupted[response_id] = None
        while len(self._interrupted) > INTERRUPTED_MAX:
            self._interrupted.popitem(last=False)

    # -------------------------------------------------------------------- questions
    @property
    def live(self) -> bool:
        """A response that was not interrupted is being generated."""
        return any(one not in self._interrupted for one in self._active)

    @property
    def idle(self) -> bool:
        """Nothing is active, asked for or wanted."""
        return not (self._busy or self._asked or self._wanted)

    @property
    def _busy(self) -> bool:
        """A response is being generated behind which a request must wait."""
        return self.live if self._any_time else bool(self._active)

    @property
    def owed(self) -> bool:
        """The model owes us something: silence now would be a stall."""
        asked = self._asked is not None and not self._unwelcome
        return self.live or self.turn_owed or asked or self._wanted is not None

    @property
    def untold(self) -> bool:
        """There are news which no response has told, or is about to tell."""
        return self._told < self._news

    def is_active(self, response_id: str) -> bool:
        """The response has begun and is not over."""
        return response_id in self._active

    def has_spoken(self, response_id: str) -> bool:
        """An active response has produced audio."""
        return response_id in self._active and self._active[response_id].spoken
