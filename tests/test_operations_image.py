"""deploy/Dockerfile, as far as it can be tried without a container.

What it copies is there; what it installs, starts and asks fits the project; and its ENTRYPOINT,
HEALTHCHECK and STOPSIGNAL are carried out, with its ENV, in an empty folder. Building it needs
Docker.
"""

import fnmatch
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bridge.settings import settings_from
from tests.far_ends import KEY
from tests.socket_ends import unused_port

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
START_S_MAX = 30

Instruction = tuple[str, str]


def stages() -> list[list[Instruction]]:
    """The instructions of each stage: the first builds, the last is the image."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line[:1] not in ("", "#")]
    found: list[list[Instruction]] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest.strip()))
    return found


BUILD, IMAGE = stages()


def only(stage: list[Instruction], word: str) -> str:
    """What stands behind the one instruction of this name."""
    (rest,) = [rest for name, rest in stage if name == word]
    return rest


def environment() -> dict[str, str]:
    """ENV of the image, without what Python and the shell read."""
    given = dict(word.split("=", 1) for word in shlex.split(only(IMAGE, "ENV")))
    return {name: given[name] for name in given if name not in ("PATH", "PYTHONUNBUFFERED")}


def copied() -> list[str]:
    """What the build gets of this folder."""
    return [source for name, rest in BUILD if name == "COPY" for source in shlex.split(rest)[:-1]]


# ------------------------------------------------------------------------------ the build
def test_what_is_copied_is_there_and_is_let_through() -> None:
    """The ignore file hides everything else, keys in a .env above all."""
    rules = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").split()

    assert rules[0] == "*"
    assert copied()
    for source in copied():
        assert (ROOT / source).exists()
        assert any(fnmatch.fnmatch(source, rule[1:]) for rule in rules if rule[0] == "!")
    assert {rule[1:] for rule in rules if rule[0] == "!"} == set(copied())


def test_the_build_has_what_the_project_is_made_of() -> None:
    """Its packages, and the files that its metadata name."""
    packages = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    project = PROJECT["project"]

    assert {*packages, project["readme"], "pyproject.toml", "LICENSE"} <= set(copied())


def test_the_build_installs_extras_that_exist_where_the_image_looks_for_them() -> None:
    """One folder: made, installed into, copied, first in PATH."""
    steps = only(BUILD, "RUN")
    (folder,) = re.findall(r"python -m venv (\S+)", steps)
    (extras,) = re.findall(r'"\.\[(.*?)\]"', steps)
    path = dict(word.split("=", 1) for word in shlex.split(only(IMAGE, "ENV")))["PATH"]

    assert f"{folder}/bin/pip install" in steps
    assert set(extras.split(",")) <= set(PROJECT["project"]["optional-dependencies"])
    assert only(IMAGE, "COPY") == f"--from=build {folder} {folder}"
    assert path.split(":")[0] == f"{folder}/bin"
    assert BUILD[0][1].split()[0] == IMAGE[0][1].split()[0]


def test_both_stages_have_a_python_the_project_runs_on() -> None:
    """A virtual environment works with the interpreter that made it."""
    (version,) = re.findall(r"^python:(\d+)\.(\d+)-slim$", IMAGE[0][1])
    least = re.findall(r"\d+", PROJECT["project"]["requires-python"])

    assert tuple(map(int, version)) >= tuple(map(int, least))


# ------------------------------------------------------------------------------ the image
def test_it_is_nobody_with_a_home() -> None:
    """Not root, by number, so that Kubernetes can see it; it writes in its home only."""
    (number,) = re.findall(r"--uid (\d+)", only(IMAGE, "RUN"))
    (home,) = re.findall(r"--home-dir (\S+)", only(IMAGE, "RUN"))
    words = [name for name, _ in IMAGE]

    assert int(number) > 0
    assert only(IMAGE, "USER") == number
    assert only(IMAGE, "WORKDIR") == home == only(IMAGE, "VOLUME")
    assert words.index("RUN") < words.index("USER") < words.index("ENTRYPOINT")


def test_its_settings_are_ours() -> None:
    """And its ports are those it tells of."""
    settings = settings_from({**environment(), "OPENAI_API_KEY": KEY})

    assert only(IMAGE, "EXPOSE") == f"{settings.port} {settings.metrics_port}"


def entrypoint() -> list[str]:
    """ENTRYPOINT and CMD; the installed script is this interpreter and the module behind it."""
    program, *rest = json.loads(only(IMAGE, "ENTRYPOINT"))
    module = PROJECT["project"]["scripts"][program]

    assert module == "bridge.cli:main"
    return [sys.executable, "-m", "bridge", *rest, *json.loads(only(IMAGE, "CMD"))]


def health_check() -> list[str]:
    """HEALTHCHECK's command; its Python is this one."""
    (command,) = re.findall(r"CMD (\[.*\])$", only(IMAGE, "HEALTHCHECK"))
    program, *rest = json.loads(command)

    assert program == "python"
    return [sys.executable, *rest]


@contextmanager
def container(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, str]]]:
    """The process a container would run, in an empty folder, and its environment."""
    given = {
        **environment(),
        "HOST": "127.0.0.1",
        "PORT": str(unused_port()),
        "METRICS_PORT": str(unused_port()),
        "OPENAI_API_KEY": KEY,
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
    }
    with (folder.parent / "output").open("wb") as output:
        process = subprocess.Popen(
            entrypoint(), cwd=folder, env=given, stdout=output, stderr=output
        )
    try:
        yield process, given
    finally:
        process.kill()
        process.wait()


def is_healthy(given: dict[str, str]) -> bool:
    """What Docker would find out."""
    asked = subprocess.run(health_check(), env=given, stderr=subprocess.DEVNULL, check=False)
    return asked.returncode == 0


def test_it_starts_is_healthy_and_stops(tmp_path: Path) -> None:
    """With nothing but a key; what it writes is in its home; SIGTERM ends it in order."""
    home = tmp_path / "home"
    home.mkdir()
    with container(home) as (process, given):
        until = time.monotonic() + START_S_MAX
        while not is_healthy(given):
            assert process.poll() is None, (tmp_path / "output").read_text()
            assert time.monotonic() < until
        there = {path.name for path in home.iterdir()}
        process.send_signal(signal.Signals[only(IMAGE, "STOPSIGNAL")])
        code = process.wait(START_S_MAX)

    assert code == 0
    assert {"callbridge.db", "callbridge-spool"} <= there


def test_what_does_not_answer_is_not_healthy() -> None:
    """The command's exit code says so."""
    assert not is_healthy({"PORT": str(unused_port()), "PATH": os.environ["PATH"]})
