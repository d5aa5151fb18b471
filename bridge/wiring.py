"""From settings to the parts of a call.

Owns the translation of names, and the places where secrets leave the settings. Must not know HTTP.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from bridge import call_token
from bridge.agents.choosing import DEFAULT, Agents
from bridge.agents.reading import read_agents
from bridge.core.plan import CallPlan
from bridge.core.realtime import SemanticVad, ServerVad, TurnDetection
from bridge.errors import BridgeError
from bridge.flight.flight import Flights, FlightSink
from bridge.legs import RealtimeEndpoint
from bridge.log import Log, make_log, standard_output
from bridge.operations.admission import Places
from bridge.operations.running import Snapshot
from bridge.operations.watch import Watch
from bridge.outside import Outside
from bridge.recording.recording import Recordings, RecordingSink
from bridge.records.book import CallBook, CallRecords
from bridge.records.numbers import NumberPolicy
from bridge.release import LineReleaser
from bridge.session import Services
from bridge.settings import Settings

if TYPE_CHECKING:
    from bridge.operations.metrics import Metrics

SHAPING = (
    *("model", "voice", "temperature", "transcription_model"),
    *("greeting", "turn_detection", "vad_threshold", "vad_prefix_padding_ms"),
    *("vad_silence_duration_ms", "vad_idle_timeout_ms", "vad_create_response"),
    *("vad_interrupt_response", "vad_eagerness", "end_call_grace_seconds"),
    *("end_call_watchdog_seconds", "end_call_interruptible", "max_call_seconds"),
    *("max_call_warning_seconds", "max_call_farewell_seconds", "dtmf_to_model", "dtmf_interrupts"),
    *("dtmf_pause_seconds", "dtmf_terminator", "idle_nudge_seconds", "idle_nudges_max"),
)
"""Settings that shape a call: a flight record names those that differ from their default."""


class TelemetryMissing(BridgeError):  # noqa: N818 - the base is the error
    """A setting needs packages that are not installed."""


def plan_for(settings: Settings) -> CallPlan:
    """What a call shall be, without the secrets."""
    return CallPlan(
        model=settings.model,
        voice=settings.voice,
        instructions=settings.instructions,
        dialect=settings.realtime_dialect,
        temperature=settings.temperature if settings.realtime_dialect == "beta" else None,
        prompt_id=settings.prompt_id,
        prompt_version=settings.prompt_version,
        greeting=settings.first_words,
        turn_detection=_turn_detection(settings),
        transcription_model=settings.transcription_model,
        end_call_grace_s=settings.end_call_grace_seconds,
        end_call_watchdog_s=settings.end_call_watchdog_seconds,
        end_call_interruptible=settings.end_call_interruptible,
        call_max_s=settings.max_call_seconds,
        call_warning_s=settings.max_call_warning_seconds,
        limit_farewell_s=settings.max_call_farewell_seconds,
        dtmf_to_model=settings.dtmf_to_model,
        dtmf_interrupts=settings.dtmf_interrupts,
        dtmf_pause_s=settings.dtmf_pause_seconds,
        dtmf_terminator=None if settings.dtmf_terminator == "none" else settings.dtmf_terminator,
        idle_nudge_s=settings.idle_nudge_seconds,
        idle_nudges_max=settings.idle_nudges_max,
        idle_nudge_text=settings.idle_nudge_text,
        idle_goodbye_text=settings.idle_goodbye_text,
        can_release=settings.can_release,
        show_timing_math=settings.show_timing_math,
    )


def agents_for(settings: Settings) -> Agents:
    """Who answers: the settings' own agent, and those in its folder.

    Raises:
        UnusableAgents: a file there is wrong; a line for each mistake.
    """
    return read_agents(settings, plan_for(settings))


def log_for(settings: Settings, outside: Outside) -> Log:
    """The process's log, which removes these settings' secrets from whatever it is given."""
    sink = outside.log or standard_output(settings.log_format)
    return make_log(
        sink, outside.wall_clock, secrets_of(settings), mask_numbers=settings.mask_numbers
    )


def secrets_of(settings: Settings) -> list[str]:
    """All secrets of these settings that could get into a text."""
    given = (
        settings.openai_api_key,
        settings.twilio_auth_token,
        settings.call_token_secret,
        settings.record_numbers_key,
        settings.metrics_token,
    )
    return [secret.get_secret_value() for secret in given if secret is not None]


def services_for(
    settings: Settings,
    outside: Outside,
    log: Log,
    records: CallRecords | None = None,
    flights: FlightSink | None = None,
    recordings: RecordingSink | None = None,
    watch: Watch | None = None,
) -> Services:
    """What all calls of the process share; without a place for them nothing is kept."""
    api_key = settings.openai_api_key.get_secret_value()
    auth_token = auth_token_of(settings)
    releaser = None
    if settings.twilio_account_sid and auth_token:
        releaser = LineReleaser(
            settings.twilio_account_sid,
            auth_token,
            outside.http_transport,
            settings.twilio_api_url,
        )
    return Services(
        agents=agents_for(settings),
        endpoint=RealtimeEndpoint.at(
            settings.realtime_url,
            settings.model,
            api_key,
            settings.realtime_dialect,
            settings.realtime_auth,
        ),
        open_stream=outside.open_stream,
        tokens=call_token.CallTokens(
            _token_secret(settings), settings.call_token_seconds, outside.wall_clock
        ),
        releaser=releaser,
        log=log,
        places=Places(
            settings.max_calls, settings.max_calls_per_caller, settings.stream_within_seconds
        ),
        watch=watch or Watch(),
        log_event_types=frozenset(settings.log_event_types),
        book=CallBook(
            records=records,
            wall_clock=outside.wall_clock,
            numbers=number_policy(settings),
            model=settings.model,
            agent=DEFAULT,
        ),
        flights=Flights(
            flights, settings.flight_record, flight_facts(settings), outside.wall_clock
        ),
        recordings=Recordings(recordings, outside.wall_clock),
    )


@contextmanager
def traces_for(
    settings: Settings, version: str, wall_clock: Callable[[], float]
) -> Iterator[Watch | None]:
    """Traces that are sent while the process lives; None unless an endpoint is set.

    Raises:
        TelemetryMissing: an endpoint is set, and the extra `telemetry` is not installed.
    """
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None:
        yield None
        return
    try:
        from bridge.operations.traces import exported  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise TelemetryMissing(
            "OTEL_EXPORTER_OTLP_ENDPOINT: install callbridge[telemetry]"
        ) from None
    service = settings.otel_service_name
    with exported(endpoint, service, version, settings.model, wall_clock) as traces:
        yield traces


def metrics_for(
    settings: Settings, version: str, snapshot: Callable[[], Snapshot]
) -> "Metrics | None":
    """The metrics of an application; None without the extra `telemetry`."""
    if find_spec("prometheus_client") is None:
        return None
    from bridge.operations.metrics import Metrics  # noqa: PLC0415 - an extra

    return Metrics(settings.model, version, snapshot)


def flight_facts(settings: Settings) -> dict[str, object]:
    """What a flight record says of the bridge: what a replay needs, no secret, no text but words.

    `settings` are those that shape a call and are not at their default, by their environment names.
    """
    shown = settings.model_dump(include=set(SHAPING), exclude_defaults=True)
    changed = {
        name.upper(): str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in shown.items()
        if value is not None
    }
    return {"model": settings.model, "dialect": settings.realtime_dialect, "settings": changed}


def auth_token_of(settings: Settings) -> str | None:
    """Twilio's auth token, the key of its signatures; None = signatures are not verified."""
    given = settings.twilio_auth_token
    return given.get_secret_value() if given is not None else None


def number_policy(settings: Settings) -> NumberPolicy:
    """How call records store phone numbers."""
    key = settings.record_numbers_key
    return NumberPolicy(
        settings.record_numbers, key.get_secret_value().encode() if key is not None else b""
    )


def _token_secret(settings: Settings) -> bytes:
    if settings.call_token_secret is not None:
        return settings.call_token_secret.get_secret_value().encode()
    keys = settings.openai_api_key.get_secret_value(), auth_token_of(settings) or ""
    return call_token.derived_secret(*keys)


def _turn_detection(settings: Settings) -> TurnDetection:
    if settings.turn_detection == "semantic_vad":
        return SemanticVad(
            eagerness=settings.vad_eagerness,
            create_response=settings.vad_create_response,
            interrupt_response=settings.vad_interrupt_response,
        )
    return ServerVad(
        threshold=settings.vad_threshold,
        prefix_padding_ms=settings.vad_prefix_padding_ms,
        silence_duration_ms=settings.vad_silence_duration_ms,
        idle_timeout_ms=settings.vad_idle_timeout_ms,
        create_response=settings.vad_create_response,
        interrupt_response=settings.vad_interrupt_response,
    )
