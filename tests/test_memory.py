"""bridge.core.memory and tape: what another session is told, and how much of it is kept."""

import pytest

from bridge.core.memory import (
    CHARS_MAX,
    ENTRIES_MAX,
    NOT_WRITTEN_DOWN,
    SOUND_BYTES_MAX,
    Memory,
    share_of,
)
from bridge.core.mulaw import BYTES_PER_S
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
from bridge.core.tape import TAPE_BYTES_MAX, Tape

SECOND = b"\x55" * BYTES_PER_S


def heard_out(_: str) -> tuple[int, bool] | None:
    """Nothing sounds any more."""
    return None


def items(memory: Memory) -> list[Item]:
    """What a new session would be told."""
    return [one.item for one in memory.restore(heard_out)]


def said(memory: Memory, item_id: str, words: str, seconds: int) -> None:
    """An item that was made and heard."""
    memory.words(item_id, words)
    memory.sounded(item_id, seconds * BYTES_PER_S)
    memory.complete(item_id)


def test_words_take_the_place_of_the_sound() -> None:
    """They are smaller, and the model reads them more easily; no words change nothing."""
    memory = Memory()
    memory.turn("t1", SECOND)
    memory.turn("t2", SECOND)
    memory.transcribed("t1", "Hello.")
    memory.transcribed("t2", " ")
    memory.transcribed("t9", "Who?")

    assert items(memory) == [
        UserMessage((InputText("Hello."),)),
        UserMessage((InputAudio(SECOND),)),
    ]


def test_of_the_callers_voice_the_last_minute_is_kept() -> None:
    """Of what is older, a remark stays that something was said."""
    memory = Memory()
    for number in range(4):
        memory.turn(f"t{number}", SECOND * 25)

    told = items(memory)
    assert told[:2] == [UserMessage((InputText(NOT_WRITTEN_DOWN),))] * 2
    assert told[2:] == [UserMessage((InputAudio(SECOND * 25),))] * 2
    memory.turn("long", b"\x55" * (SOUND_BYTES_MAX + 8))
    assert items(memory)[-1] == UserMessage((InputText(NOT_WRITTEN_DOWN),))


def test_the_oldest_go_first() -> None:
    """Too many items, or too many letters; how many went is counted."""
    memory = Memory()
    for number in range(ENTRIES_MAX + 5):
        memory.told(str(number))
    assert memory.dropped == 5
    assert items(memory)[0] == UserMessage((InputText("5"),))

    memory = Memory()
    memory.told("a" * 10)
    memory.told("b" * CHARS_MAX * 2)
    assert items(memory) == [UserMessage((InputText("b" * CHARS_MAX),))]


def test_an_output_goes_with_its_call() -> None:
    """The server refuses one without the other."""
    memory = Memory()
    memory.called("c1", "look_up", "{}")
    memory.called("c2", "look_up", "{}")
    memory.output("c1", '{"a": 1}')
    memory.output("c2", '{"b": 2}')
    memory.output("c3", "{}")
    for number in range(ENTRIES_MAX - 3):
        memory.told(str(number))

    told = items(memory)
    assert told[:2] == [FunctionCall("c2", "look_up", "{}"), FunctionCallOutput("c2", '{"b": 2}')]
    assert memory.dropped == 1


def test_how_fast_the_agent_speaks_is_learned() -> None:
    """From items of some length that are complete, in bounds."""
    memory = Memory()
    said(memory, "short", "Yes.", 1)
    said(memory, "i1", "x" * 9 + " " + "y" * 10, 2)
    memory.words("i2", " ".join(["word"] * 10))
    memory.sounded("i2", 2 * BYTES_PER_S)
    memory.complete("i1")

    assert items(memory)[-1] == AssistantMessage((OutputText("word word word word"),))


def test_an_item_without_sound_was_not_heard() -> None:
    """Words may come of an answer of which nothing was played."""
    memory = Memory()
    memory.all_words("i1", "Never heard.")
    memory.complete("i1")

    assert items(memory) == []


@pytest.mark.parametrize(
    ("text", "share", "heard"),
    [
        ("one two three four", 0.5, "one two"),
        ("one two", 1.2, "one two"),
        ("one two", 0.0, ""),
        ("請問您需要什麼協助呢。" * 2, 0.5, "請問您需要什麼協助呢。"),
        ("", 0.5, ""),
    ],
)
def test_a_share_of_a_text(text: str, share: float, heard: str) -> None:
    """Whole words, where words are parted."""
    assert share_of(text, share) == heard


def test_what_still_sounds_is_put_into_its_place_later() -> None:
    """Behind what was there before it, in the order in which it was said."""
    memory = Memory()
    memory.told("one")
    said(memory, "i1", "two", 1)
    said(memory, "i2", "three", 1)
    sounding = {"i1": True, "i2": True}

    def ear(item_id: str) -> tuple[int, bool]:
        return BYTES_PER_S, sounding[item_id]

    assert [one.after for one in memory.restore(ear)] == [""]
    settled = [memory.settled]
    memory.told("four")
    assert memory.settle(ear) == []
    sounding["i2"] = False
    (last,) = memory.settle(ear)
    sounding["i1"] = False
    (first,) = memory.settle(ear)

    assert (last.after, first.after) == ("cb_item_1", "cb_item_1")
    assert [*settled, memory.settled] == [False, True]
    assert memory.settle(ear) == []


def test_a_cut_of_an_item_that_another_session_said() -> None:
    """It is known here, and not there."""
    memory = Memory()
    said(memory, "i1", "one two", 1)
    assert memory.cut("i1", 500)
    memory.restore(heard_out)
    said(memory, "i2", "three", 1)

    assert not memory.cut("i1", 400)
    assert memory.cut("i2", 400)


def test_turns_that_will_be_heard_again_are_forgotten() -> None:
    """But for those that were answered."""
    memory = Memory()
    memory.turn("t1", SECOND)
    memory.answered()
    memory.turn("t2", b"")
    memory.turn("t3", b"")
    memory.forget_unanswered()

    assert items(memory) == [UserMessage((InputAudio(SECOND),))]
    memory.answered()
    assert len(items(memory)) == 1


def test_the_tape_is_bounded() -> None:
    """The oldest pieces go; the positions stay."""
    tape = Tape()
    for _ in range(40):
        tape.add(SECOND)

    assert (tape.end - tape.begin, tape.end) == (TAPE_BYTES_MAX, 40 * BYTES_PER_S)
    assert tape.between(0, tape.end) == SECOND * 30
    assert tape.between(tape.end - 4, tape.end + 9) == SECOND[:4]
    tape.restart()
    assert tape.between(0, 9) == b""
