"""The words of scenarios are those of the format and the bridge."""

from typing import get_args

from bridge.core.commands import EndReason
from bridge.settings import Settings
from simulator.scenario import names
from simulator.scenario.format import TriggerKind


def test_reasons_are_those_of_the_bridge() -> None:
    """`ended: {reason: ...}` knows exactly the bridge's ends."""
    assert sorted(names.END_REASONS) == sorted(reason.value for reason in EndReason)


def test_settings_are_those_of_the_bridge() -> None:
    """A setting which a scenario may set is one the bridge reads."""
    known = {name.upper() for name in Settings.model_fields}

    assert sorted(set(names.SETTINGS) - known) == []


def test_triggers_are_those_of_the_format() -> None:
    """Each trigger has a meaning, and each meaning a trigger."""
    assert sorted(names.TRIGGERS) == sorted(get_args(TriggerKind))


def test_events_name_a_source() -> None:
    """Each event says whose it is, and what it means."""
    assert all(event.source.count(".") == 1 and event.meaning for event in names.EVENTS.values())
