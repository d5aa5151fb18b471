"""What keeps the service from starting, as far as it can be known before it does.

Owns these sentences: `check` says them, and `serve` refuses with them. Each names the setting that
would have to change. A port that another program has is told by the attempt only.
"""

import errno
import os
import socket
import stat
import tempfile
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from bridge.agents.choosing import Agents
from bridge.errors import BridgeError
from bridge.settings import Settings
from bridge.wiring import TelemetryMissing

Trial = Callable[[Path], str]
"""Tries a folder: why no file can be made in it; "" = one can."""


def obstacles(settings: Settings, agents: Agents, tried: Trial) -> list[str]:
    """A line for each thing that keeps the service from starting, or from keeping what it shall.

    `tried` is `foreseen`, which changes nothing on the disk, or `made`, which makes the folders.
    """
    return [
        *_not_listening(settings),
        *_without_traces(settings),
        *_without_folders(settings, agents, tried),
        *_without_records(settings, tried),
    ]


def cannot_listen(host: str, port: int, setting: str, why: OSError) -> str:
    """What to say, and what to do, when there is no socket; `setting` is where the port is from."""
    reason = why.strerror or str(why)
    match why.errno:
        case errno.EADDRINUSE:
            advice = f"stop the program that listens there, or set another {setting}"
        case errno.EACCES | errno.EPERM:
            advice = f"this user may not; set {setting} to a port from 1024 on"
        case _:
            advice = "set HOST to an address of this machine, such as 0.0.0.0 or 127.0.0.1"
    return f"cannot listen on HOST={host}, port {port} ({setting}): {reason}; {advice}"


def without_records(why: Exception) -> str:
    """What to say, and what to do, when no call record can be kept."""
    words = str(why)
    named = words if words.startswith(("DATABASE_URL", "RECORDS_SPOOL")) else f"DATABASE_URL: {why}"
    return f"{named}; DATABASE_URL=off keeps no call records"


def foreseen(folder: Path) -> str:
    """Why no file could be made in this folder, nor perhaps the folder; changes nothing."""
    for place in (folder.absolute(), *folder.absolute().parents):
        try:
            kind = place.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            if place.is_symlink():
                return f"{place} is a link to nothing"
            continue
        except OSError as why:
            return why.strerror or str(why)
        if not stat.S_ISDIR(kind):
            return f"{place} is not a folder"
        return "" if os.access(place, os.W_OK | os.X_OK) else f"this user cannot write to {place}"
    return ""


def made(folder: Path) -> str:
    """Make the folder, unless it is there, and a file in it that goes at once; why it cannot be."""
    if why := foreseen(folder):
        return why
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _not_listening(settings: Settings) -> Iterator[str]:
    ports = [("PORT", settings.port)]
    if settings.metrics_port is not None:
        ports.append(("METRICS_PORT", settings.metrics_port))
    for setting, port in ports:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        try:
            with socket.socket(family) as trial:
                # A service that runs, or did just now, is no obstacle to the next one.
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind((settings.host, port))
        except OSError as why:
            if why.errno == errno.EADDRINUSE:
                continue
            yield cannot_listen(settings.host, port, setting, why)
            if why.errno not in (errno.EACCES, errno.EPERM):
                return  # it is the host, for either port


def _without_traces(settings: Settings) -> Iterator[str]:
    if settings.otel_exporter_otlp_endpoint is not None:
        try:
            import_module("bridge.operations.traces")
        except ModuleNotFoundError:
            yield str(TelemetryMissing())


def _without_folders(settings: Settings, agents: Agents, tried: Trial) -> Iterator[str]:
    wanted: list[tuple[bool, str, Path, str]] = [
        (
            any(agent.conduct.records for agent in agents.all),
            "RECORDING_DIR",
            settings.recording_dir,
            "recordings",
        ),
        (settings.flight_record != "never", "FLIGHT_DIR", settings.flight_dir, "flight records"),
    ]
    for used, setting, folder, what in wanted:
        if used and (why := tried(folder)):
            yield f"{setting}: cannot keep {what} in {folder}: {why}; set it to another folder"
    if (file := settings.log_file) is not None and (why := _unwritable(file)):
        yield f"LOG_FILE: cannot write {file}: {why}"


def _unwritable(file: Path) -> str:
    """Why nothing can be written to a file whose folder nobody makes."""
    if why := foreseen(file.parent):
        return why
    if not file.parent.is_dir():
        return f"there is no folder {file.parent}"
    if file.is_dir():
        return "it is a folder"
    there = not file.exists() or os.access(file, os.W_OK)
    return "" if there else "this user cannot write to it"


def _without_records(settings: Settings, tried: Trial) -> Iterator[str]:
    url = settings.records_url
    if url is None:
        return
    if why := tried(settings.records_spool):
        folder = settings.records_spool
        yield without_records(
            BridgeError(f"RECORDS_SPOOL: cannot keep call records: {folder}: {why}")
        )
    if url.startswith("sqlite:///") and "?" not in url:
        return  # no driver to look for, and nothing to misread; the library takes its time to load
    try:
        with warnings.catch_warnings(action="ignore"):
            import_module("bridge.records.store").SqlStore(url).close()
    except (BridgeError, ValueError) as error:
        yield without_records(error)
