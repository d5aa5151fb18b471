"""Laws of a conversation that goes on in another session.

Owns which session the caller is heard by, and the words of what earlier ones said. A session has
taken over when it gets audio of the caller. Whose audio a byte is comes from `Provenance`.
"""

from dataclasses import dataclass

from simulator.judging import readings
from simulator.judging.auditor.docket import Docket
from simulator.judging.conditions import Conditions
from simulator.judging.observer import Observer
from simulator.judging.provenance import ItemAudio, Provenance
from simulator.judging.readings import in_words_ms
from simulator.judging.sockets import Sockets
from simulator.trace import Event

CLOSED_WITHIN_MS = 1000.0
"""How long the closing of a session that is not used any more may take, beside the links."""
WORDS_TOLERANCE_MS = 1000.0
"""Where a word sounds is not known: a few words more than the sound's share are forgiven."""
ITEMS_MAX = 4000

TRANSCRIPTS = ("response.output_audio_transcript.done", "response.audio_transcript.done")
PIECES = ("response.output_audio_transcript.delta", "response.audio_transcript.delta")


@dataclass(frozen=True, slots=True)
class _Told:
    at_ms: float
    connection: int
    words: str


class HandoverLaws(Observer):
    """Judges what comes of the sessions of one call, if there are several."""

    def __init__(
        self, docket: Docket, books: Provenance, conditions: Conditions, sockets: Sockets
    ) -> None:
        super().__init__()
        self._docket = docket
        self._books = books
        self._conditions = conditions
        self._sockets = sockets
        self._listening = 0
        self._speaking = 0
        self._replaced: dict[int, float] = {}
        self._words: dict[str, str] = {}
        self._told: list[_Told] = []
        self.on("realtime.received", self._heard, "input_audio_buffer.append")
        self.on("realtime.received", self._item, "conversation.item.create")
        self.on("realtime.sent", self._all_words, *TRANSCRIPTS)
        self.on("realtime.sent", self._more_words, *PIECES)
        self.on("twilio.received", self._media, "media")

    def finish(self, at_ms: float) -> None:
        """Judge what needs the whole call."""
        for number, replaced_ms in self._replaced.items():
            due_ms = replaced_ms + CLOSED_WITHIN_MS + self._conditions.realtime_round_trip_ms
            if min(self._sockets.over_ms(number), at_ms) > due_ms:
                text = f"session {number} was replaced, and stayed open"
                self._docket.charge(replaced_ms, "old_session_stays", text)
        for told in self._told:
            self._judge_words(told)

    def _heard(self, event: Event) -> None:
        number = readings.connection(event.data)
        if number > self._listening:
            for before in self._sockets.open_before(number):
                self._replaced.setdefault(before, event.at_ms)
            self._listening = number
        elif number < self._listening:
            text = f"session {number} got the caller's audio after session {self._listening} did"
            self._docket.charge(event.at_ms, "old_session_speaks", text)

    def _media(self, event: Event) -> None:
        for span in self._books.spans:
            if span.item is None or span.kind != "generated":
                continue
            number = span.item.connection
            if number < self._speaking:
                text = f"{span.item.item_id} of session {number} came after session "
                self._docket.charge(event.at_ms, "old_session_speaks", f"{text}{self._speaking}")
            self._speaking = max(self._speaking, number)

    # -- words ------------------------------------------------------------------
    def _all_words(self, event: Event) -> None:
        self._words[readings.item_id(event.data)] = str(event.data.get("transcript", ""))
        if len(self._words) > ITEMS_MAX:
            del self._words[next(iter(self._words))]

    def _more_words(self, event: Event) -> None:
        item_id = readings.item_id(event.data)
        self._words[item_id] = self._words.get(item_id, "") + str(event.data.get("delta", ""))

    def _item(self, event: Event) -> None:
        if event.data.get("role") == "assistant":
            number = readings.connection(event.data)
            self._told.append(_Told(event.at_ms, number, str(event.data.get("words", ""))))

    def _judge_words(self, told: _Told) -> None:
        said = [item for item in self._books.items.values() if item.connection < told.connection]
        found = [item for item in said if _begins(self._words.get(item.item_id, ""), told.words)]
        if any(self._is_heard(item, told.words) for item in found):
            return
        what = "that was never said" if not found else "that was not heard"
        text = f"session {told.connection} was told of speech {what}"
        heard = ", ".join(f"{item.item_id}: {item.heard_ms:.0f} ms" for item in found)
        where = f"told at {in_words_ms(told.at_ms)}"
        self._docket.charge(told.at_ms, "restored_unheard", text, where, heard)

    def _is_heard(self, item: ItemAudio, words: str) -> bool:
        whole = self._words[item.item_id].split()
        share = len(words.split()) / max(1, len(whole))
        return share * item.generated_ms <= item.heard_ms + WORDS_TOLERANCE_MS


def _begins(whole: str, words: str) -> bool:
    parts = words.split()
    return bool(parts) and whole.split()[: len(parts)] == parts
