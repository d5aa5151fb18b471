"""A process that keeps records dies at every step there is: nothing is lost, nothing is doubled."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED_MEMORY = Path("/dev/shm")


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: thousands of syncs, and no disk to wait for."""
    place = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    made = Path(tempfile.mkdtemp(prefix="callbridge-crashes-", dir=place))
    yield made
    shutil.rmtree(made)


def outcomes(folder: Path, how: str) -> list[dict[str, Any]]:
    """What became of the records, for each step at which the process died."""
    done = subprocess.run(
        [sys.executable, "tests/record_crashes.py", str(folder), how],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("how", ["kill", "power"])
def test_death_at_every_step(folder: Path, how: str) -> None:
    """Killed or without power, once and then its heir again: what was safe is stored, once."""
    found = outcomes(folder, how)

    assert len(found) > 40
    assert [one["died"] for one in found] == [True] * (len(found) - 1) + [False]
    for one in found:
        assert set(one["safe"]) <= set(one["stored"]), one
        assert len(one["stored"]) == len(set(one["stored"])), one
        assert set(one["left"]) <= {"rejected"}, one
    # The first worker was not killed, nor was the last; the one between may have been at any step.
    assert {f"CA{number:032}" for number in (0, 1, 2, 4)} <= set(found[-1]["stored"])
