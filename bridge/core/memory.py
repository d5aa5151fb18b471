"""What was said in a call so far, so that another session can go on with it.

Owns the account and its bounds: the caller's turns (in words if the server transcribes them, else
as sound), what we told the model in words, the agent's words with how much of them was heard,
function calls and their outputs. Knows no session's life and no time.

What the caller heard of an item is asked of `Playback` when it matters; only what was cut is
written down at once. The words of a part are its share of the text: by sound if all of the item's
sound is there, else by the speed at which this agent speaks, because words run ahead of the sound.
"""

from collections.abc import Callable
from typing import Final, Literal

import msgspec

from bridge.core.mulaw import BYTES_PER_MS, BYTES_PER_S
from bridge.core.realtime_items import (
    AssistantMessage,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    OutputText,
    UserMessage,
)

ENTRIES_MAX: Final = 400
CHARS_MAX: Final = 64_000
SOUND_BYTES_MAX: Final = 60 * BYTES_PER_S
"""Turns of the caller are kept as sound for so long in all; older ones only as a remark."""
CHARS_PER_S: Final = 15
"""How fast an agent speaks until it is known better."""
CHARS_PER_S_MIN: Final = 8
CHARS_PER_S_MAX: Final = 25
TELLING_S: Final = 2
"""So long an item must be to tell how fast the agent speaks."""
LETTERS_PER_WORD_MAX: Final = 20
"""More on average: a script that does not part its words."""

NOT_WRITTEN_DOWN: Final = "(The caller said something here that was not written down.)"


Ear = Callable[[str], tuple[int, bool] | None]
"""Tells how many bytes of an item were heard, and whether it still sounds; None: it is not known
any more, so it was heard out."""

Kind = Literal["turn", "told", "said", "call", "output"]


class Entry(msgspec.Struct):
    """One item of the conversation.

    ``name``: what the session in use calls it, as far as we know; ``open``: it is still to be put
    there.
    """

    number: int
    kind: Kind
    key: str = ""
    name: str = ""
    text: str = ""
    sound: bytes = b""
    call: FunctionCall | None = None
    answered: bool = False
    generated: int = 0
    complete: bool = False
    cut: int | None = None
    open: bool = False


class Restored(msgspec.Struct, frozen=True):
    """An item to be put into a session, behind another one ("" = at the end)."""

    item: Item
    item_id: str
    after: str = ""


