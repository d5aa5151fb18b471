"""Whose audio is this: the agent's bytes at Twilio and at the ear, the caller's at the model."""

import random

from hypothesis import given
from hypothesis import strategies as st

from simulator.judging.caller_audio import CallerAudio
from simulator.judging.provenance import PASSED_MAX_BYTES, Provenance
from simulator.trace import Event
from tests.judging import Story, silence, voice


def books_of(story: Story) -> Provenance:
    """The books after all of a story."""
    books = Provenance()
    for event in story.in_order():
        books.observe(event)
    return books


def caller_books(story: Story, over_ms: float = 20_000, under_way_ms: float = 0) -> CallerAudio:
    """The caller's books after all of a story, settled."""
    books = CallerAudio()
    for event in story.in_order():
        books.observe(event)
    books.settle(over_ms, under_way_ms)
    return books


def sums(books: Provenance, item: str) -> tuple[int, int, int]:
    """Generated, sent and heard bytes of an item."""
    audio = books.items[item]
    return audio.generated, audio.sent, audio.heard


@given(st.data())
def test_any_splitting_and_merging_is_traced(data: st.DataObject) -> None:
    """However a bridge cuts the stream, each byte belongs to its item at its position."""
    lengths = data.draw(st.lists(st.integers(1, 400), min_size=1, max_size=8))
    items = [data.draw(st.sampled_from("abc")) for _ in lengths]
    story = Story()
    stream, owner = b"", []
    for index, (length, item) in enumerate(zip(lengths, sorted(items), strict=True)):
        audio = random.Random(index).randbytes(length)
        story.delta(index, audio, item)
        stream += audio
        owner += [item] * length
    cuts = sorted(data.draw(st.sets(st.integers(1, len(stream)), max_size=8)) | {len(stream)})
    at = 0
    for cut in cuts:
        story.media(100, stream[at:cut])
        at = cut
    books = books_of(story)

    for item in set(owner):
        assert (owner.count(item), owner.count(item), 0) == sums(books, item)
    assert books.silence_added_bytes == 0


def test_dropped_deltas_are_passed_over() -> None:
    """An interruption drops the rest of a response; the next one is traced to its own item."""
    story = Story()
    for index in range(4):
        story.delta(index, voice(index, 100), "a", "r1")
    story.media(5, voice(0, 100))
    story.speech_started(6)
    story.delta(7, voice(9, 100), "b", "r2")
    story.media(8, voice(9, 100))
    books = books_of(story)

    assert sums(books, "a") == (3200, 800, 0)
    assert sums(books, "b") == (800, 800, 0)
    assert [(each.item.item_id, each.start, each.length) for each in books.unsent()] == [
        ("a", start, 800) for start in (800, 1600, 2400)
    ]


def test_the_same_clip_said_twice_is_told_apart() -> None:
    """Interrupted in the first saying, heard whole in the second: bytes alone cannot tell."""
    clip = [voice(index, 100) for index in range(5)]
    story = Story()
    for index, piece in enumerate(clip):
        story.delta(index, piece, "a", "r1")
    for piece in clip[:2]:
        story.media(10, piece)
    story.speech_started(20)
    story.clear(20, dropped_ms=100)
    for index, piece in enumerate(clip):
        story.delta(30 + index, piece, "b", "r2")
        story.media(30 + index, piece)
    books = books_of(story)

    assert sums(books, "a") == (4000, 1600, 0)
    assert sums(books, "b") == (4000, 4000, 0)


def test_silence_after_an_interruption_belongs_to_the_newer_response() -> None:
    """Both responses hold silence; after the clear it is the new one's that is sent."""
    story = Story()
    story.delta(0, voice(1, 100), "a", "r1")
    story.delta(1, silence(100), "a", "r1")
    story.media(2, voice(1, 100))
    story.clear(3, dropped_ms=50)
    story.delta(4, silence(100), "b", "r2")
    story.media(5, silence(100))
    books = books_of(story)

    assert sums(books, "b") == (800, 800, 0)
    assert books.items["a"].sent == 800


QUIET = b"\xfe" * 80


def test_quiet_bytes_of_a_new_reply_are_not_the_rest_of_the_interrupted_one() -> None:
    """The unsent end of a delta and the new reply begin alike; the bytes behind tell them apart."""
    old, new = voice(1, 90) + QUIET, QUIET + voice(2, 240)
    story = Story()
    story.delta(0, old, "a", "r1")
    story.delta(1, voice(3, 100), "a", "r1")
    story.media(2, old[:-80])
    story.speech_started(3)
    story.clear(4, dropped_ms=50)
    story.delta(500, new, "b", "r2")
    story.media(500, new)
    books = books_of(story)

    assert sums(books, "b") == (2000, 2000, 0)
    assert books.items["a"].sent == 720


