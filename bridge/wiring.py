"""From settings to the parts of a call.

Owns the translation of names, and the places where secrets leave the settings. Must not know HTTP.
"""

from bridge import call_token
from bridge.core.plan import CallPlan
from bridge.core.realtime import SemanticVad, ServerVad, TurnDetection
from bridge.legs import RealtimeEndpoint
from bridge.log import Log, make_log, standard_output
from bridge.outside import Outside
from bridge.release import LineReleaser
from bridge.session import Services
from bridge.settings import Settings


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
        can_release=settings.can_release,
        show_timing_math=settings.show_timing_math,
    )


def log_for(settings: Settings, outside: Outside) -> Log:
    """The process's log, which removes these settings' secrets from whatever it is given."""
    given = (settings.openai_api_key, settings.twilio_auth_token, settings.call_token_secret)
    secrets = [secret.get_secret_value() for secret in given if secret is not None]
    sink = outside.log or standard_output(settings.log_format)
    return make_log(sink, outside.wall_clock, secrets)


def services_for(settings: Settings, outside: Outside, log: Log) -> Services:
    """What all calls of the process share."""
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
        plan=plan_for(settings),
        endpoint=RealtimeEndpoint.at(
            settings.realtime_url, settings.model, api_key, settings.realtime_dialect
        ),
        open_stream=outside.open_stream,
        tokens=call_token.CallTokens(
            _token_secret(settings), settings.call_token_seconds, outside.wall_clock
        ),
        releaser=releaser,
        log=log,
        log_event_types=frozenset(settings.log_event_types),
    )


def auth_token_of(settings: Settings) -> str | None:
    """Twilio's auth token, the key of its signatures; None = signatures are not verified."""
    given = settings.twilio_auth_token
    return given.get_secret_value() if given is not None else None


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
