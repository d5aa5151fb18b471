"""Loads scenarios: finds `*.call.yaml`, reads each file, and gives scenarios and problems.

Owns the top-level keys. Nothing is half loaded: a file with a problem gives no scenario.
"""

from collections.abc import Iterable
from collections.abc import Sequence as SequenceABC
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from simulator.scenario.bridge_section import BRIDGE
from simulator.scenario.caller_section import CALLER, REPLAY
from simulator.scenario.desk import Desk, Refused
from simulator.scenario.expect_section import EXPECT
from simulator.scenario.format import Scenario
from simulator.scenario.kinds import SOME_TIME, Text, Whole, Words
from simulator.scenario.matrix import KEY as MATRIX
from simulator.scenario.matrix import USE, Variables, Variant, variants
from simulator.scenario.model_section import MODEL
from simulator.scenario.network_section import NETWORK
from simulator.scenario.problem import ScenarioProblem, nearest, quoted
from simulator.scenario.services_section import SERVICES
from simulator.scenario.setup_section import AGENT, CALL, PHONE
from simulator.scenario.shapes import Field, ListOf, Record
from simulator.scenario.sounds import PROJECT_SOUNDS, SoundFolders
from simulator.scenario.tree import Mapping, Scalar, Source, Unusable, read_source, read_tree

SUFFIX = ".call.yaml"
SEEDS_MAX = 10_000

Loaded = tuple[list[Scenario], list[ScenarioProblem]]


def _scenario(given: dict[str, Any], node: Mapping, desk: Desk) -> Scenario:
    callers = [key for key, _ in node.pairs if key.text in ("caller", "replay")]
    if len(callers) > 1:
        desk.refuse(callers[1], "`caller` and `replay` exclude each other", "keep one of them")
    if "caller" not in given and "replay" not in given:
        hint = "write `caller:` and its steps, or `caller: []` for one who stays silent"
        desk.refuse(node, "nothing says what the caller does", hint)
    given.pop(MATRIX, None)
    name = given.pop("name", desk.source.file.name.removesuffix(SUFFIX).replace("-", " "))
    return Scenario(name=name, path=desk.source.file, **given)


SCENARIO: Record[Scenario] = Record(
    "a scenario",
    (
        Field("name", Text("a name"), "What happens in this call. Not given: the file's name."),
        Field("why", Text(), "What this scenario protects from."),
        Field("tags", ListOf(Words(), "tags", most=50), "Words to choose scenarios by."),
        Field("skip", Text("the reason", "(?!true$|false$|yes$|no$)[^$].*",
                           "say why it is skipped"),
              "The scenario is not run, for this reason."),
        Field("seeds", Whole(1, SEEDS_MAX), "It is run with so many seeds."),
        Field("stop_after", SOME_TIME, "The call is stopped so long after the stream's start. "
              "Not given: two minutes after the last step.", into="stop_after_ms"),
        Field(MATRIX, Variables(), "Variables with several values each: every combination is a "
              "call of its own. `$name` stands for the value."),
        Field("call", CALL, "Who calls whom."),
        Field("agent", AGENT, "How the bridge is set up for this call."),
        Field("phone", PHONE, "How Twilio and the line behave."),
        Field("bridge", BRIDGE, "What else the bridge's process has to do. In virtual time only."),
        Field("network", NETWORK, "How the connections behave."),
        Field("model", MODEL, "What the model answers, and how its server behaves."),
        Field("services", SERVICES, "What hosts answer that the bridge's HTTP tools ask."),
        Field("caller", CALLER, "What the caller does, step by step."),
        Field("replay", REPLAY, "A recorded caller, instead of `caller`."),
        Field("expect", EXPECT, "What must hold."),
    ),
    _scenario,
    mistakes={
        "steps": "the caller's steps are `caller:`",
        "expectations": "write `expect:`",
        "thresholds": "metrics stand directly below `expect:`",
        "settings": "write it below `agent:`",
        "greeting": "write it below `agent:`",
        "$schema": "write the first line `# yaml-language-server: $schema=...` instead",
    },
)  # fmt: skip


def load_scenarios(
    paths: Iterable[Path], *, sound_dirs: SequenceABC[Path] = (PROJECT_SOUNDS,)
) -> Loaded:
    """The scenarios in files and folders, and the problems of the files which give none.

    Folders are searched for `*.call.yaml` all the way down, except in hidden ones. Files are taken
    in the order of their names, each once; a file's calls in the order of its matrix. Sounds are
    looked for beside the scenario, then in `sound_dirs`.
    """
    scenarios: list[Scenario] = []
    files, problems = _files(paths)
    for file in files:
        loaded, found = load_scenario(file, sound_dirs=sound_dirs)
        scenarios += loaded
        problems += found
    return scenarios, problems


