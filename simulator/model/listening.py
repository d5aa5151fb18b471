"""What the caller's voice sets off: edges of speech, commits, and the idle timeout.

Owns the way of the caller's audio from an append to an item. Knows no client event but those of the
input buffer, and no reply: whoever answers is told that a turn is over.
"""

from collections.abc import Callable
from typing import Any, Final

from simulator.model import errors
from simulator.model.conversation import Item
from simulator.model.errors import Refused
from simulator.model.input_audio import COMMIT_MS_MIN, InputAudio
from simulator.model.responder import Responder
from simulator.model.script import Request
from simulator.model.stage import Studio
from simulator.model.transcription import Transcriber
from simulator.scenario.format import VadSetup
from simulator.speech import Edge, SpeechStarted, SpeechStopped

NEAR_FIELD_SHARE: Final = 0.5
ITEM_EVENTS: Final = ("conversation.item.added", "conversation.item.done")

Values = dict[str, Any]


class Listening:
    """One session's ear. `on_turn` is told of each committed turn, and if it shall be answered."""

    def __init__(
        self,
        studio: Studio,
        vad: VadSetup,
        responder: Responder,
        transcriber: Transcriber,
        on_turn: Callable[[bool], None],
    ) -> None:
        self._studio = studio
        self._vad = vad
        self._responder = responder
        self._transcriber = transcriber
        self._on_turn = on_turn
        self._send = studio.outlet.send
        self._input = InputAudio(vad)
        self._turn_item_id = ""
        self.configure()

    @property
    def has_heard(self) -> bool:
        """Whether any audio was appended."""
        return self._input.clock_ms > 0

    def configure(self) -> None:
        """Listen as the session's configuration says now."""
        configuration = self._studio.configuration
        detection = configuration.detection(self._vad)
        self._input.configure(configuration.input_encoding, detection, self._deaf_db())

    def _deaf_db(self) -> float:
        # fidelity: documented realtime.md 3.1 - noise reduction comes before turn detection
        # fidelity: inferred realtime.md 3.1 [knob: model.vad.noise_reduction_db] - what is quiet is
        #   not heard any more, with near_field half as much; in proportion to its strength
        reduction = self._studio.configuration.noise_reduction
        if reduction is None:
            return 0.0
        share = NEAR_FIELD_SHARE if reduction.get("type") == "near_field" else 1.0
        strength: float = reduction.get("strength", 1.0)
        return self._vad.noise_reduction_db * share * strength

    def append(self, audio: bytes) -> None:
        """Take the caller's audio."""
        for edge in self._input.append(audio):
            self._react(edge)

    def _react(self, edge: Edge) -> None:
        turn = self._studio.configuration.turn_detection
        assert turn is not None
        if isinstance(edge, SpeechStarted):
            self._begin_turn(edge, interrupts=turn["interrupt_response"])
        else:
            self._end_turn(edge, answers=turn["create_response"])

    def _begin_turn(self, edge: SpeechStarted, *, interrupts: bool) -> None:
        self._responder.stop_idling()
        self._turn_item_id = self._studio.ids.new("item")
        self._send(
            "input_audio_buffer.speech_started",
            audio_start_ms=edge.audio_start_ms,
            item_id=self._turn_item_id,
        )
        self._transcriber.turn_began(self._turn_item_id)
        if interrupts:
            self._responder.interrupt()

    def _end_turn(self, edge: SpeechStopped, *, answers: bool) -> None:
        self._send(
            "input_audio_buffer.speech_stopped",
            audio_end_ms=edge.audio_end_ms,
            item_id=self._turn_item_id,
        )
        self._commit(self._turn_item_id, self._input.take_turn(edge))
        # fidelity: observed realtime.md 6 - speech_stopped, committed and response.created come in
        #   one tick
        self._on_turn(answers)

    def _commit(self, item_id: str, heard_ms: float, *, is_turn: bool = True) -> None:
        # fidelity: observed realtime.md 2.3 - committed, then item.added and item.done with a null
        #   transcript
        content: list[Values] = [{"type": "input_audio", "transcript": None}]
        item = Item(item_id, "message", "user", content=content, heard_ms=heard_ms)
        previous = self._studio.conversation.append(item)
        self._send("input_audio_buffer.committed", previous_item_id=previous, item_id=item_id)
        for kind in ITEM_EVENTS:
            self._send(kind, previous_item_id=previous, item=item.view())
        self._transcriber.committed(item, is_turn=is_turn)

    def commit_by_hand(self) -> None:
        """The client commits what is in the buffer.

        Raises:
            Refused: there is less than 100 ms of it.
        """
        if self._input.buffered_ms < COMMIT_MS_MIN:
            raise Refused(errors.commit_empty(self._input.buffered_ms))
        self._responder.stop_idling()
        was_speaking = self._input.speaking
        item_id = self._turn_item_id if was_speaking else self._studio.ids.new("item")
        self._commit(item_id, self._input.take_all())
        self._on_turn(False)

    def clear(self) -> None:
        """The client throws away what is in the buffer."""
        self._input.take_all()
        self._transcriber.turn_dropped()
        self._send("input_audio_buffer.cleared")

    def on_idle(self, idle_ms: float) -> None:
        """The caller has said nothing for `idle_ms`, counted from the end of the playback."""
        if self._input.speaking or self._responder.is_active:
            return
        # fidelity: documented realtime.md 2.6 - the idle timeout commits an item without speech,
        #   and responds
        item_id = self._studio.ids.new("item")
        end_ms = self._input.clock_ms
        silent_ms = min(round(idle_ms), round(self._input.take_all()))
        self._send(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=end_ms - silent_ms,
            audio_end_ms=end_ms,
            item_id=item_id,
        )
        self._commit(item_id, silent_ms, is_turn=False)
        self._responder.answer(Request("request", by_client=False))
