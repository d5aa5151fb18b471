"""ENGINE and REALTIME_DIALECT: what each may be combined with, and what it makes of a call."""

import json

import pytest

from bridge.core import realtime
from bridge.core.abilities import Abilities
from bridge.core.realtime_session import ServerVad, SessionUpdate, TurnDetectionUpdate
from bridge.engines.gpt_live.session import ABILITIES, GptLive
from bridge.engines.realtime_api import RealtimeApi
from bridge.settings import Settings, UnusableSettings, settings_from
from bridge.wiring import endpoint_for, plan_for

KEY = {"OPENAI_API_KEY": "sk-x"}
LIVE = {**KEY, "ENGINE": "live"}


def complaints(given: dict[str, str]) -> list[str]:
    """What is said of settings that are wrong."""
    with pytest.raises(UnusableSettings) as wrong:
        settings_from(given)
    return wrong.value.lines


def test_the_realtime_api_is_the_engine_unless_said_otherwise() -> None:
    """With its model, its URL, and all abilities."""
    settings = settings_from(KEY)

    assert (settings.model, plan_for(settings).abilities) == ("gpt-realtime-2.1", Abilities())
    assert isinstance(endpoint_for(settings, None).engine(), RealtimeApi)
    assert endpoint_for(settings, None).resource == "/v1/realtime?model=gpt-realtime-2.1"


def test_gpt_live_brings_its_own_model_and_address() -> None:
    """The model is told in the session, not in the URL."""
    settings = settings_from(LIVE)
    endpoint = endpoint_for(settings, None)

    assert (settings.model, plan_for(settings).abilities) == ("gpt-live-1", ABILITIES)
    assert isinstance(endpoint.engine(), GptLive)
    assert (endpoint.url.hostname, endpoint.resource) == ("api.openai.com", "/v1/live/sessions")


@pytest.mark.parametrize("model", ["", "gpt-live-2"])
def test_another_model_can_be_named(model: str) -> None:
    """An empty name is none."""
    assert settings_from({**LIVE, "MODEL": model}).model == (model or "gpt-live-1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REALTIME_DIALECT", "beta"),
        ("PROMPT_ID", "pmpt_x"),
        ("TEMPERATURE", "0.8"),
        ("TRANSCRIPTION_MODEL", "whisper-1"),
        ("TURN_DETECTION", "semantic_vad"),
        ("VAD_IDLE_TIMEOUT_MS", "6000"),
        ("VAD_CREATE_RESPONSE", "false"),
        ("VAD_INTERRUPT_RESPONSE", "false"),
    ],
)
def test_what_gpt_live_has_no_place_for_is_refused(name: str, value: str) -> None:
    """It would have no effect, and nobody would notice."""
    assert complaints({**LIVE, name: value}) == [
        f"{name}: has no meaning with ENGINE=live, leave it out"
    ]


@pytest.mark.parametrize(
    ("given", "voice", "fits"),
    [(LIVE, "vesper", True), (KEY, "vesper", False), (LIVE, "voice_x", True)],
)
def test_each_engine_has_voices_of_its_own(given: dict[str, str], voice: str, fits: bool) -> None:
    """As far as OpenAI's own endpoints are concerned."""
    if fits:
        assert settings_from({**given, "VOICE": voice}).voice == voice
    else:
        assert complaints({**given, "VOICE": voice})[0].startswith('VOICE: got "vesper", may be: ')


def test_elsewhere_any_voice_may_be() -> None:
    """Only OpenAI's are known."""
    url = {"REALTIME_URL": "wss://api.x.ai/v1/realtime"}

    assert settings_from({**KEY, **url, "VOICE": "eve"}).voice == "eve"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TURN_DETECTION", "semantic_vad"),
        ("VAD_CREATE_RESPONSE", "false"),
        ("VAD_INTERRUPT_RESPONSE", "false"),
        ("PROMPT_ID", "pmpt_x"),
    ],
)
def test_what_xai_does_not_know_is_refused(name: str, value: str) -> None:
    """It would be ignored there, or refused in the call."""
    (line,) = complaints({**KEY, "REALTIME_DIALECT": "xai", name: value})

    assert line.startswith(f"{name}: ")
    assert "REALTIME_DIALECT=xai" in line


# ------------------------------------------------------------------------------ xAI's dialect
def body(event: realtime.Outbound) -> dict[str, object]:
    """The session that an event tells xAI."""
    (text,) = RealtimeApi("xai").outward(event)
    session: dict[str, object] = json.loads(text)["session"]
    return session


def test_xais_session_has_voice_and_turns_at_the_top() -> None:
    """And no fields which it does not know."""
    update = SessionUpdate("cb_1", "eve", "Be kind.", ServerVad(), transcription_model="grok-t")

    assert body(update) == {
        "voice": "eve",
        "turn_detection": {
            "type": "server_vad",
            "threshold": 0.5,
            "prefix_padding_ms": 300,
            "silence_duration_ms": 500,
            "idle_timeout_ms": None,
        },
        "audio": {
            "input": {"format": {"type": "audio/pcmu"}, "transcription": {"model": "grok-t"}},
            "output": {"format": {"type": "audio/pcmu"}},
        },
        "instructions": "Be kind.",
        "tools": [],
        "tool_choice": "auto",
    }
    assert "transcription" not in str(body(SessionUpdate("cb_1", "eve", "", ServerVad())))


def test_xai_is_made_deaf_by_taking_its_turn_detection_away() -> None:
    """It ignores `create_response`."""
    off = TurnDetectionUpdate("cb_1", ServerVad(create_response=False))
    on = TurnDetectionUpdate("cb_1", ServerVad())

    assert body(off) == {"turn_detection": None}
    assert body(on) != {"turn_detection": None}


def test_xais_json_pings_and_its_extra_events_pass() -> None:
    """They are known to exist."""
    for kind in ("ping", "conversation.created"):
        ((_, event),) = RealtimeApi("xai").inward(json.dumps({"type": kind}))

        assert event == realtime.Unknown(kind)
        assert kind in realtime.PASSING


def test_an_engine_of_the_realtime_api_adds_nothing() -> None:
    """Neither at the beginning nor at the end."""
    engine = RealtimeApi("ga")

    assert (list(engine.opened()), list(engine.closing())) == ([], [])
    assert engine.abilities == Abilities()


def test_the_settings_model_stays_a_plain_value() -> None:
    """Settings made in code get the engine's model, too."""
    assert Settings(openai_api_key="sk-x", engine="live").model == "gpt-live-1"  # type: ignore[arg-type]
