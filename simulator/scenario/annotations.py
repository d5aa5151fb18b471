"""Reads the turns annotated beside a recording: `x.turns.yaml` for `x.wav`.

Such a file holds `turns:`, a list of blocks with `start_ms`, `end_ms` and `words`; its other keys
are for people. A mistake in it is reported with its own line.
"""

from contextlib import suppress
from pathlib import Path

from simulator.scenario.desk import Desk, Refused
from simulator.scenario.format import ReplayTurn
from simulator.scenario.kinds import Number, Text
from simulator.scenario.tree import Mapping, Node, Sequence, Unusable, read_source, read_tree

_LONGEST_MS = 24 * 3_600_000.0


def annotated_turns(recording: Path, desk: Desk) -> tuple[ReplayTurn, ...]:
    """The turns of `recording`, or () if nothing is annotated.

    Raises:
        Refused: the file is there and wrong.
    """
    file = recording.with_name(f"{recording.stem}.turns.yaml")
    if not file.is_file():
        return ()
    try:
        source = read_source(file)
        root, problems = read_tree(source)
    except Unusable as unusable:
        desk.add(unusable.problem)
        raise Refused from unusable
    own = Desk(source, desk.sounds)
    for problem in problems:
        own.add(problem)
    turns: tuple[ReplayTurn, ...] = ()
    with suppress(Refused):  # the reason is on `own`
        turns = _turns(root, own)
    for problem in own.problems:
        desk.add(problem)
    if own.problems:
        raise Refused
    return turns


def _turns(root: Node | None, desk: Desk) -> tuple[ReplayTurn, ...]:
    listed = _keys(root).get("turns")
    if not isinstance(listed, Sequence):
        desk.add(desk.source.problem(1, 1, "annotations hold a list `turns:`"))
        raise Refused
    return tuple(_turn(node, desk) for node in listed.items)


def _turn(node: Node, desk: Desk) -> ReplayTurn:
    keys = _keys(node)
    if not {"start_ms", "end_ms"} <= keys.keys():
        desk.refuse(node, "a turn needs `start_ms` and `end_ms`")
    start_ms = Number(0.0, _LONGEST_MS).read(keys["start_ms"], desk)
    end_ms = Number(start_ms, _LONGEST_MS).read(keys["end_ms"], desk)
    words = Text().read(keys["words"], desk) if "words" in keys else ""
    return ReplayTurn(start_ms, end_ms, words)


def _keys(node: Node | None) -> dict[str, Node]:
    return {key.text: value for key, value in node.pairs} if isinstance(node, Mapping) else {}