def load_scenario(file: Path, *, sound_dirs: SequenceABC[Path] = (PROJECT_SOUNDS,)) -> Loaded:
    """The calls of one file, or everything that is wrong with it."""
    try:
        source = read_source(file)
    except Unusable as unusable:
        return [], [unusable.problem]
    return read_scenario(source, sound_dirs=sound_dirs)


def read_scenario(source: Source, *, sound_dirs: SequenceABC[Path] = (PROJECT_SOUNDS,)) -> Loaded:
    """The calls in a text, or everything that is wrong with it."""
    desk = Desk(source, SoundFolders(source.file.parent, sound_dirs))
    scenarios: list[Scenario] = []
    try:
        root, problems = read_tree(source)
        for problem in problems:
            desk.add(problem)
        if root is None or (isinstance(root, Scalar) and root.empty):
            desk.add(source.problem(1, 1, "the file is empty", "see docs/scenarios.md"))
        elif not isinstance(root, Mapping):
            desk.refuse(root, "a scenario is a block of keys", "like `name: a call`")
        else:
            scenarios = _read_root(root, desk)
    except Unusable as unusable:
        desk.add(unusable.problem)
    except Refused:
        pass  # its reason is on the desk
    return ([], desk.problems) if desk.problems else (scenarios, [])


def _read_root(root: Mapping, desk: Desk) -> list[Scenario]:
    try:
        calls = variants(root, desk)
    except Refused:
        # The variables are wrong; say what else is, with their names still in place of values.
        if not any(key.text == MATRIX for key, _ in root.pairs):
            _read_rest(root, desk)
        raise
    scenarios = []
    for call in calls:
        try:
            scenarios.append(_named(SCENARIO.read(call.root, desk), call))
        except Refused:
            continue
    return scenarios


def _read_rest(root: Mapping, desk: Desk) -> None:
    """What else is wrong; a value that is no value for its unknown variable was told already."""
    rest = Desk(desk.source, desk.sounds)
    with suppress(Refused):  # the reasons are on `rest`
        SCENARIO.read(root, rest)
    told = [(problem.line, name) for problem in desk.problems for name in _names(problem.message)]
    for problem in rest.problems:
        if not any((problem.line, name) in told for name in _names(problem.message)):
            desk.add(problem)


def _names(message: str) -> list[str]:
    """The variables that a message repeats."""
    return [use[1] or use[2] for use in USE.finditer(message) if use[1] or use[2]]


def _named(scenario: Scenario, call: Variant) -> Scenario:
    if not call.values:
        return scenario
    values = ", ".join(f"{name}={text}" for name, text in call.values)
    return replace(scenario, name=f"{scenario.name} [{values}]", variant=call.values)


def _files(paths: Iterable[Path]) -> tuple[list[Path], list[ScenarioProblem]]:
    files: dict[Path, Path] = {}
    problems: list[ScenarioProblem] = []
    for path in paths:
        try:
            found, message, hint = _files_of(path)
        except OSError as error:  # no name a file could have, or a folder closed to us
            found, message, hint = [], f"cannot be read: {error.strerror}", ""
        if message:
            problems.append(ScenarioProblem(path, 0, 0, message, hint))
        for file in found:
            files.setdefault(file.resolve(), file)
    return sorted(files.values()), problems


def _files_of(path: Path) -> tuple[list[Path], str, str]:
    """The scenario files which `path` stands for; or none, what is wrong, and a hint."""
    if path.is_dir():
        any(path.iterdir())  # looking through all below it would pass over a folder closed to us
        found = [p for p in path.rglob(f"*{SUFFIX}") if p.is_file() and not _hidden(p, path)]
        return found, "" if found else f"no scenario in this folder: none is named *{SUFFIX}", ""
    if path.is_symlink() and not path.exists():
        return [], f"a link to {quoted(str(path.readlink()))}, where nothing is", ""
    if not path.exists():
        return [], "there is no such file or folder", _nearest(path)
    if not path.name.endswith(SUFFIX):
        return [], f"not a scenario: the name does not end with {SUFFIX}", ""
    return [path], "", ""


def _hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _nearest(path: Path) -> str:
    """A question naming what is beside the missing `path`, at the first level that exists."""
    while not path.parent.exists():
        path = path.parent
    if not path.parent.is_dir():
        return f"{quoted(str(path.parent))} is a file"
    beside = {
        entry.name.removesuffix(SUFFIX): str(entry)
        for entry in path.parent.iterdir()
        if entry.is_dir() or entry.name.endswith(SUFFIX)
    }
    near = nearest(path.name.removesuffix(SUFFIX), beside)
    return f"did you mean `{beside[near]}`?" if near else ""
