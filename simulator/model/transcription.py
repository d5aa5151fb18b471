"""The caller's words, written down: which transcription events come for a turn, and when.

Owns the second model that listens along. Knows no voice activity and no response: it is told when
a turn begins, is committed or is dropped. The words are the scenario's, or what the endpoint hears.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from simulator.model.conversation import Item
from simulator.model.errors import transcription_failed
from simulator.model.generation import pieces_of_text
from simulator.model.script import Script
from simulator.model.stage import Studio
from simulator.model.timing import Timer
from simulator.model.usage import CALLER_MS_PER_TOKEN, text_tokens
from simulator.scenario.format import Transcript

KIND: Final = "conversation.item.input_audio_transcription"

# fidelity: documented realtime.md 0, 2.3 - streaming transcription models write while the caller
#   still speaks
LIVE_MODELS: Final = ("gpt-realtime-whisper", "gpt-live-transcribe")
# fidelity: inferred realtime.md 2.3 - whisper-1 writes a turn in one delta
WHOLE_MODELS: Final = ("whisper-1",)
# fidelity: documented realtime.md 0 - which transcription models are billed by the minute, the
#   others by tokens
BY_DURATION: Final = ("whisper-1", "gpt-realtime-whisper")
DIARIZING: Final = "diarize"

# fidelity: inferred realtime.md 0 - how long `delay` waits before the first words
LIVE_DELAY_MS: Final = {"minimal": 200, "low": 400, "medium": 700, "high": 1100, "xhigh": 1800}
LIVE_WORD_MS: Final = 250.0
PIECE_MS: Final = 5.0
LOGPROB: Final = -0.05

Values = dict[str, Any]


class Transcriber:
    """Writes down one session's caller. `words_heard`: the words since it was asked last."""

    def __init__(
        self, studio: Studio, script: Script, delay_ms: float, words_heard: Callable[[], str]
    ) -> None:
        self._studio = studio
        self._script = script
        self._delay_ms = delay_ms
        self._words_heard = words_heard
        self._live_item_id = ""
        self._left: list[str] = []
        self._timer: Timer | None = None

    @property
    def _model(self) -> str:
        transcription = self._studio.configuration.transcription or {}
        return str(transcription.get("model") or "gpt-realtime-whisper")

    # -- what happens to a turn -------------------------------------------------

    def turn_began(self, item_id: str) -> None:
        """The caller speaks: a live model writes along, if the words are known already."""
        self.turn_dropped()
        transcription = self._studio.configuration.transcription
        scripted = self._script.transcript()
        if transcription is None or scripted is None or scripted.fail:
            return
        if self._model.startswith(LIVE_MODELS):
            self._live_item_id = item_id
            self._left = pieces_of_text(scripted.words)
            delay_ms = LIVE_DELAY_MS[transcription.get("delay") or "low"]
            self._timer = self._studio.alarms.after(delay_ms, self._write_along)

    def turn_dropped(self) -> None:
        """The turn under way will not become an item."""
        self._live_item_id = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def committed(self, item: Item, *, is_turn: bool) -> None:
        """An item of the caller's audio is there; `is_turn`: with words in it."""
        if self._studio.configuration.transcription is None:
            return
        scripted = self._script.transcript() if is_turn else Transcript()
        told = scripted or Transcript(self._words_heard())
        left = self._left if item.id == self._live_item_id else pieces_of_text(told.words)
        self.turn_dropped()
        if self._model.startswith(WHOLE_MODELS):
            left = [told.words] if told.words else []
        # fidelity: observed realtime.md 2.3 [knob: model.transcript_delay] - transcripts come
        #   mid-response
        self._studio.alarms.after(self._delay_ms, lambda: self._finish(item, told, left))

    # -- events -----------------------------------------------------------------

    def _write_along(self) -> None:
        self._timer = None
        if self._left:
            self._say(self._live_item_id, self._left.pop(0))
            self._timer = self._studio.alarms.after(LIVE_WORD_MS, self._write_along)

    def _say(self, item_id: str, words: str) -> None:
        place: Values = {"item_id": item_id, "content_index": 0}
        self._studio.outlet.send(f"{KIND}.delta", **place, delta=words, **self._logprobs([words]))

    def _finish(self, item: Item, told: Transcript, left: list[str]) -> None:
        if told.fail:
            # fidelity: documented realtime.md 2.2 - a failed transcription is an event of its own,
            #   not an error
            problem = transcription_failed(told.fail, item.id)
            error = {"type": problem.type, "code": problem.code, "message": problem.message}
            place: Values = {"item_id": item.id, "content_index": 0}
            self._studio.outlet.send(f"{KIND}.failed", **place, error={**error, "param": None})
            return
        if left:
            self._say(item.id, left[0])
            alarms = self._studio.alarms
            alarms.after(PIECE_MS, lambda: self._finish(item, told, left[1:]))
            return
        self._complete(item, told.words)

    def _complete(self, item: Item, words: str) -> None:
        send = self._studio.outlet.send
        place: Values = {"item_id": item.id, "content_index": 0}
        item.content[0]["transcript"] = words
        if DIARIZING in self._model and words:
            # fidelity: documented realtime.md 2.2 - diarizing models send segments; that a turn is
            #   one is inferred
            send(
                f"{KIND}.segment",
                **place,
                id=self._studio.ids.new("seg"),
                text=words,
                start=0.0,
                end=item.heard_ms / 1000,
                speaker="A",
            )
        more: Values = self._logprobs(pieces_of_text(words))
        if self._model == "gpt-transcribe":
            # fidelity: documented realtime.md 2.2 - gpt-transcribe tells languages (here none was
            #   found)
            more["languages"] = []
        usage = self._usage(item.heard_ms, words)
        send(f"{KIND}.completed", **place, transcript=words, usage=usage, **more)

    def _usage(self, heard_ms: float, words: str) -> Values:
        # fidelity: observed realtime.md 2.3 - usage of a transcript by duration or by tokens
        if self._model.startswith(BY_DURATION):
            return {"type": "duration", "seconds": math.ceil(heard_ms / 1000)}
        heard, written = math.ceil(heard_ms / CALLER_MS_PER_TOKEN), text_tokens(words)
        return {
            "type": "tokens",
            "input_tokens": heard,
            "output_tokens": written,
            "total_tokens": heard + written,
            "input_token_details": {"audio_tokens": heard, "text_tokens": 0},
        }

    def _logprobs(self, pieces: list[str]) -> Values:
        # fidelity: documented realtime.md 3.1 - probabilities of a transcript on request (their
        #   values mean nothing)
        if not self._studio.configuration.has_logprobs:
            return {}
        return {
            "logprobs": [
                {"token": piece, "bytes": list(piece.encode()), "logprob": LOGPROB}
                for piece in pieces
            ]
        }