class Memory:
    """The account of one call."""

    def __init__(self) -> None:
        self.dropped = 0
        """Entries that were too many."""
        self.settled = True
        """The session in use has everything."""
        self._entries: dict[int, Entry] = {}
        self._by_key: dict[str, Entry] = {}
        self._count = 0
        self._chars = 0
        self._sound = 0
        self._spoken_bytes = 0
        self._spoken_chars = 0
        self._elsewhere: set[str] = set()

    # -------------------------------------------------------------------- what happens
    def turn(self, item_id: str, sound: bytes) -> None:
        """A turn of the caller's is in the conversation."""
        entry = self._add("turn", item_id)
        entry.sound = sound
        self._sound += len(sound)
        self._bound()

    def transcribed(self, item_id: str, words: str) -> None:
        """The words of a turn are known: its sound is not needed any more."""
        entry = self._by_key.get(item_id)
        if entry is not None and entry.kind == "turn" and words.strip():
            self._write(entry, words.strip())
            self._silence(entry)

    def answered(self) -> None:
        """The model has answered what the caller said so far, or has begun to."""
        for entry in reversed(self._entries.values()):
            if entry.answered:
                return
            entry.answered = entry.kind == "turn"

    def told(self, text: str) -> None:
        """We have told the model something in words."""
        self._write(self._add("told", ""), text)

    def words(self, item_id: str, delta: str) -> None:
        """More words of an item of the agent's."""
        entry = self._said(item_id)
        self._write(entry, entry.text + delta)

    def all_words(self, item_id: str, text: str) -> None:
        """All words of an item, as far as it was made."""
        self._write(self._said(item_id), text)

    def sounded(self, item_id: str, size: int) -> None:
        """Sound of an item was made and will be heard, unless it is cut."""
        self._said(item_id).generated += size

    def complete(self, item_id: str) -> None:
        """All sound of an item has been made."""
        entry = self._said(item_id)
        if not entry.complete and entry.text and entry.generated >= TELLING_S * BYTES_PER_S:
            self._spoken_bytes += entry.generated
            self._spoken_chars += len(entry.text)
        entry.complete = True

    def cut(self, item_id: str, heard_ms: int) -> bool:
        """No more of an item will be heard. False: the session in use does not know the item."""
        self._said(item_id).cut = heard_ms * BYTES_PER_MS
        return item_id not in self._elsewhere

    def called(self, call_id: str, name: str, arguments: str) -> None:
        """The model has called a function."""
        entry = self._add("call", call_id)
        entry.call = FunctionCall(call_id, name, arguments)
        self._write(entry, name + arguments)

    def output(self, call_id: str, output: str) -> None:
        """The function call has its answer; without the call it would mean nothing."""
        if call_id in self._by_key:
            entry = self._add("output", "")
            entry.call = FunctionCall(call_id, "", "")
            self._write(entry, output)

    # -------------------------------------------------------------------- restoring
    def forget_unanswered(self) -> None:
        """The caller's unanswered turns are said to the next session again."""
        for entry in [one for one in self._entries.values() if one.kind == "turn"]:
            if not entry.answered:
                self._forget(entry)

    def restore(self, ear: Ear) -> list[Restored]:
        """Return the conversation for a session that knows nothing.

        What is still sounding is left out: `settle` returns it when it is known how much was heard.
        """
        for entry in self._entries.values():
            entry.open, entry.name = True, ""
            if entry.kind == "said":
                self._elsewhere.add(entry.key)
        return self._put_all(ear, "")

    def settle(self, ear: Ear) -> list[Restored]:
        """Return what has fallen silent since `restore`, each to be put in its place."""
        return [] if self.settled else self._put_all(ear, "root")

    def _put_all(self, ear: Ear, after: str) -> list[Restored]:
        restored = []
        for entry in self._entries.values():
            item = self._item(entry, ear) if entry.open else None
            if item is not None:
                entry.name = f"cb_item_{entry.number}"
                restored.append(Restored(item, entry.name, after))
            if after and entry.name:
                after = entry.name
        self.settled = not any(entry.open for entry in self._entries.values())
        return restored

    def _item(self, entry: Entry, ear: Ear) -> Item | None:
        """The entry as an item; None: it still sounds, or nothing of it was heard."""
        if entry.kind == "said":
            return self._agents_item(entry, ear)
        entry.open = False
        if entry.kind == "turn" and entry.sound:
            return UserMessage((InputAudio(entry.sound),))
        if entry.kind == "call":
            return entry.call
        if entry.kind == "output":
            assert entry.call is not None
            return FunctionCallOutput(entry.call.call_id, entry.text)
        return UserMessage((InputText(entry.text or NOT_WRITTEN_DOWN),))

    def _agents_item(self, entry: Entry, ear: Ear) -> Item | None:
        size, sounding = entry.generated, False
        if entry.cut is None:
            size, sounding = ear(entry.key) or (size, False)
        else:
            size = entry.cut
        entry.open = sounding
        words = "" if sounding else share_of(entry.text.strip(), self._share(entry, size))
        return AssistantMessage((OutputText(words),)) if words else None

    def _share(self, entry: Entry, heard: int) -> float:
        if entry.complete and entry.generated:
            # The last piece of an item can be shorter than a frame, and is then never sent.
            whole = heard >= entry.generated - 20 * BYTES_PER_MS
            return 1.0 if whole else heard / entry.generated
        rate = float(CHARS_PER_S)
        if self._spoken_bytes:
            rate = self._spoken_chars * BYTES_PER_S / self._spoken_bytes
            rate = min(max(rate, CHARS_PER_S_MIN), CHARS_PER_S_MAX)
        return heard / BYTES_PER_S * rate / max(1, len(entry.text))

    # -------------------------------------------------------------------- bounds
    def _add(self, kind: Kind, key: str) -> Entry:
        self._count += 1
        name = key if kind in {"turn", "said"} else ""
        entry = self._entries[self._count] = Entry(self._count, kind, key, name)
        if key:
            self._by_key[key] = entry
        self._bound()
        return entry

    def _said(self, item_id: str) -> Entry:
        entry = self._by_key.get(item_id)
        return entry if entry is not None and entry.kind == "said" else self._add("said", item_id)

    def _write(self, entry: Entry, text: str) -> None:
        text = text[:CHARS_MAX]
        self._chars += len(text) - len(entry.text)
        entry.text = text
        self._bound()

    def _silence(self, entry: Entry) -> None:
        self._sound -= len(entry.sound)
        entry.sound = b""

    def _bound(self) -> None:
        while len(self._entries) > ENTRIES_MAX or (
            self._chars > CHARS_MAX and len(self._entries) > 1
        ):
            self._drop_oldest()
        while self._sound > SOUND_BYTES_MAX:
            self._silence(next(entry for entry in self._entries.values() if entry.sound))

    def _drop_oldest(self) -> None:
        oldest = next(iter(self._entries.values()))
        self.dropped += 1
        self._forget(oldest)
        if oldest.kind == "call":
            for entry in [one for one in self._entries.values() if one.kind == "output"]:
                assert entry.call is not None
                if entry.call.call_id == oldest.key:
                    self._forget(entry)

    def _forget(self, entry: Entry) -> None:
        self._silence(entry)
        self._chars -= len(entry.text)
        del self._entries[entry.number]
        if self._by_key.get(entry.key) is entry:
            del self._by_key[entry.key]


def share_of(text: str, share: float) -> str:
    """Return the beginning of ``text`` that was heard; whole words, where words are parted."""
    if share >= 1:
        return text
    words = text.split()
    if len(text) > LETTERS_PER_WORD_MAX * len(words):
        return text[: round(share * len(text))]
    return " ".join(words[: round(share * len(words))])
