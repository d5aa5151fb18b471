#!/usr/bin/env python3
"""The developers' door: `python3 noxfile.py -s demo`, `… -s tests`, `… -l` for the rest.

Run as a script it needs nothing but Python 3.11 with venv: it makes `.nox/door` with nox in it and
hands over. Run by an installed nox it is an ordinary noxfile. Once installed, the sessions work
without the network: each environment remembers what it was made from and is not touched again
until that changes.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOOR = HERE / ".nox" / "door"


def open_the_door() -> None:
    """Install nox into an environment of its own, once, and become it."""
    if sys.version_info < (3, 11):  # noqa: UP036 - said here, before pip says it worse
        sys.exit(f"callbridge needs Python 3.11 or newer; this is {sys.version.split()[0]}")
    nox_command = DOOR / "bin" / "nox"
    if not nox_command.exists():
        print(f"Making {DOOR.relative_to(HERE)} with nox in it (once) …", flush=True)
        venv.create(DOOR, with_pip=True, clear=True)
        pip = [str(DOOR / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
        wanted = [*pip, "install", "--quiet", "nox>=2024.10.9"]
        if subprocess.run(wanted, check=False).returncode:
            sys.exit("nox could not be installed: the first run needs the network")
    os.execv(nox_command, [str(nox_command), "-f", __file__, *sys.argv[1:]])


if __name__ == "__main__":
    open_the_door()

import nox  # noqa: E402 - there is none before the door is open

PYTHONS = ["3.11", "3.12", "3.13"]
CODE = ["bridge", "simulator", "tests", "benchmarks", "noxfile.py", "fixtures/build.py"]

nox.options.sessions = ["lint", "types", "floors", "tests", "scenarios"]
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False  # the Pythons that are there are tested
nox.options.error_on_external_run = True


# Tests that need packages of the distribution; each has a session of its own below.
APART = [
    "--ignore=tests/test_records_postgres.py",
    "--ignore=tests/test_many_machines.py",
]


def install(session: nox.Session, extra: str, *more: str) -> None:
    """Install the project with `extra`, unless this very installation is there already."""
    recipe = [(HERE / "pyproject.toml").read_text("utf-8"), str(HERE), extra, *more]
    digest = hashlib.sha256("\0".join(recipe).encode()).hexdigest()
    stamp = Path(session.virtualenv.location) / "installed-from"
    if stamp.exists() and stamp.read_text("utf-8") == digest:
        return
    session.install("--quiet", "-e", f".[{extra}]", *more)
    stamp.write_text(digest, "utf-8")


def install_tools(session: nox.Session, *names: str) -> None:
    """Install only these of the developers' tools: what reads the code needs not run it."""
    extras = nox.project.load_toml(HERE / "pyproject.toml")["project"]["optional-dependencies"]
    wanted = [line for line in extras["dev"] if line.partition(">")[0] in names]
    session.install("--quiet", *wanted)


@nox.session
def demo(session: nox.Session) -> None:
    """Play the shipped scenarios against the bridge, in virtual time, and write a report."""
    install(session, "simulator")
    session.run("callsim", "run", "scenarios", "--report", "callsim-report", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Formatting, lint rules and spelling."""
    install_tools(session, "ruff", "codespell")
    session.run("ruff", "format", "--check", *CODE)
    session.run("ruff", "check", *CODE)
    session.run("codespell", *CODE, "docs", "scenarios", "README.md")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict, over everything."""
    install(session, "dev")
    session.run("mypy")


@nox.session
def floors(session: nox.Session) -> None:
    """Who may import whom: the contracts in pyproject.toml."""
    install_tools(session, "import-linter")
    session.run("lint-imports", env={"PYTHONPATH": str(HERE)})


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests, warnings as errors, on each supported Python that is installed."""
    install(session, "dev")
    session.run("pytest", "-q", "-n", "2", *APART, *session.posargs)


@nox.session
def postgres(session: nox.Session) -> None:
    """Call records in a real Postgres, started for the tests (needs the package postgresql)."""
    install(session, "dev")
    session.run("pytest", "-q", "tests/test_records_postgres.py", *session.posargs)


@nox.session
def machines(session: nox.Session) -> None:
    """Two bridges behind nginx: one is killed, one is drained (needs the package nginx-light)."""
    install(session, "dev")
    session.run("pytest", "-q", "tests/test_many_machines.py", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Branch coverage of the bridge's core: all of it, or this fails."""
    install(session, "dev")
    what = ["--cov=bridge/core", "--cov-report=", "tests", *APART]
    session.run("pytest", "-q", *what, *session.posargs)
    session.run("coverage", "report", "--fail-under=100")


@nox.session
def scenarios(session: nox.Session) -> None:
    """Every shipped scenario, twice with the same seed, in two processes: one digest."""
    install(session, "simulator")
    session.run("callsim", "run", "scenarios", "--check-determinism", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Print speed, memory and playhead quality; nothing here fails for being slow."""
    install(session, "dev")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def minimums(session: nox.Session) -> None:
    """The tests with the lowest versions that pyproject.toml allows (needs the network)."""
    session.install("--quiet", "uv")
    session.run("uv", "pip", "install", "--quiet", "--resolution=lowest-direct", "-e", ".[dev]")
    session.run("pytest", "-q", "-n", "2", *APART, *session.posargs)
