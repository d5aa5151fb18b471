"""What a process and its children take of the machine, and which processor they may use.

Owns the reading of /proc (Linux: proc(5)). Knows no call.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME, _CUTIME, _CSTIME = 11, 12, 13, 14  # fields of stat behind the command's name
PROCESSES_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds used since the process began, memory now, and how many processes it is.

    Memory is the proportional set size where the kernel tells it: pages that children share count
    once.
    """

    cpu_s: float
    memory_kib: int
    processes: int


def usage_of(pid: int) -> Usage | None:
    """The process and all its living descendants; None when it is gone."""
    cpu_s, memory_kib = 0.0, 0
    pids = _tree(pid)
    counted = 0
    for each in pids:
        try:
            fields = _stat(each)
            memory_kib += _memory_kib(each)
        except (OSError, ValueError):
            continue  # it ended between two lines
        counted += 1
        ticks = fields[_UTIME] + fields[_STIME]
        if each == pid:
            ticks += fields[_CUTIME] + fields[_CSTIME]  # children that have ended
        cpu_s += ticks / _TICKS_PER_S
    return Usage(cpu_s, memory_kib, counted) if counted else None


def pin(pid: int, processor: int) -> None:
    """Keep a process with all its threads and descendants on one processor.

    Raises:
        OSError: there is no such processor.
    """
    for each in _tree(pid):
        for task in Path(f"/proc/{each}/task").glob("*"):
            try:
                os.sched_setaffinity(int(task.name), {processor})
            except ProcessLookupError:
                continue  # it ended between two lines


def _tree(pid: int) -> list[int]:
    found = [pid]
    for each in found:
        if len(found) >= PROCESSES_MAX:
            break
        for task in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += [int(word) for word in task.read_text().split()]
            except (OSError, ValueError):
                continue
    return found


def _stat(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/stat").read_text()
    return [0 if word.isalpha() else int(word) for word in text.rpartition(")")[2].split()]


def _memory_kib(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    except (OSError, StopIteration):
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024
