"""Sound on the wire in each encoding: the same speech, the same clocks, the same bounds."""

import base64
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from simulator.model.formats import ENCODINGS, Reader
from simulator.scenario.format import ModelSetup, VadSetup
from simulator.sound import decode, encode
from tests.model_client import HELLO, LONG, Client, Desk, clip, ready, reply

KINDS = sorted(ENCODINGS)
SILENCE = b"\xff" * 8000


def speaking(kind: str, setup: ModelSetup | None = None, **turn: Any) -> Client:
    """A session with this encoding both ways."""
    client = Desk(setup).connect()
    side = {"format": {"type": kind}}
    detection = {"type": "server_vad", "silence_duration_ms": 500, **turn}
    audio = {"input": {**side, "turn_detection": detection}, "output": side}
    client.says("session.update", session={"type": "realtime", "audio": audio})
    client.forget()
    return client


def likeness(heard: NDArray[np.int16], truth: NDArray[np.int16]) -> tuple[float, float]:
    """How alike two sounds are (1 = the same), and how many times louder the first is."""
    ours, theirs = heard.astype(float), truth.astype(float)
    loudness = float(np.sqrt(np.mean(ours**2) / np.mean(theirs**2)))
    return float(np.corrcoef(ours, theirs)[0, 1]), loudness


@pytest.mark.parametrize("kind", KINDS)
def test_every_encoding_carries_the_same_speech(kind: str) -> None:
    """The same turn is found at the same place, and the reply is as long and as loud."""
    client = speaking(kind, ModelSetup(replies=(reply("turn", HELLO),)))
    encoding = ENCODINGS[kind]
    said = encoding.of_mulaw(SILENCE + clip(HELLO).audio + SILENCE)
    for at in range(0, len(said), 20 * encoding.bytes_per_ms):
        client.appends(said[at : at + 20 * encoding.bytes_per_ms])
    client.waits(3000)

    started = client.one("input_audio_buffer.speech_started")
    stopped = client.one("input_audio_buffer.speech_stopped")
    alike, louder = likeness(encoding.samples(client.audio()), decode(clip(HELLO).audio))
    assert started["audio_start_ms"] == pytest.approx(1000 + 80 - 300, abs=40)
    assert stopped["audio_end_ms"] == pytest.approx(1000 + 650 + 500, abs=60)
    assert len(client.audio()) == 780 * encoding.bytes_per_ms
    assert alike > 0.97
    assert louder == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_the_bound_of_a_truncation_is_milliseconds_in_every_encoding(kind: str) -> None:
    """780 ms of speech can be cut at 780 and not at 781, however many bytes they are."""
    client = speaking(kind, ModelSetup(replies=(reply("request", HELLO),)))
    client.says("response.create")
    client.waits(3000)
    cut = {"item_id": client.one("response.output_item.done")["item"]["id"], "content_index": 0}

    client.says("conversation.item.truncate", **cut, audio_end_ms=781)
    client.says("conversation.item.truncate", **cut, audio_end_ms=780)

    message = "Audio content of 780ms is already shorter than 781ms"
    assert client.one("error")["error"]["message"] == message
    assert client.one("conversation.item.truncated")["audio_end_ms"] == 780


@pytest.mark.parametrize("chunk", [1, 2, 7, 640, 2048])
def test_how_pcm_is_cut_into_appends_does_not_matter(chunk: int) -> None:
    """Bytes that do not fill a sample wait for the next append; none is lost."""
    pcm = ENCODINGS["audio/pcm"].of_mulaw(clip(HELLO).audio)
    reader = Reader(ENCODINGS["audio/pcm"])

    heard = [reader.samples(pcm[at : at + chunk]) for at in range(0, len(pcm), chunk)]

    assert np.array_equal(np.concatenate(heard), ENCODINGS["audio/pcm"].samples(pcm))


