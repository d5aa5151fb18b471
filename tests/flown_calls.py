"""Calls played in virtual time with a flight recorder on board."""

from pathlib import Path

from bridge.app import make_app
from bridge.flight.flight import Piece
from bridge.flight.line import LineWriter
from bridge.flight.shelf import Shelf
from bridge.flight.writer import flight_files
from bridge.log import make_log
from bridge.outside import Outside
from bridge.settings import settings_from
from bridge.write_behind import WriteBehind
from simulator.bridge_settings import WORLD_SETTINGS
from simulator.clock import run_virtually
from simulator.imports.flight_record import FlightRecord, read_record
from simulator.scenario import Scenario
from simulator.scenario.environment import bridge_environment
from simulator.trace import Event
from simulator.world import World
from tests.file_writers import at_once


class _AtOnce:
    """A sink that writes what it takes, without a thread: nothing may block in virtual time."""

    def __init__(self, folder: Path, *, audio: bool) -> None:
        log = make_log(lambda line: None, lambda: 0.0)
        shelf = Shelf(folder, 10**8, 0)
        self._writer = WriteBehind(
            flight_files(shelf, LineWriter(audio=audio)), blocking=at_once, log=log
        )

    def take(self, piece: Piece) -> bool:
        return self._writer.write(piece) is None


def flown(
    scenario: Scenario, folder: Path, *, kept: str = "always", audio: bool = True, seed: int = 0
) -> list[Event]:
    """Play a call; its record is in `folder` if it was kept. Returns what really happened."""
    events: list[Event] = []

    async def one_call() -> None:
        world = World(scenario, seed)
        given = {**WORLD_SETTINGS, **bridge_environment(scenario), "FLIGHT_RECORD": kept}
        outside: Outside = world._outside()
        sink = _AtOnce(folder, audio=audio)
        world._bridge.use(make_app(settings_from(given), outside=outside, flights=sink))
        world.trace.subscribe(events.append)
        await world.play()

    run_virtually(one_call, seed=seed)
    return events


def record_in(folder: Path) -> FlightRecord:
    """The one record in a folder."""
    (path,) = folder.iterdir()
    return read_record(path)
