"""The settings of running the service: admission, drain, workers, log file, metrics, traces.

Owns what may be said about them. Must not know what is done with them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, field_validator
from pydantic_settings import NoDecode

from bridge.settings.misfits import Misfit
from bridge.settings.words import YES_NO, seconds, setting

WORKERS_MAX = 64
PORT_LAST = 65_535


class OperationsSettings(BaseModel):
    """A part of `bridge.settings.Settings`."""

    # -- who is let in
    max_calls: int = setting(
        0,
        "calls at once in one process, 0 = any number",
        "a whole number from 0 to 10000",
        ge=0,
        le=10_000,
    )
    max_calls_per_caller: int = setting(
        0,
        "of them from one number, 0 = any number",
        "a whole number from 0 to 10000",
        ge=0,
        le=10_000,
    )
    when_full: Literal["say", "reject", "queue"] = setting(
        "say",
        "what a caller too many meets: words, the busy tone, or a wait",
        "say, reject or queue",
    )
    busy_message: str = setting(
        "All our lines are busy. Please call again in a few minutes.",
        "these words",
        "a text of at most 4096 characters",
        max_length=4096,
    )
    hold_message: str = setting(
        "All our lines are busy. Please stay on the line.",
        "queue: the words before the wait",
        "a text of at most 4096 characters",
        max_length=4096,
    )
    # Twilio fetches no more than some hundred documents for a call, one every 5 s.
    hold_seconds: float = seconds(120, "queue: then it is BUSY_MESSAGE after all", 5, 450)
    stream_within_seconds: float = seconds(30, "a place is kept so long for its stream", 1, 600)

    # -- starting and stopping
    workers: int = setting(
        1, "processes", f"a whole number from 1 to {WORKERS_MAX}", ge=1, le=WORKERS_MAX
    )
    drain_seconds: float = seconds(20, "SIGTERM: calls may finish, then goodbye", 0, 14_400)

    # -- the log
    log_format: Literal["auto", "json", "pretty"] = setting(
        "auto", "lines on standard output", "auto, json or pretty"
    )
    log_event_types: Annotated[tuple[str, ...], NoDecode] = setting(
        (), "Realtime events to log", "event types with commas, e.g. response.done,error"
    )
    show_timing_math: bool = setting(False, "explain each playhead decision in the log", YES_NO)
    log_file: Path | None = setting(None, "JSON lines there, too", "the path of a file")
    log_file_mb: int = setting(
        50, "then begin another", "whole megabytes from 1 to 100000", ge=1, le=100_000
    )
    log_files_kept: int = setting(
        5, "earlier ones kept", "a whole number from 1 to 1000", ge=1, le=1000
    )
    mask_numbers: bool = setting(True, "no phone numbers in the log", YES_NO)

    # -- metrics and traces
    metrics_token: SecretStr | None = setting(
        None, "bearer token of /metrics", "at least 16 characters", min_length=16
    )
    metrics_port: int | None = setting(
        None,
        "a port of its own for /metrics; worker N has this port + N",
        "a port from 1 to 65535",
        ge=1,
        le=PORT_LAST,
    )
    otel_exporter_otlp_endpoint: str | None = setting(
        None, "send traces there", "a URL such as http://collector:4318"
    )
    otel_service_name: str = setting("callbridge", "their service", "a name", max_length=200)

    @field_validator("log_event_types", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        # People know this setting as a JSON or Python list, too.
        return tuple(part for part in re.split(r"[\s,\"'\[\]]+", value) if part)

    @field_validator("otel_exporter_otlp_endpoint")
    @classmethod
    def _endpoint_url(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError
            assert parts.port is None or parts.port <= PORT_LAST  # reading it was the check
        return value


def operations_gaps(settings: OperationsSettings) -> Iterator[str]:
    """What several processes lack that share one port."""
    if settings.workers > 1 and settings.metrics_token is not None and not settings.metrics_port:
        yield (
            f"METRICS_PORT is not set, and WORKERS is {settings.workers}: /metrics is answered by "
            "any one of them, so counters jump back; with it, each has a port of its own"
        )


def operations_misfits(settings: Any) -> Iterator[Misfit]:
    """What the processes cannot share.

    Args:
        settings: the whole `Settings`, of which the settings here are a part.
    """
    port = settings.metrics_port
    if port is None:
        return
    last = port + settings.workers - 1
    if last > PORT_LAST:
        yield Misfit(
            "metrics_port", "too high, each of WORKERS needs a port from it on", ("workers",)
        )
    elif port <= settings.port <= last:
        whose = "is PORT, too" if port == last else f"to {last}, one for each of WORKERS, meet PORT"
        problem = f"{port} {whose}: one of the two must be another port"
        yield Misfit("metrics_port", problem, ("port", "workers"))