def test_an_ambiguous_stretch_begins_the_new_reply() -> None:
    """Half a frame which could be either's belongs to the response that was not interrupted."""
    story = Story()
    story.delta(0, voice(1, 90) + QUIET, "a", "r1")
    story.media(2, voice(1, 90))
    story.speech_started(3)
    story.clear(4, dropped_ms=50)
    story.delta(500, QUIET + voice(2, 90), "b", "r2")
    story.media(500, QUIET)
    story.media(501, voice(2, 90))
    books = books_of(story)

    assert sums(books, "b") == (800, 800, 0)
    assert books.items["a"].sent == 720


def test_a_straggler_is_not_taken_for_the_new_reply() -> None:
    """A delta made after the interruption still belongs to the response that was interrupted."""
    story = Story()
    story.response(0, "r1")
    story.says(0, voice(1, 100), item="a", response="r1")
    story.speech_started(200)
    story.delta(201, silence(100), "a", "r1")
    story.response(700, "r2")
    story.delta(701, silence(100), "b", "r2")
    story.media(702, silence(100))
    books = books_of(story)

    assert sums(books, "b") == (800, 800, 0)
    assert books.items["a"].sent == 800


def test_a_clear_on_its_way_does_not_interrupt_the_reply_behind_it() -> None:
    """The bridge clears by itself; the new reply is begun before the clear has reached Twilio."""
    story = Story()
    story.delta(0, voice(1, 100) + silence(100), "a", "r1")
    story.media(1, voice(1, 100))
    story.delta(50, silence(100) + voice(2, 100), "b", "r2")
    story.clear(60, dropped_ms=50)
    story.media(61, silence(100))
    story.media(62, voice(2, 100))
    books = books_of(story)

    assert sums(books, "b") == (1600, 1600, 0)
    assert books.items["a"].sent == 800


def test_silence_after_a_clear_is_nobodys() -> None:
    """A bridge's own silence is not taken for the silent rest of what was cleared."""
    story = Story()
    story.delta(0, voice(1, 100), "a", "r1")
    story.delta(1, silence(100), "a", "r1")
    story.media(2, voice(1, 100))
    story.clear(3, dropped_ms=50)
    story.media(4, silence(20))
    books = books_of(story)

    assert [span.kind for span in books.spans] == ["silence"]
    assert books.items["a"].sent == 800


def test_part_of_a_delta_can_be_dropped() -> None:
    """A bridge that paces its output may go on in the middle of a delta."""
    story = Story()
    audio = voice(1, 250)
    story.delta(0, audio)
    story.media(1, audio[:160])
    story.media(2, audio[800:])
    books = books_of(story)

    assert (books.spans[0].kind, books.spans[0].start) == ("generated", 800)
    assert sums(books, "a") == (2000, 1360, 0)


def test_padding_behind_the_last_byte_is_silence() -> None:
    """A tail filled up to whole frames: the filling is nobody's and harmless."""
    story = Story()
    story.delta(0, voice(1, 10))
    story.media(1, voice(1, 10) + silence(10))
    books = books_of(story)

    assert [span.kind for span in books.spans] == ["generated", "silence"]
    assert books.silence_added_bytes == 80


def test_audio_sent_again_and_audio_of_nobody() -> None:
    """What was passed already is recognised; what nobody generated is unknown."""
    story = Story()
    story.delta(0, voice(1, 100))
    story.media(1, voice(1, 100))
    story.media(2, voice(1, 100)[160:480])
    again = books_of(story)
    story.media(3, voice(5, 40))
    nobody = books_of(story)

    assert (
        again.spans[0].kind,
        again.spans[0].start,
        again.spans[0].length,
    ) == ("repeated", 160, 320)
    assert [span.kind for span in nobody.spans] == ["unknown"]


def test_a_piece_sent_again_may_begin_at_the_end_of_a_delta() -> None:
    """Its first ten milliseconds are of one delta, the rest is of the next."""
    story = Story()
    story.delta(0, voice(1, 100))
    story.delta(1, voice(2, 100))
    story.media(2, voice(1, 100) + voice(2, 100))
    story.media(3, voice(1, 100)[720:] + voice(2, 100)[:400])
    books = books_of(story)

    assert [(span.kind, span.start, span.length) for span in books.spans] == [
        ("repeated", 720, 80),
        ("repeated", 800, 400),
    ]


def test_heard_bytes_are_counted_per_item_across_a_message() -> None:
    """A message with the end of one item and the beginning of the next, heard in part."""
    story = Story()
    story.delta(0, voice(1, 100), "a")
    story.delta(0, voice(2, 100), "b")
    number = story.media(1, voice(1, 100) + voice(2, 100))
    story.played(number, 10, 1000)
    books = books_of(story)

    assert books.items["a"].heard == 800
    assert books.items["b"].heard == 200
    assert books.items["b"].last_heard_ms == 135.0
    assert books.responses["r1"].runs == [[10, 135]]


