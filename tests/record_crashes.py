"""Lets a process die at every step of keeping records, and looks what its heirs make of it.

A script, because it forks: `python tests/record_crashes.py FOLDER kill|power`. Each child keeps
some records and kills itself (SIGKILL) at one step: before a call of the operating system, in the
middle of a write, before a statement or a commit of the database. `power` takes away what was not
yet on the disk, too: bytes and names that were not synced, removals of names that were not.

After that a second child inherits and is killed as well, somewhere; a third one brings everything
in. Prints one JSON object per first step: what was safe, what is stored, what is left.
"""

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import trio
from sqlalchemy import Engine, event
from trio.testing import MockClock

from bridge.log import make_log
from bridge.records import spool as spool_module
from bridge.records.spool import Segment, Spool
from bridge.records.store import SqlStore
from bridge.records.writer import RecordWriter
from tests.file_writers import at_once
from tests.record_parts import entry

CALLS = 3
SECOND_STEP_MAX = 30


class Disk:
    """The operating system's files, counting steps; the process dies at step `dies_at`."""

    def __init__(self, dies_at: int, *, power: bool) -> None:
        self.steps = 0
        self._dies_at = dies_at
        self._power = power
        self._paths: dict[int, str] = {}
        self._synced: dict[str, int] = {}
        self._unnamed: set[str] = set()
        self._removed: dict[str, bytes] = {}
        self._real = {name: getattr(os, name) for name in ("open", "write", "fsync", "unlink")}
        for name in self._real:
            setattr(os, name, getattr(self, name))

    def step(self, *_event: Any) -> None:
        """One more step; perhaps the last."""
        self.steps += 1
        if self.steps == self._dies_at:
            self._dies_at = -1
            if self._power:
                self._cut_power()
            os.kill(os.getpid(), signal.SIGKILL)

    def open(self, path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        """os.open."""
        self.step()
        file: int = self._real["open"](path, flags, mode, **more)
        self._paths[file] = str(path)
        if flags & os.O_EXCL and str(path).endswith(".jsonl"):
            self._synced[str(path)] = 0
            self._unnamed.add(str(path))
        return file

    def write(self, file: int, data: Any) -> int:
        """os.write, in two halves."""
        self.step()
        half = len(data) // 2
        count: int = self._real["write"](file, data[:half])
        self.step()
        count += self._real["write"](file, data[half:])
        return count

    def fsync(self, file: int) -> None:
        """os.fsync."""
        self.step()
        path = self._paths[file]
        if Path(path).is_dir():
            self._unnamed.clear()
            self._removed.clear()
        else:
            self._synced[path] = os.fstat(file).st_size

    def unlink(self, path: Any, **more: Any) -> None:
        """os.unlink."""
        self.step()
        if str(path).endswith(".jsonl") and Path(path).exists():
            self._removed[str(path)] = Path(path).read_bytes()
        self._real["unlink"](path, **more)

    def _cut_power(self) -> None:
        for name, data in self._removed.items():
            Path(name).write_bytes(data)
        for name, size in self._synced.items():
            if Path(name).exists():
                os.truncate(name, size)
        for name in self._unnamed:
            Path(name).unlink(missing_ok=True)


class Noting:
    """A spool that notes outside of everything which records are safe."""

    def __init__(self, spool: Spool, safe: Path) -> None:
        self._spool = spool
        self._safe = safe
        self.take: Callable[[], Segment | None] = spool.take
        self.remove = spool.remove
        self.adopt = spool.adopt

    def append(self, lines: Sequence[bytes]) -> int:
        """Append, and note what from now on must not be lost."""
        count = self._spool.append(lines)
        with self._safe.open("ab") as notes:
            notes.writelines(lines[:count])
        return count


async def keep(folder: Path, first: int, count: int) -> None:
    """A worker's whole life."""
    spool = Spool(folder / "spool", 10**6)
    spool.open()
    store = SqlStore(f"sqlite:///{folder}/calls.db")
    writer = RecordWriter(
        Noting(spool, folder / "safe"),
        store,
        disk=at_once,
        database=at_once,
        wall_clock=lambda: 0.0,
        log=make_log(lambda _line: None, lambda: 0.0),
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run)
        for number in range(first, first + count):
            writer.keep(entry(number))
            await trio.sleep(0.8)
        writer.finish()
    spool.close()
    store.close()


def live(folder: Path, first: int, count: int, dies_at: int, *, power: bool) -> bool:
    """A worker in a process of its own; whether it died."""
    child = os.fork()
    if child == 0:
        spool_module.SEGMENT_LINES_MAX = 2  # type: ignore[misc]
        disk = Disk(dies_at, power=power)
        event.listen(Engine, "before_cursor_execute", disk.step)
        event.listen(Engine, "commit", disk.step)
        trio.run(keep, folder, first, count, clock=MockClock(autojump_threshold=0))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status != 0


def outcome(folder: Path) -> dict[str, Any]:
    """What was safe, what the database has, what is left over."""
    safe = (folder / "safe").read_bytes().splitlines() if (folder / "safe").exists() else []
    with sqlite3.connect(folder / "calls.db") as database:
        rows = database.execute("SELECT call_sid FROM call_records ORDER BY call_sid").fetchall()
    database.close()
    return {
        "safe": sorted({json.loads(line)["call_sid"] for line in safe}),
        "stored": [row[0] for row in rows],
        "left": sorted(path.name.partition(".")[2] for path in (folder / "spool").iterdir()),
    }


def main(work: Path, *, power: bool) -> None:
    """All first steps; the second one is another each time."""
    (work / "warm").mkdir()
    trio.run(keep, work / "warm", 0, 1, clock=MockClock(autojump_threshold=0))  # imports, once
    step, died = 0, True
    while died:
        step += 1
        folder = work / str(step)
        folder.mkdir()
        died = live(folder, 0, CALLS, step, power=power)
        live(folder, CALLS, 1, 1 + step * 7 % SECOND_STEP_MAX, power=power)
        survived = not live(folder, CALLS + 1, 1, -1, power=power)
        assert survived
        found = {"step": step, "died": died, **outcome(folder)}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()  # a forked child must not have it in its buffer
        shutil.rmtree(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), power=sys.argv[2] == "power")
