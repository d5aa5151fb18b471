"""What is no mistake, and still not as it should be: what production lacks, what has no effect.

Owns these sentences for the settings as a whole. Must not know how they were read.
"""

from collections.abc import Iterator
from typing import Final

from bridge.settings.complaints import meant, shortened
from bridge.settings.event_types import EVENT_TYPES
from bridge.settings.long_calls import fallback_gaps
from bridge.settings.operations import operations_gaps
from bridge.settings.outbound import outbound_gaps
from bridge.settings.records import record_gaps
from bridge.settings.settings import Settings

_DETECTIONS: Final = {
    "vad_threshold": "server_vad",
    "vad_prefix_padding_ms": "server_vad",
    "vad_silence_duration_ms": "server_vad",
    "vad_idle_timeout_ms": "server_vad",
    "vad_eagerness": "semantic_vad",
}
"""Settings that one kind of turn detection has, and the other has not."""


def missing_for_production(settings: Settings) -> list[str]:
    """What still works without these, and why it should not stay so."""
    gaps = []
    if settings.twilio_auth_token is None:
        gaps.append(
            "TWILIO_AUTH_TOKEN is not set: anyone can call the webhook, signatures are not verified"
        )
    if not settings.can_release:
        gaps.append(
            "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN are not both set: "
            "a call is ended by closing its stream, not by the REST API"
        )
    if settings.public_url is None:
        gaps.append(
            "PUBLIC_URL is not set: the stream's address is taken from the request's Host headers"
        )
    elif settings.public_url.startswith("http://"):
        gaps.append("PUBLIC_URL is not https: Twilio connects only to wss:// streams")
    gaps += _without_effect(settings)
    gaps += operations_gaps(settings)
    gaps += fallback_gaps(settings, can_release=settings.can_release)
    return gaps + outbound_gaps(settings) + record_gaps(settings)


def _without_effect(settings: Settings) -> Iterator[str]:
    """Settings that were changed, and change nothing."""
    if settings.temperature is not None and settings.realtime_dialect != "beta":
        yield "TEMPERATURE is set and will not be used: only the beta dialect knows it"
    for name, detection in _DETECTIONS.items():
        default = Settings.model_fields[name].default
        if getattr(settings, name) == default:
            continue
        if settings.engine == "live":
            yield f"{name.upper()} is set and will not be used: ENGINE=live takes turns by itself"
        elif settings.turn_detection != detection:
            yield f"{name.upper()} is set and will not be used: TURN_DETECTION is not {detection}"
    for kind in settings.log_event_types:
        if kind not in EVENT_TYPES:
            hint = meant(kind, sorted(EVENT_TYPES))
            yield f"LOG_EVENT_TYPES: {shortened(kind)} is no event type that we know{hint}"
