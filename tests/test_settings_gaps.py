"""Settings that are no mistake and have no effect: said by `check`, and when the service starts."""

from typing import get_args

import pytest
from openai.types.realtime import RealtimeServerEvent

from bridge.core import realtime
from bridge.settings import missing_for_production, settings_from
from bridge.settings.event_types import EVENT_TYPES

COMPLETE = {
    "OPENAI_API_KEY": "sk-x",
    "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
    "TWILIO_AUTH_TOKEN": "secret",
    "PUBLIC_URL": "https://voice.example.com",
}


def gaps(**given: str) -> list[str]:
    """What is said about settings that are otherwise complete."""
    return missing_for_production(settings_from({**COMPLETE, **given}))


@pytest.mark.parametrize(
    ("name", "value", "detection"),
    [
        ("VAD_EAGERNESS", "high", "semantic_vad"),
        ("VAD_THRESHOLD", "0.7", "server_vad"),
        ("VAD_PREFIX_PADDING_MS", "100", "server_vad"),
        ("VAD_SILENCE_DURATION_MS", "800", "server_vad"),
        ("VAD_IDLE_TIMEOUT_MS", "6000", "server_vad"),
    ],
)
def test_a_setting_of_the_other_turn_detection_is_named(
    name: str, value: str, detection: str
) -> None:
    """It is not sent to the server."""
    other = "server_vad" if detection == "semantic_vad" else "semantic_vad"

    assert gaps(**{name: value, "TURN_DETECTION": detection}) == []
    assert gaps(**{name: value, "TURN_DETECTION": other}) == [
        f"{name} is set and will not be used: TURN_DETECTION is not {detection}"
    ]


def test_gpt_live_uses_no_turn_detection() -> None:
    """Whatever is set of it, as far as it is not refused."""
    assert gaps(ENGINE="live", VAD_THRESHOLD="0.7") == [
        "VAD_THRESHOLD is set and will not be used: ENGINE=live takes turns by itself"
    ]


@pytest.mark.parametrize("dialect", ["ga", "xai"])
def test_only_the_beta_dialect_knows_a_temperature(dialect: str) -> None:
    """The others are not told it."""
    (gap,) = gaps(TEMPERATURE="0.8", REALTIME_DIALECT=dialect)

    assert gap.startswith("TEMPERATURE is set and will not be used")
    assert gaps(TEMPERATURE="0.8", REALTIME_DIALECT="beta") == []


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("response.don", " (did you mean response.done?)"),
        ("response.audio.delta", " (did you mean response.output_audio.delta?)"),
        ("surprise", ""),
    ],
)
def test_an_unknown_event_type_is_a_warning(given: str, hint: str) -> None:
    """The server may have newer ones than we know; a mistake is likelier."""
    assert gaps(LOG_EVENT_TYPES=f"error,{given}") == [
        f'LOG_EVENT_TYPES: "{given}" is no event type that we know{hint}'
    ]


def test_metrics_of_several_workers_need_a_port_each() -> None:
    """On the shared port one of them answers, another one each time: counters jump back."""
    shared = {"WORKERS": "2", "METRICS_TOKEN": "t" * 16}

    (gap,) = gaps(**shared)
    assert gap.startswith("METRICS_PORT is not set, and WORKERS is 2: ")
    assert gaps(**shared, METRICS_PORT="9100") == []
    assert gaps(**{**shared, "WORKERS": "1"}) == []
    assert gaps(WORKERS="2") == []


def test_all_events_are_known_that_we_or_the_vendor_know() -> None:
    """The list of types is complete; one is ours alone, which GPT-Live's are turned into."""
    ours = {str(event.__struct_config__.tag) for event in get_args(realtime.ServerEvent)}
    vendors = {
        kind
        for event in get_args(get_args(RealtimeServerEvent)[0])
        for kind in get_args(event.model_fields["type"].annotation)
    }

    assert vendors
    assert (ours - {"session.lasted"}) | realtime.PASSING | vendors <= EVENT_TYPES
