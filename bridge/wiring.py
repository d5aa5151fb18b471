"""From settings to the parts of a call.

Owns the translation of names, and the places where secrets leave the settings. Must not know HTTP.
Commands that make no call come here, too: what only calls need is imported when it is used.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import trio

from bridge import call_token
from bridge.agents.choosing import DEFAULT, Agents
from bridge.agents.reading import read_agents
from bridge.core.abilities import Abilities
from bridge.core.plan import CallPlan
from bridge.core.realtime import SemanticVad, ServerVad, TurnDetection
from bridge.engines.gpt_live.session import ABILITIES as LIVE
from bridge.engines.gpt_live.session import GptLive
from bridge.entra import Application, EntraTokens
from bridge.errors import BridgeError
from bridge.flight.flight import Flights, FlightSink
from bridge.log import Log, make_log, standard_output
from bridge.operations.admission import Places
from bridge.operations.running import Snapshot
from bridge.operations.watch import Watch
from bridge.outside import Outside
from bridge.recording.recording import Recordings, RecordingSink
from bridge.records.book import CallBook, CallRecords
from bridge.records.numbers import NumberPolicy
from bridge.settings import Settings
from bridge.settings.secret_texts import secrets_of
from bridge.tooling.guarded_door import GuardedDoor
from bridge.tooling.http_tool import HttpCaller, HttpTool
from bridge.tooling.running import ToolRunner
from bridge.tooling.toolbox import THREADS_MAX, Toolbox

if TYPE_CHECKING:
    from bridge import legs, release, services, transfer, twilio_rest
    from bridge.operations import used_tokens as tokens_used
    from bridge.operations.metrics import Metrics
else:

    class _OnDemand:
        """A module that is imported when something of it is used."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, name: str) -> Any:
            return getattr(import_module(self._name), name)

    legs, release, services, transfer, twilio_rest, tokens_used = (
        _OnDemand(f"bridge.{name}")
        for name in (
            *("legs", "release", "services", "transfer", "twilio_rest"),
            "operations.used_tokens",
        )
    )

SHAPING = (
    *("engine", "live_delegation_model"),
    *("model", "voice", "temperature", "transcription_model"),
    *("greeting", "turn_detection", "vad_threshold", "vad_prefix_padding_ms"),
    *("vad_silence_duration_ms", "vad_idle_timeout_ms", "vad_create_response"),
    *("vad_interrupt_response", "vad_eagerness", "end_call_grace_seconds"),
    *("end_call_watchdog_seconds", "end_call_interruptible", "max_call_seconds"),
    *("realtime_session_renew_seconds", "realtime_reconnect_seconds"),
    *("max_call_warning_seconds", "max_call_farewell_seconds", "dtmf_to_model", "dtmf_interrupts"),
    *("dtmf_pause_seconds", "dtmf_terminator", "idle_nudge_seconds", "idle_nudges_max"),
    "tool_filler_seconds",
)
"""Settings that shape a call: a flight record names those that differ from their default."""

SOMEBODY = "a person"
"""How the model knows TRANSFER_NUMBER."""


class TelemetryMissing(BridgeError):  # noqa: N818 - the base is the error
    """A setting needs packages that are not installed."""

    def __init__(self) -> None:
        super().__init__(
            "OTEL_EXPORTER_OTLP_ENDPOINT: traces need packages that are not installed: "
            "pip install 'callbridge[telemetry]'"
        )


