"""What the lean model says and when: a response's events, its audio in bursts.

Owns the order of a response's events on the GA wire (realtime.md 2.3) and its pace. One response at
a time, one spoken item in it, no tool calls, no usage but a fixed one. Knows no socket: it is given
a function that sends.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from simulator.load.framing import server_frame
from simulator.load.relay import DownRelay
from simulator.model.formats import ENCODINGS
from simulator.scenario.format import Reply
from simulator.sound import BYTES_PER_MS, SILENCE, load_clip
from simulator.timeline import Timeline, Timer
from simulator.websocket import TEXT

DELTA_MS: Final = 250  # realtime.md 6
AFTER_MS_DEFAULT: Final = 400.0
BURST_DEFAULT: Final = 4.0
_encode: Final = msgspec.json.Encoder().encode

Send = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Speech:
    """Prepared sound: pieces of 250 ms in base64, and what each is in bytes of μ-law."""

    pieces: tuple[tuple[bytes, int], ...]
    words: tuple[bytes, ...]
    """One transcript delta beside each piece."""


@lru_cache(maxsize=512)
def prepared(clips: tuple[Path, ...], silence_ms: float, encoding: str) -> Speech:
    """The sound of a reply in a session's format."""
    loaded = [load_clip(path) for path in clips]
    audio = b"".join(clip.audio for clip in loaded)
    audio += bytes([SILENCE]) * round(silence_ms * BYTES_PER_MS)
    size = DELTA_MS * BYTES_PER_MS
    cut = [audio[at : at + size] for at in range(0, len(audio), size)]
    pieces = tuple((b64encode(ENCODINGS[encoding].of_mulaw(one)), len(one)) for one in cut)
    words = " ".join(clip.words for clip in loaded).split() or ["..."]
    share = [
        " ".join(words[index * len(words) // len(cut) : (index + 1) * len(words) // len(cut)])
        for index in range(len(cut))
    ]
    return Speech(pieces, tuple(_encode(f" {each}") for each in share))


def speech_of(reply: Reply, encoding: str) -> Speech:
    """All of a reply's items as one."""
    clips = tuple(clip for item in reply.items for clip in item.clips)
    return prepared(clips, sum(item.silence_ms for item in reply.items), encoding)


def event(kind: str, number: int, **fields: Any) -> bytes:
    """One server event as a whole frame."""
    return server_frame(TEXT, _encode({"type": kind, "event_id": f"event_{number:021d}", **fields}))


class Speaking:
    """The responses of one session."""

    def __init__(self, send: Send, timeline: Timeline, session: str) -> None:
        self.down: DownRelay | None = None
        """The call's book, once it is known whose session this is."""
        self.clock: Callable[[], float]
        self.active_id: str | None = None
        self.generated_ms: dict[str, float] = {}
        """Of the latest items: how much audio they have, for truncations."""
        self._send = send
        self._timeline = timeline
        self._session = session
        self._events = 0
        self._responses = 0
        self._timer: Timer | None = None

    def tell(self, kind: str, **fields: Any) -> None:
        """Send one event."""
        self._events += 1
        self._send(event(kind, self._events, **fields))

    def begin(self, reply: Reply, encoding: str) -> None:
        """Respond; nothing may be under way."""
        assert self.active_id is None
        self._responses += 1
        number = f"{self._session}{self._responses:05d}"
        self.active_id = f"resp_{number}"
        self._item_id = f"item_{number}"
        self._speech = speech_of(reply, encoding)
        self._piece = 0
        self._step_ms = DELTA_MS / reply.burst
        self.tell("response.created", response=self._response("in_progress"))
        self._due_ms = self._timeline.now_ms + reply.after_ms
        self._timer = self._timeline.at(self._due_ms, self._open)

    def cancel(self, reason: str) -> None:
        """Stop what is under way: `turn_detected` or `client_cancelled`."""
        if self.active_id is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        if self.down is not None:
            self.down.interrupted()
        details = {"type": "cancelled", "reason": reason}
        self._done("cancelled", details)

    def stop(self) -> None:
        """The session is over."""
        if self._timer is not None:
            self._timer.cancel()
        self.active_id = None

    def _open(self) -> None:
        # fidelity: observed realtime.md 2.3, 6 - order of events, 250 ms deltas (lean, load)
        item = self._item("in_progress")
        self.tell("response.output_item.added", response_id=self.active_id, output_index=0,
                  item=item)  # fmt: skip
        self.tell("conversation.item.added", previous_item_id=None, item=item)
        self.tell("response.content_part.added", **self._place(),
                  part={"type": "audio", "transcript": ""})  # fmt: skip
        if len(self.generated_ms) >= 16:
            del self.generated_ms[next(iter(self.generated_ms))]
        self.generated_ms[self._item_id] = 0.0
        if self.down is not None:
            self.down.begin()
        self._before = b'","event_id":"event_%%021d","response_id":"%b","item_id":"%b",' % (
            str(self.active_id).encode(),
            self._item_id.encode(),
        )
        self._before += b'"output_index":0,"content_index":0,"delta":'
        self._speak()

    def _speak(self) -> None:
        if self._piece == len(self._speech.pieces):
            self._close()
            return
        audio, size = self._speech.pieces[self._piece]
        words = self._speech.words[self._piece]
        self._piece += 1
        self._events += 2
        transcript = b'{"type":"response.output_audio_transcript.delta' + self._before
        sound = b'{"type":"response.output_audio.delta' + self._before
        if self.down is not None:
            self.down.sent(size, self.clock())
        self._send(
            server_frame(TEXT, transcript % (self._events - 1) + words + b"}")
            + server_frame(TEXT, sound % self._events + b'"' + audio + b'"}')
        )
        self.generated_ms[self._item_id] += size / BYTES_PER_MS
        self._due_ms += self._step_ms
        if self._piece < len(self._speech.pieces):
            self._timer = self._timeline.at(self._due_ms, self._speak)
        else:
            self._close()

    def _close(self) -> None:
        words = "".join(msgspec.json.decode(each) for each in self._speech.words).strip()
        place = self._place()
        self.tell("response.output_audio.done", **place)
        self.tell("response.output_audio_transcript.done", **place, transcript=words)
        self.tell("response.content_part.done", **place,
                  part={"type": "audio", "transcript": words})  # fmt: skip
        item = self._item("completed")
        self.tell("conversation.item.done", previous_item_id=None, item=item)
        self.tell("response.output_item.done", response_id=self.active_id, output_index=0,
                  item=item)  # fmt: skip
        self._done("completed", None)
        limit = {"name": "tokens", "limit": 15_000_000, "remaining": 14_999_000,
                 "reset_seconds": 0.0}  # fmt: skip
        self.tell("rate_limits.updated", rate_limits=[limit])

    def _done(self, status: str, details: dict[str, str] | None) -> None:
        usage = {
            "total_tokens": 200,
            "input_tokens": 40,
            "output_tokens": 160,
            "input_token_details": {"text_tokens": 14, "audio_tokens": 26, "cached_tokens": 0},
            "output_token_details": {"text_tokens": 28, "audio_tokens": 132},
        }
        response = {**self._response(status), "status_details": details, "usage": usage}
        self.active_id = None
        self._timer = None
        self.tell("response.done", response=response)

    def _response(self, status: str) -> dict[str, Any]:
        return {
            "object": "realtime.response",
            "id": self.active_id,
            "status": status,
            "status_details": None,
            "output": [],
            "output_modalities": ["audio"],
            "usage": None,
            "metadata": None,
        }

    def _item(self, status: str) -> dict[str, Any]:
        content = [{"type": "output_audio", "transcript": ""}] if status == "completed" else []
        return {
            "id": self._item_id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def _place(self) -> dict[str, Any]:
        return {
            "response_id": self.active_id,
            "item_id": self._item_id,
            "output_index": 0,
            "content_index": 0,
        }