def test_a_clear_cuts_what_was_not_heard() -> None:
    """Items with unheard bytes are cut; an item heard whole is not."""
    story = Story()
    story.says(0, voice(1, 100), item="a")
    story.says(1, voice(2, 100), heard=80, item="b", playing_ms=100)
    story.clear(110, dropped_ms=90)
    books = books_of(story)

    assert books.items["a"].cut_ms is None
    assert books.items["b"].cut_ms == 110


def test_memory_follows_truncation_and_deletion() -> None:
    """Remembered is what was generated, until the model shortens or forgets the item."""
    story = Story()
    story.delta(0, voice(1, 100), "a")
    whole = books_of(story).items["a"].remembered_ms
    story.truncate(1, 40)
    short = books_of(story).items["a"].remembered_ms
    story.sent(2, "conversation.item.deleted", item_id="a")

    assert (whole, short, books_of(story).items["a"].remembered_ms) == (100, 40, 0)


def test_the_books_stay_small() -> None:
    """An hour of audio that is sent and played leaves only sums behind."""
    books = Provenance()
    audio = voice(1, 250)
    for index in range(2000):
        story = Story()
        story.number = index
        story.says(index * 250, audio + index.to_bytes(2), item=f"i{index // 20}", response="r")
        for event in story.in_order():
            books.observe(event)

    assert books._passed_bytes <= PASSED_MAX_BYTES
    assert 0 == len(books._pending) == len(books._outstanding)
    assert len(books.items) == 100


# -- the caller's audio --------------------------------------------------------------------------


def call(frames: list[bytes], appended: list[bytes], hang_up_ms: float = 5000) -> Story:
    """Frames sent every 20 ms; what the model got comes in the same rhythm."""
    story = Story()
    story.session()
    for index, frame in enumerate(frames):
        story.frame(20 * index, frame)
    for index, audio in enumerate(appended):
        story.append(20 * index, audio)
    story.hang_up(hang_up_ms)
    return story


FRAMES = [voice(100 + index, 20) for index in range(6)]


def test_frames_may_be_merged_and_split() -> None:
    """Two and a half frames at a time are the same audio."""
    whole = b"".join(FRAMES)
    books = caller_books(call(FRAMES, [b"", b"", whole[:400], b"", whole[400:800], whole[800:]]))

    assert (books.lost_bytes, books.padding_bytes) == (0, 0)


def test_lost_frames_are_counted_when_later_ones_arrive() -> None:
    """The second and third frame never come: 40 ms."""
    books = caller_books(call(FRAMES, [FRAMES[0], b"", b"", *FRAMES[3:]]))

    assert books.lost_ms == 40.0


def test_silence_of_the_bridge_is_padding() -> None:
    """Filling a gap with 0xFF is allowed and counted."""
    books = caller_books(call(FRAMES, [*FRAMES, silence(60)]))

    assert (books.lost_bytes, books.padding_bytes) == (0, 480)


def test_lost_silence_is_not_taken_for_padding() -> None:
    """One frame of words is lost, silence follows: when words come again, the sums are right."""
    frames = [FRAMES[0], silence(20), silence(20), FRAMES[1]]
    books = caller_books(call(frames, [b"", silence(20), silence(20), FRAMES[1]]))

    assert (books.lost_ms, books.padding_bytes) == (20.0, 0)


def test_frames_discarded_by_twilio_are_lost() -> None:
    """Warning 31930: the frame never went onto the wire."""
    story = call([], [])
    story.frame(100, FRAMES[0], lost=True)

    assert caller_books(story).lost_ms == 20.0


def test_what_was_under_way_at_the_end_is_not_lost() -> None:
    """Frames sent just before the hangup cannot arrive; earlier ones could have."""
    story = call(FRAMES, [], hang_up_ms=110)

    assert caller_books(story, under_way_ms=60).lost_ms == 60.0


def test_nothing_is_lost_when_no_model_was_ever_there() -> None:
    """A refused session loses no audio: there was nobody to hear it."""
    story = Story()
    story.frame(0, FRAMES[0])

    assert caller_books(story).lost_bytes == 0


def test_foreign_and_repeated_audio_is_told_apart() -> None:
    """The same frame again, and bytes nobody said."""
    books = CallerAudio()
    kinds = []
    for event in call(FRAMES[:2], [*FRAMES[:2], FRAMES[0], voice(7, 20)]).in_order():
        books.observe(event)
        if event.data.get("type") == "input_audio_buffer.append":
            kinds += [arrival.kind for arrival in books.arrivals]

    assert kinds == ["caller", "caller", "repeated", "foreign"]


def test_a_bridge_that_alters_everything_fills_no_memory() -> None:
    """Frames that never match are given up after a minute."""
    books = CallerAudio()
    frame = voice(1, 20)
    for index in range(4000):
        books.observe(Event(20.0 * index, "twilio", "sent", {"event": "media", "audio": frame}))

    assert len(books._pending) == 3000
    assert books.lost_bytes == 1000 * 160