def plan_for(settings: Settings) -> CallPlan:
    """What a call shall be, without the secrets."""
    transfers = {}
    if settings.transfer_number and settings.can_release:
        transfers = {SOMEBODY: settings.transfer_number}
    return CallPlan(
        model=settings.model,
        voice=settings.voice,
        instructions=settings.instructions,
        dialect=settings.realtime_dialect,
        abilities=LIVE if settings.engine == "live" else Abilities(),
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
        builtin_tools=("end_call", "transfer_call") if transfers else ("end_call",),
        transfers=transfers,
        transfer_announcement=settings.transfer_announcement,
        transfer_language=settings.transfer_language,
        tool_filler_s=settings.tool_filler_seconds,
        tool_filler_text=settings.tool_filler_text,
        renew_s=settings.realtime_session_renew_seconds,
        reconnect_s=settings.realtime_reconnect_seconds,
        fallback_number=settings.fallback_number or "",
        fallback_text=settings.fallback_text,
        fallback_language=settings.fallback_language,
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


def entra_for(settings: Settings, outside: Outside) -> EntraTokens | None:
    """Where tokens for the endpoint come from; None = it takes a key."""
    if settings.realtime_auth != "entra":
        return None
    secret = settings.azure_client_secret
    application = Application(
        f"{settings.azure_authority_host}/{settings.azure_tenant_id}/oauth2/v2.0/token",
        settings.azure_client_id or "",
        settings.azure_token_scope,
        secret.get_secret_value() if secret is not None else "",
        settings.azure_federated_token_file,
    )
    return EntraTokens(application, outside.http_transport)


def endpoint_for(settings: Settings, entra: EntraTokens | None) -> "legs.RealtimeEndpoint":
    """Where the speech model is, which engine it needs, and what opens it."""
    live = partial(GptLive, backend_model=settings.live_delegation_model)
    return legs.RealtimeEndpoint.at(
        settings.endpoint_url,
        settings.model,
        settings.api_key,
        settings.realtime_dialect,
        "api-key" if settings.realtime_auth == "api-key" else "bearer",
        live if settings.engine == "live" else None,
        entra.token if entra is not None else None,
    )


def services_for(
    settings: Settings,
    outside: Outside,
    log: Log,
    records: CallRecords | None = None,
    flights: FlightSink | None = None,
    recordings: RecordingSink | None = None,
    watch: Watch | None = None,
    used_tokens: "tokens_used.UsedTokens | None" = None,
    *,
    entra: EntraTokens | None = None,
) -> "services.Services":
    """What all calls of the process share; without a place for them nothing is kept."""
    auth_token = auth_token_of(settings)
    line_releaser = line_transfer = None
    if settings.twilio_account_sid and auth_token:
        rest = twilio_rest.TwilioRest(
            settings.twilio_account_sid,
            auth_token,
            outside.http_transport,
            settings.twilio_api_url,
        )
        line_releaser = release.LineReleaser(rest)
        caller_id = settings.transfer_caller_id or ""
        line_transfer = transfer.LineTransfer(rest, caller_id, settings.public_url)
    agents = agents_for(settings)
    return services.Services(
        agents=agents,
        endpoint=endpoint_for(settings, entra),
        open_stream=outside.open_stream,
        tokens=call_token.CallTokens(
            _token_secret(settings), settings.call_token_seconds, outside.wall_clock
        ),
        releaser=line_releaser,
        log=log,
        transfer=line_transfer,
        tools=toolbox_for(settings, agents, outside, log),
        places=Places(
            settings.max_calls, settings.max_calls_per_caller, settings.stream_within_seconds
        ),
        watch=watch or Watch(),
        used_tokens=used_tokens or tokens_used.UsedTokens(),
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


def gaps_of_tools(settings: Settings, agents: Agents) -> list[str]:
    """What still works without these, or does not, and what for."""
    gaps = []
    if settings.transfer_number and not settings.can_release:
        gaps.append(
            "TRANSFER_NUMBER is set and will not be used: transfer_call needs TWILIO_ACCOUNT_SID "
            "and TWILIO_AUTH_TOKEN"
        )
    if settings.tool_signing_secret is None and any(
        isinstance(tool, HttpTool) for tool in agents.tools
    ):
        gaps.append("TOOL_SIGNING_SECRET is not set: requests of HTTP tools are not signed")
    return gaps


def toolbox_for(settings: Settings, agents: Agents, outside: Outside, log: Log) -> ToolRunner:
    """What runs the tools of all agents."""
    secret = settings.tool_signing_secret
    caller = HttpCaller(
        GuardedDoor(outside.resolve, outside.open_address, frozenset(settings.tool_private_hosts)),
        secret.get_secret_value().encode() if secret is not None else None,
        outside.wall_clock,
    )
    threads = outside.door(trio.CapacityLimiter(THREADS_MAX))
    return Toolbox(agents.tools, caller, threads, log)


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
        from bridge.operations.traces import exported, provider_at  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise TelemetryMissing from None
    service = settings.otel_service_name
    provider = provider_at(settings.realtime_url)
    with exported(endpoint, service, version, settings.model, wall_clock, provider) as traces:
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
    keys = settings.api_key, auth_token_of(settings) or ""
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
