"""`callsim` as a process that is told to stop in the middle of its work, and the bridge it began.

Owns starting, the signal and the end of both. What is run, and what is said of it, is the test's.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

BEGINS_S = 60
ENDS_S = 60
AT_WORK_S = 0.5


class NotedBridge:
    """A bridge's program that leaves its process number in a file, then does what `then` says."""

    def __init__(self, folder: Path, then: str) -> None:
        self.program = folder / "bridge.py"
        self._note = folder / "bridge.pid"
        note = f"import os, pathlib\npathlib.Path({str(self._note)!r}).write_text(str(os.getpid()))"
        self.program.write_text(f"{note}\n{then}\n", "utf-8")

    @property
    def began(self) -> bool:
        """Whether its process has been started."""
        return self._note.exists()

    @property
    def alive(self) -> bool:
        """Whether its process, which has begun, is still there."""
        try:
            os.kill(int(self._note.read_text("utf-8")), 0)
        except ProcessLookupError:
            return False
        return True


def stopped(bridge: NotedBridge, number: signal.Signals, *arguments: str) -> tuple[int, str]:
    """The exit code of `callsim` with these arguments, and what it said on standard error.

    It gets the signal when its bridge is at work.
    """
    harness = subprocess.Popen(
        [sys.executable, "-m", "simulator", *arguments],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    deadline_s = time.monotonic() + BEGINS_S
    while not bridge.began and time.monotonic() < deadline_s:
        time.sleep(0.05)
    time.sleep(AT_WORK_S)
    harness.send_signal(number)
    _, said = harness.communicate(timeout=ENDS_S)
    return harness.returncode, said
