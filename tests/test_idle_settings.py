"""bridge.settings.quiet: keys, silent callers and the end of a call's time, from name to plan."""

import pytest

from bridge.settings import UnusableSettings, settings_from
from bridge.wiring import plan_for
from tests.far_ends import KEY, settings


def test_the_plan_has_what_was_set() -> None:
    """Each setting arrives in the call."""
    plan = plan_for(
        settings(
            max_call_seconds=600,
            max_call_warning_seconds=30,
            max_call_farewell_seconds=15,
            dtmf_to_model=False,
            dtmf_interrupts=False,
            dtmf_pause_seconds=3,
            dtmf_terminator="*",
            idle_nudge_seconds=8,
            idle_nudges_max=1,
            idle_nudge_text="Cough.",
            idle_goodbye_text="Go.",
        )
    )

    assert (plan.call_max_s, plan.call_warning_s, plan.limit_farewell_s) == (600, 30, 15)
    assert (plan.dtmf_to_model, plan.dtmf_interrupts) == (False, False)
    assert (plan.dtmf_pause_s, plan.dtmf_terminator) == (3, "*")
    assert (plan.idle_nudge_s, plan.idle_nudges_max) == (8, 1)
    assert (plan.idle_nudge_text, plan.idle_goodbye_text) == ("Cough.", "Go.")


def test_the_defaults() -> None:
    """Keys are told and interrupt; a minute's warning; nobody is nudged."""
    plan = plan_for(settings())

    assert (plan.call_max_s, plan.call_warning_s, plan.limit_farewell_s) == (7200, 60, 20)
    assert (plan.dtmf_to_model, plan.dtmf_interrupts) == (True, True)
    assert (plan.dtmf_pause_s, plan.dtmf_terminator) == (2, "#")
    assert (plan.idle_nudge_s, plan.idle_nudges_max) == (0, 2)


def test_no_terminator() -> None:
    """An empty value would mean the default, so it has a name."""
    assert plan_for(settings(dtmf_terminator="none")).dtmf_terminator is None


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"DTMF_TERMINATOR": "##"}, 'DTMF_TERMINATOR: got "##", may be: one of 0-9 * # A-D, or'),
        ({"DTMF_PAUSE_SECONDS": "0"}, "DTMF_PAUSE_SECONDS: got "),
        ({"IDLE_NUDGES_MAX": "-1"}, "IDLE_NUDGES_MAX: got "),
        ({"MAX_CALL_FAREWELL_SECONDS": "90"}, "MAX_CALL_FAREWELL_SECONDS: got "),
        (
            {"IDLE_NUDGE_SECONDS": "5", "VAD_IDLE_TIMEOUT_MS": "6000"},
            "IDLE_NUDGE_SECONDS and VAD_IDLE_TIMEOUT_MS: both are set",
        ),
    ],
)
def test_what_is_refused(given: dict[str, str], complaint: str) -> None:
    """In words; and two watches over the same silence would both speak up."""
    with pytest.raises(UnusableSettings) as wrong:
        settings_from({"OPENAI_API_KEY": KEY, **given})

    (line,) = wrong.value.lines
    assert line.startswith(complaint)
