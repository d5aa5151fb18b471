"""From settings to the parts of a call: every setting arrives where it is used."""

from typing import Any

import pytest

from bridge.core.realtime import SemanticVad, ServerVad
from bridge.outside import Outside
from bridge.wiring import log_for, plan_for, services_for
from tests.far_ends import ACCOUNT, AUTH_TOKEN, CALL, KEY, NOW, Lines, production, settings


def test_the_plan_has_what_was_set() -> None:
    """Names are translated one by one, and nothing is lost."""
    plan = plan_for(
        settings(
            model="m",
            voice="cedar",
            system_message="Be brief.",
            greeting="Ahoy.",
            prompt_id="pmpt_1",
            prompt_version="2",
            transcription_model="t",
            vad_threshold=0.7,
            vad_prefix_padding_ms=1,
            vad_silence_duration_ms=250,
            vad_idle_timeout_ms=6000,
            vad_create_response=False,
            vad_interrupt_response=False,
            end_call_grace_seconds=1,
            end_call_watchdog_seconds=2,
            end_call_interruptible=True,
            max_call_seconds=60,
            show_timing_math=True,
        )
    )

    assert (plan.model, plan.voice, plan.instructions) == ("m", "cedar", "Be brief.")
    assert (plan.greeting, plan.prompt_id, plan.prompt_version) == ("Ahoy.", "pmpt_1", "2")
    assert plan.transcription_model == "t"
    assert plan.turn_detection == ServerVad(0.7, 1, 250, 6000, False, False)
    assert (plan.end_call_grace_s, plan.end_call_watchdog_s, plan.call_max_s) == (1, 2, 60)
    assert plan.end_call_interruptible
    assert plan.show_timing_math
    assert not plan.can_release


def test_semantic_turn_detection() -> None:
    """It has fields of its own."""
    plan = plan_for(settings(turn_detection="semantic_vad", vad_eagerness="low"))

    assert plan.turn_detection == SemanticVad("low", True, True)


@pytest.mark.parametrize(("dialect", "temperature"), [("ga", None), ("beta", 0.8)])
def test_temperature_is_for_the_beta_dialect(dialect: str, temperature: float | None) -> None:
    """A GA server refuses a session that names it."""
    assert plan_for(settings(temperature=0.8, realtime_dialect=dialect)).temperature == temperature


@pytest.mark.parametrize(
    ("given", "releases"),
    [
        ({}, False),
        ({"twilio_account_sid": ACCOUNT}, False),
        ({"twilio_auth_token": AUTH_TOKEN}, False),
        ({"twilio_account_sid": ACCOUNT, "twilio_auth_token": AUTH_TOKEN}, True),
    ],
)
def test_rest_needs_both_credentials(given: dict[str, Any], releases: bool) -> None:
    """The plan promises a release exactly when there is somebody to do it."""
    services = services_for(settings(**given), Outside(), log_for(settings(), Outside()))

    assert (services.releaser is not None) is releases
    assert services.agents.settings_plan.can_release is releases


def test_the_token_secret() -> None:
    """Set, it decides alone; unset, processes with equal keys agree."""

    def token_of(**given: Any) -> str:
        outside = Outside(wall_clock=lambda: NOW)
        return services_for(settings(**given), outside, log_for(settings(), outside)).tokens.issue(
            CALL
        )

    secret = "0123456789abcdef-"
    assert token_of() == token_of()
    assert token_of() != token_of(openai_api_key="sk-other-key")
    assert token_of() != token_of(twilio_auth_token=AUTH_TOKEN)
    assert token_of(call_token_secret=secret) == token_of(
        call_token_secret=secret, openai_api_key="sk-other-key"
    )


def test_the_log_knows_the_secrets() -> None:
    """Every secret of the settings is removed from whatever is logged."""
    lines = Lines()
    given = production(call_token_secret="0123456789abcdef-")
    log = log_for(given, Outside(wall_clock=lambda: NOW, log=lines.keep))
    log.info("x", why=f"{KEY} {AUTH_TOKEN} 0123456789abcdef-")

    assert lines[0]["why"] == "*** *** ***"