def test_pcm_has_nothing_above_the_telephone_band() -> None:
    """24 kHz speech is interpolated: no mirror images of it above 4 kHz."""
    pcm = ENCODINGS["audio/pcm"].of_mulaw(clip(LONG).audio)
    power = np.abs(np.fft.rfft(np.frombuffer(pcm, dtype="<i2").astype(float))) ** 2
    above = np.fft.rfftfreq(len(pcm) // 2, 1 / 24_000) > 4600

    assert power[above].sum() < power.sum() / 100_000
    assert ENCODINGS["audio/pcm"].of_mulaw(b"") == b""


def test_one_response_may_have_a_format_of_its_own() -> None:
    """audio.output.format of response.create: PCM in a μ-law session, counted on its own clock."""
    client = ready(ModelSetup(replies=(reply("any", HELLO, repeat=True),)))
    pcm = {"type": "audio/pcm", "rate": 24000}

    client.says("response.create", response={"audio": {"output": {"format": pcm}}})
    client.waits(3000)
    first = client.one("response.done")["response"]

    assert first["audio"]["output"]["format"] == pcm
    assert len(client.audio()) == 780 * 48
    assert first["usage"]["output_token_details"]["audio_tokens"] == 16


@pytest.mark.parametrize(
    ("policy", "answer"), [("accepted", "session.updated"), ("refused", "error")]
)
def test_another_format_in_mid_call_is_a_knob(policy: Any, answer: str) -> None:
    """Nobody has confirmed what happens: accepted, or refused with the field's path."""
    client = ready(ModelSetup(format_change=policy))
    client.appends(clip(HELLO).audio)
    pcma = {"input": {"format": {"type": "audio/pcma"}}}

    client.says("session.update", session={"type": "realtime", "audio": pcma})

    assert client.events[-1]["type"] == answer
    if policy == "refused":
        assert client.events[-1]["error"]["param"] == "session.audio.input.format"


def test_a_user_items_own_audio_counts_in_the_sessions_format() -> None:
    """1 s of μ-law is ten tokens, 1 s of PCM as well; what is no base64 is refused."""
    tokens = []
    for kind in ("audio/pcmu", "audio/pcm"):
        client = speaking(kind, ModelSetup(replies=(reply("any", HELLO),)))
        audio = base64.b64encode(bytes(1000 * ENCODINGS[kind].bytes_per_ms)).decode()
        for content in (audio, "*"):
            part = {"type": "input_audio", "audio": content}
            item = {"type": "message", "role": "user", "content": [part]}
            client.says("conversation.item.create", item=item)
        client.says("response.create")
        client.waits(3000)
        usage = client.one("response.done")["response"]["usage"]
        tokens.append(usage["input_token_details"]["audio_tokens"])

        assert client.one("error")["error"]["param"] == "item.content[0].audio"

    assert tokens == [10, 10]


@pytest.mark.parametrize("speed", [0.25, 0.5, 1.0, 1.2, 1.5])
def test_speed_changes_the_length_of_what_is_said(speed: float) -> None:
    """780 ms of speech become 780 / speed, to one grain of 20 ms; its words are the same."""
    client = speaking("audio/pcmu", ModelSetup(replies=(reply("request", HELLO),)))
    client.says(
        "session.update", session={"type": "realtime", "audio": {"output": {"speed": speed}}}
    )
    client.says("response.create")
    client.waits(6000)

    assert len(client.audio()) / 8 == pytest.approx(780 / speed, abs=20)
    assert client.one("response.output_audio_transcript.done")["transcript"] == clip(HELLO).words


def test_speed_changes_between_turns_only() -> None:
    """While a response is under way another speed is refused; the same one is not."""
    client = speaking("audio/pcmu", ModelSetup(replies=(reply("request", LONG),)))
    client.says("response.create")
    for speed in (1.5, 1.0):
        output = {"speed": speed}
        client.says("session.update", session={"type": "realtime", "audio": {"output": output}})
    client.waits(20_000)
    client.says("session.update", session={"type": "realtime", "audio": {"output": {"speed": 1.5}}})

    assert client.one("error")["error"]["param"] == "session.audio.output.speed"
    assert len(client.all("session.updated")) == 2


@pytest.mark.parametrize(
    ("reduction", "heard"),
    [
        (None, True),
        ({"type": "near_field"}, True),
        ({"type": "far_field", "strength": 0.4}, True),
        ({"type": "far_field"}, False),
    ],
)
def test_noise_reduction_makes_the_ear_less_sharp(reduction: Any, heard: bool) -> None:
    """A voice just above the floor is heard without it, and not with all of it."""
    setup = ModelSetup(vad=VadSetup(noise_reduction_db=30.0))
    client = speaking("audio/pcmu", setup)
    sound = {"input": {"noise_reduction": reduction}}
    client.says("session.update", session={"type": "realtime", "audio": sound})
    client.hears(encode((decode(clip(HELLO).audio) * 0.3).astype(np.int16)))
    client.hears_silence(800)

    assert bool(client.all("input_audio_buffer.speech_started")) is heard
