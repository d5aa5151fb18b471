"""`Calls/{sid}/Streams.json`: streams that only listen, started and stopped over REST."""

from __future__ import annotations

import pytest
import trio.testing

from simulator.phone.verbs.verb import StreamRequest
from tests.account_calls import ACCOUNT, URL, office

Clock = trio.testing.MockClock
TAP = "wss://bridge.example.com/tap"


async def test_a_stream_is_started_and_stopped(autojump_clock: Clock) -> None:
    """201 with a sid of its own; it only listens; stopped by its name, twice is as once."""
    async with office() as it:
        sid = await it.answered()
        form = {
            "Url": TAP,
            "Name": "the tap",
            "Track": "both_tracks",
            "StatusCallback": URL,
            "Parameter1.Name": "a",
            "Parameter1.Value": "1",
            "Parameter7.Name": "b",
        }
        status, made = it.ask("POST", f"/{sid}/Streams", form)
        stops = [
            it.ask("POST", f"/{sid}/Streams/{name}", {"Status": "stopped"})
            for name in ("the%20tap", made["sid"])
        ]

    assert (status, made["status"], made["name"]) == (201, "in-progress", "the tap")
    assert (made["account_sid"], made["call_sid"]) == (ACCOUNT, sid)
    assert made["sid"].startswith("MZ")
    assert made["uri"].endswith(f"/Calls/{sid}/Streams/{made['sid']}.json")
    assert made["date_updated"] == "Thu, 01 Jan 2026 00:00:03 +0000"
    assert it.placed[0].streams.opened == [
        StreamRequest(TAP, "the tap", {"a": "1", "b": ""}, ("inbound", "outbound"), False, URL)
    ]
    assert [(code, body["sid"], body["status"]) for code, body in stops] == [
        (200, made["sid"], "stopped")
    ] * 2


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ({}, 20001),
        ({"Url": "https://bridge.example.com/tap"}, 31922),
        ({"Url": "bridge.example.com/tap"}, 31923),
        ({"Url": "wss:///tap"}, 31923),
        ({"Url": "wss://[bridge/tap"}, 31923),
        ({"Url": f"{TAP}?key=1"}, 20001),
        ({"Url": TAP, "Track": "all"}, 20001),
        ({"Url": TAP, "Name": "taken"}, 20001),
        ({"Url": TAP, "Track": "both_tracks"}, 31941),
        ({"Url": TAP, "StatusCallback": "/relative"}, 20001),
        ({"Url": TAP, "Parameter1.Name": "a", "Parameter1.Value": "v" * 499}, 20001),
    ],
)
async def test_what_cannot_be_streamed(
    autojump_clock: Clock, form: dict[str, str], code: int
) -> None:
    """400 with Twilio's code, and nothing is opened."""
    async with office() as it:
        sid = await it.answered()
        for name, track in (("taken", "both_tracks"), ("", "outbound_track")):
            it.ask("POST", f"/{sid}/Streams", {"Url": TAP, "Name": name, "Track": track})
        status, body = it.ask("POST", f"/{sid}/Streams", dict(form))

    assert (status, body["code"]) == (400, code)
    assert len(it.placed[0].streams.opened) == 2


async def test_a_stream_needs_a_call_that_talks(autojump_clock: Clock) -> None:
    """21220 before the answer and after the end, 20404 for an unknown call or stream."""
    async with office() as it:
        sid = it.create()[1]["sid"]
        early = it.ask("POST", f"/{sid}/Streams", {"Url": TAP})
        await it.until(3)
        unknown = it.ask("POST", f"/{sid}/Streams/MZ1", {"Status": "stopped"})
        nowhere = it.ask("POST", f"/CA{'0' * 32}/Streams", {"Url": TAP})
        it.update(sid, Status="completed")
        late = it.ask("POST", f"/{sid}/Streams", {"Url": TAP})

    assert [body["code"] for _, body in (early, late)] == [21220, 21220]
    assert [(status, body["code"]) for status, body in (unknown, nowhere)] == [(404, 20404)] * 2


async def test_what_else_is_asked_of_a_stream(autojump_clock: Clock) -> None:
    """It can only be stopped; there is nothing to fetch or list. Unknown parameters are told."""
    async with office() as it:
        sid = await it.answered()
        made = it.ask("POST", f"/{sid}/Streams", {"Url": TAP, "Nmae": "x"})[1]
        paused = [
            it.ask("POST", f"/{sid}/Streams/{made['sid']}", form)
            for form in ({"Status": "paused"}, {})
        ]
        listed = it.ask("GET", f"/{sid}/Streams")

    assert made["name"] is None
    assert [(status, body["code"]) for status, body in paused] == [(400, 20001)] * 2
    assert (listed[0], listed[1]["code"]) == (405, 20004)
    assert {"Url": "given", "Nmae": "unknown"} in [event.data["form"] for event in it.events]
