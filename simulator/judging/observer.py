"""How the judge listens to a trace: one dictionary look-up per event, whoever is interested.

Owns the dispatch. Knows no event by name: what is listened to is said by each listener.
"""

from collections.abc import Callable, Sequence

from simulator.trace import Event

Listener = Callable[[Event], None]


class Observer:
    """Base of everything that reads a trace event by event.

    A listener is registered for `"who.name"`, narrowed or not by the message's kind: the field
    `type` (Realtime) or `event` (Media Streams).
    """

    def __init__(self) -> None:
        self._listeners: dict[str, list[tuple[str | None, Listener]]] = {}
        self._routes: dict[tuple[str, str, str], tuple[Listener, ...]] = {}

    def on(self, source: str, do: Listener, *kinds: str) -> None:
        """Call `do` with each `source` event of one of `kinds` (none given: of any kind)."""
        for kind in kinds or (None,):
            self._listeners.setdefault(source, []).append((kind, do))
        self._routes.clear()

    def observe(self, event: Event) -> None:
        """Hand `event` to its listeners, in the order of their registration."""
        data = event.data
        key = (event.who, event.name, data.get("type") or data.get("event") or "")
        route = self._routes.get(key)
        if route is None:
            route = self._routes[key] = self.route(*key)
        for listener in route:
            listener(event)

    def finish(self, at_ms: float) -> None:
        """The run is over; judge what could not be judged before."""

    def route(self, who: str, name: str, kind: str) -> tuple[Listener, ...]:
        """Who listens to `who.name` events of `kind` ("" = a kind of none)."""
        registered = self._listeners.get(f"{who}.{name}", ())
        return tuple(listener for wanted, listener in registered if wanted in (None, kind))


class Chorus(Observer):
    """Several observers as one: one look-up per event for all of them, heard in their order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        super().__init__()
        self._observers = tuple(observers)

    def finish(self, at_ms: float) -> None:
        """Finish each of them, in order."""
        for observer in self._observers:
            observer.finish(at_ms)

    def route(self, who: str, name: str, kind: str) -> tuple[Listener, ...]:
        """All their listeners, in order."""
        return tuple(
            listener for each in self._observers for listener in each.route(who, name, kind)
        )
