"""How a reply is delivered: in which pieces, how fast, in fits; how a silent caller is asked."""

import base64
from itertools import pairwise
from typing import Any

import pytest

from simulator.scenario.format import ModelSetup, Reply, Trickle
from tests.model_client import HELLO, LONG, Client, clip, ready, reply

AUDIO = "response.output_audio.delta"
TIMEOUT = "input_audio_buffer.timeout_triggered"


def delivered(setup: ModelSetup) -> tuple[list[float], list[int]]:
    """When the audio of a reply came, after its first piece, and how many bytes."""
    client = ready(setup)
    client.says("response.create")
    client.waits(120_000)
    pairs = zip(client.times, client.events, strict=True)
    came = [(at, event) for at, event in pairs if event["type"] == AUDIO]

    assert client.audio() == clip(LONG).audio

    sizes = [len(base64.b64decode(event["delta"])) for _, event in came]
    return [at - came[0][0] for at, _ in came], sizes


@pytest.mark.parametrize("delta_ms", [20, 100, 400])
def test_the_size_of_a_delta_is_a_knob(delta_ms: float) -> None:
    """Each but the last holds so much audio; the pace stays the same."""
    setup = ModelSetup(replies=(reply("any", LONG, burst=2),), delta_ms=delta_ms)
    times, sizes = delivered(setup)

    assert set(sizes[:-1]) == {delta_ms * 8}
    assert times[-1] == pytest.approx((len(sizes) - 1) * delta_ms / 2)


def test_speech_may_come_slower_than_it_plays() -> None:
    """Burst 0.5: a second of speech takes two."""
    times, sizes = delivered(ModelSetup(replies=(reply("any", LONG, burst=0.5),)))

    assert times[-1] == pytest.approx((len(sizes) - 1) * 500)


def test_speech_may_come_in_fits() -> None:
    """After each second of audio nothing comes for 1.5 s; nothing is lost."""
    trickle = Trickle(every_ms=1000, pause_ms=1500)
    times, _ = delivered(ModelSetup(replies=(reply("any", LONG, burst=4, trickle=trickle),)))
    gaps = [round(late - early, 3) for early, late in pairwise(times)]

    assert gaps[:8] == [62.5, 62.5, 62.5, 1562.5] * 2


@pytest.mark.parametrize(
    "code", ["insufficient_quota", "rate_limit_exceeded", "inference_rate_limit_exceeded"]
)
def test_money_or_rate_may_run_out_in_mid_call(code: str) -> None:
    """The first reply is fine; the second fails with the code as type, too; the session goes on."""
    client = ready(ModelSetup(replies=(reply("turn", HELLO), Reply("turn", fail=code))))
    for _ in range(2):
        client.hears_turn()
        client.waits(3000)

    first, second = (event["response"] for event in client.all("response.done"))
    error = second["status_details"]["error"]
    assert first["status"] == "completed"
    assert (second["status"], error["code"]) == ("failed", code)
    assert error["type"] in {"insufficient_quota", "rate_limit_exceeded"}
    assert (client.all("error"), client.close_code) == ([], 0)


def idle(client: Client, audio: Any = None) -> dict[str, Any]:
    """The timeout which a silent caller triggers, as the client sees it."""
    client.hears_turn()
    client.hears_silence(9000)
    event: dict[str, Any] = client.one(TIMEOUT)
    return event


def test_the_timeout_marks_the_silence_after_the_playback() -> None:
    """audio_start_ms and audio_end_ms lie idle_timeout_ms apart; so much audio is committed."""
    replies = (reply("turn", HELLO), reply("any", HELLO))
    client = ready(ModelSetup(replies=replies), idle_timeout_ms=5000)
    timeout = idle(client)

    committed = client.all("input_audio_buffer.committed")[-1]
    usage = client.all("response.done")[-1]["response"]["usage"]
    assert timeout["audio_end_ms"] - timeout["audio_start_ms"] == 5000
    assert committed["item_id"] == timeout["item_id"]
    assert usage["input_token_details"]["audio_tokens"] == 12 + 50 + 16


@pytest.mark.parametrize("what", ["session.update", "input_audio_buffer.commit", "response.create"])
def test_what_ends_the_wait_for_a_silent_caller(what: str) -> None:
    """Switching the timeout off, a commit, another response: the old timer never strikes."""
    replies = (reply("turn", HELLO), reply("any", LONG, burst=0.5, repeat=True))
    client = ready(ModelSetup(replies=replies), idle_timeout_ms=5000)
    client.hears_turn()
    client.hears_silence(3000)
    off = {"turn_detection": {"type": "server_vad", "idle_timeout_ms": None}}
    session = {"type": "realtime", "audio": {"input": off}}

    client.says(what, **({"session": session} if what == "session.update" else {}))
    client.hears_silence(6000)

    assert client.all("error") == []
    assert client.all(TIMEOUT) == []


def test_what_runs_beside_the_conversation_does_not_end_the_wait() -> None:
    """Nobody hears it, so the caller is still silent."""
    replies = (reply("turn", HELLO), reply("request", HELLO), reply("any", HELLO))
    client = ready(ModelSetup(replies=replies), idle_timeout_ms=5000)
    client.hears_turn()
    client.hears_silence(2000)
    client.says("response.create", response={"conversation": "none"})
    client.hears_silence(7000)

    assert len(client.all(TIMEOUT)) == 1


@pytest.mark.parametrize(("eagerness", "wait_ms"), [("low", 1000), ("medium", 640), ("high", 400)])
def test_a_semantic_turn_is_answered_by_eagerness(eagerness: str, wait_ms: int) -> None:
    """The same sentence ends earlier for an eager model; the session's events are the same."""
    client = ready(ModelSetup(replies=(reply("turn", HELLO),)))
    turn = {"type": "semantic_vad", "eagerness": eagerness}
    audio = {"input": {"turn_detection": turn}}
    client.says("session.update", session={"type": "realtime", "audio": audio})
    client.hears_turn(LONG, silence_ms=2000)

    stopped = client.all("input_audio_buffer.speech_stopped")[-1]["audio_end_ms"]
    assert stopped == pytest.approx(clip(LONG).speech_end_ms + wait_ms, abs=100)
    assert len(client.all("response.created")) == len(client.all("input_audio_buffer.committed"))
