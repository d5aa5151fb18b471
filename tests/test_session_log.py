"""One call in trio: what is logged of it, and that a bug of ours costs one call."""

import json
from typing import Any

import pytest
from trio.testing import MockClock

from bridge.core.call import Call
from tests.far_ends import (
    KEY,
)
from tests.session_world import settle, world


async def test_chosen_events_are_logged_without_audio(autojump_clock: MockClock) -> None:
    """LOG_EVENT_TYPES shows events as they came, but never sound."""
    chosen = ("response.done", "response.output_audio.delta")
    async with world(log_event_types=chosen) as w, w.call() as twilio:
        await twilio.begin(w.token)
        await settle()
        await w.realtime.speak(b"\x01" * 80)
        await w.realtime.finish()
        await settle()

    shown = [(line["type"], line["body"]) for line in w.lines.all("realtime_event")]
    assert [kind for kind, _ in shown] == ["response.output_audio.delta", "response.done"]
    assert shown[0][1]["audio"] == "***"
    assert "delta" not in shown[0][1]
    assert shown[1][1]["response"]["status"] == "completed"


async def test_the_callers_items_are_logged_without_their_words(autojump_clock: MockClock) -> None:
    """Pressed keys reach the model as text of the caller, and may be somebody's PIN."""
    async with world(log_event_types=("conversation.item.added",)) as w, w.call() as twilio:
        await twilio.begin(w.token)
        await settle()
        words = {"type": "input_text", "text": "The caller pressed the keys 4 7 1 1."}
        item = {"id": "item_1", "type": "message", "role": "user", "content": [words]}
        await w.realtime.say("conversation.item.added", item=item)
        await w.realtime.say("conversation.item.added", item=None)
        await settle()

    line, odd = w.lines.all("realtime_event")
    assert line["body"]["item"]["id"] == "item_1"
    assert "4 7 1 1" not in str(line)
    assert odd["body"]["item"] is None
    assert not w.lines.all("crashed")


async def test_a_bug_of_ours_costs_one_call(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception ends this call, closes its session, and is logged once without secrets."""

    def broken(_call: Call, message: object, _now: float) -> list[Any]:
        raise RuntimeError(f"{KEY} in {type(message).__name__}")

    async with world() as w, w.call() as twilio:
        await twilio.begin(w.token)
        await settle()
        monkeypatch.setattr(Call, "receive", broken)
        await twilio.speak(b"\x01" * 160)
        ended = await w.over()
        await settle()

        assert len(w.realtime.closed_at) == 1
        assert twilio.heard[-1]["event"] == "closed"
    assert ended["reason"] == "crashed"
    (crash,) = w.lines.all("crashed")
    assert "RuntimeError: *** in Media" in crash["exception"]
    assert KEY not in json.dumps(w.lines)
