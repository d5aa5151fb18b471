"""What the caller has heard: `simulator/playout.py`, against examples and a second, naive model."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from simulator.playout import Cleared, MarkReached, Played, Playout


def audio(ms: int, value: int = 1) -> bytes:
    """Some sound."""
    return bytes([value]) * (ms * 8)


def test_audio_plays_at_once_into_an_empty_buffer() -> None:
    """The first byte is heard the moment it arrives, the last one after the length of the audio."""
    playout = Playout()
    playout.media(audio(100), 1000.0, "a")

    assert playout.next_ms == 1100.0
    assert playout.advance(1099.99) == []
    assert playout.advance(1100.0) == [Played("a", 0, 800, 1000.0, 1100.0, audio(100))]
    assert playout.next_ms == inf
    assert not playout.playing


def test_messages_play_one_after_the_other() -> None:
    """Media sent ten times faster than real time is heard in order and without a gap."""
    playout = Playout()
    playout.media(audio(100), 0.0, "a")
    playout.media(audio(50, 2), 10.0, "b")
    heard = playout.advance(400.0)

    assert [(it.tag, it.from_ms, it.to_ms) for it in heard if isinstance(it, Played)] == [
        ("a", 0.0, 100.0),
        ("b", 100.0, 150.0),
    ]


def test_a_mark_comes_back_when_the_audio_before_it_was_heard() -> None:
    """Marks queue with the audio, and carry the exact time of the last byte before them."""
    playout = Playout()
    playout.media(audio(100), 0.0, "a")
    playout.mark("first", 1.0)
    playout.mark("second", 1.0)
    playout.media(audio(20), 2.0, "b")
    playout.mark("first", 2.0)
    names = [(it.name, it.at_ms) for it in playout.advance(500.0) if isinstance(it, MarkReached)]

    assert names == [("first", 100.0), ("second", 100.0), ("first", 120.0)]


def test_a_mark_on_an_empty_buffer_is_reached_at_once() -> None:
    """With nothing to wait for a mark comes straight back."""
    playout = Playout()
    playout.mark("now", 7.0)

    assert playout.next_ms == -inf
    assert playout.advance(7.0) == [MarkReached("now", 7.0)]


def test_clear_returns_pending_marks_and_reports_the_part_that_was_heard() -> None:
    """`clear` drops unheard bytes only; the cut message is told up to the cut, marks come back."""
    playout = Playout()
    playout.media(audio(100), 0.0, "a")
    playout.mark("one", 0.0)
    playout.media(audio(100), 0.0, "b")
    playout.mark("two", 0.0)
    cleared = playout.clear(30.0)

    assert cleared == Cleared(170 * 8, ["one", "two"])
    assert playout.advance(30.0) == [Played("a", 0, 240, 0.0, 30.0, audio(30))]
    assert playout.next_ms == inf
    assert playout.position == playout.end == 240


def test_a_mark_reached_before_the_clear_is_not_pending() -> None:
    """A mark reached but not yet collected was played, and `clear` does not give it back again."""
    playout = Playout()
    playout.media(audio(20), 0.0)
    playout.mark("heard", 0.0)
    playout.media(audio(20), 0.0)
    cleared = playout.clear(25.0)

    assert cleared.marks == []
    assert MarkReached("heard", 20.0) in playout.advance(25.0)


def test_media_after_a_clear_starts_a_new_clock() -> None:
    """What follows a clear plays at once; the dropped audio delays neither it nor its mark."""
    playout = Playout()
    playout.media(audio(5000), 0.0, "old")
    playout.clear(100.0)
    playout.media(audio(40), 150.0, "new")
    playout.mark("end", 150.0)

    assert [it.tag for it in playout.advance(150.0) if isinstance(it, Played)] == ["old"]
    assert playout.next_ms == 190.0
    assert playout.position == 800
    assert playout.when_ms(800 + 80) == 160.0
    assert playout.advance(300.0) == [
        Played("new", 0, 320, 150.0, 190.0, audio(40)),
        MarkReached("end", 190.0),
    ]


def test_an_underrun_is_a_gap() -> None:
    """Audio that comes too late starts when it comes, not when the buffer ran dry."""
    playout = Playout()
    playout.media(audio(20), 0.0, "a")
    playout.media(audio(20), 30.0, "b")
    heard = playout.advance(100.0)

    assert [(it.from_ms, it.to_ms) for it in heard if isinstance(it, Played)] == [
        (0.0, 20.0),
        (30.0, 50.0),
    ]


def test_ten_minutes_fit_and_the_rest_is_discarded() -> None:
    """Beyond ten minutes of unheard audio the excess is dropped and counted."""
    playout = Playout()
    discarded = playout.media(audio(599_000), 0.0), playout.media(audio(2_000), 0.0)

    assert discarded == (0, 1_000 * 8)
    assert playout.media(audio(20), 0.0) == 160
    assert playout.discarded_bytes == 1_000 * 8 + 160
    assert playout.buffered_bytes == 600_000 * 8
    assert playout.media(audio(20), 20.0) == 0


def test_a_start_delay_holds_an_empty_buffer_back() -> None:
    """A jitter buffer delays the first byte of each run, and only that."""
    playout = Playout(start_delay_ms=60.0)
    playout.media(audio(20), 0.0, "a")
    playout.media(audio(20), 10.0, "b")
    heard = playout.advance(200.0)

    assert [(it.from_ms, it.to_ms) for it in heard if isinstance(it, Played)] == [
        (60.0, 80.0),
        (80.0, 100.0),
    ]


class NaivePlayout:
    """The same rules, one byte at a time on a grid of 1/8 ms: slow, and written independently."""

    def __init__(self) -> None:
        self.queue: list[str | int] = []
        self.heard: list[int] = []
        self.marks: list[tuple[str, bool]] = []

    def _drain_marks(self) -> None:
        while self.queue and isinstance(self.queue[0], str):
            self.marks.append((str(self.queue.pop(0)), True))

    def tick(self) -> None:
        """One byte is heard."""
        if self.queue:
            head = self.queue.pop(0)
            assert isinstance(head, int)
            self.heard.append(head)
        self._drain_marks()

    def media(self, data: bytes) -> None:
        """Append."""
        self.queue.extend(data)

    def mark(self, name: str) -> None:
        """Append."""
        self.queue.append(name)
        self._drain_marks()

    def clear(self) -> None:
        """Drop."""
        self.marks += [(it, False) for it in self.queue if isinstance(it, str)]
        self.queue.clear()


operations = st.one_of(
    st.tuples(st.just("media"), st.binary(max_size=30)),
    st.tuples(st.just("mark"), st.sampled_from("xyz")),
    st.tuples(st.just("clear"), st.none()),
    st.tuples(st.just("wait"), st.integers(0, 40)),
)


@given(st.lists(operations, max_size=40), st.booleans())
def test_it_agrees_with_a_naive_model(program: list[tuple[str, object]], ask_often: bool) -> None:
    """Any program of media, mark, clear and waiting goes as a byte-by-byte model has it."""
    playout, naive = Playout(), NaivePlayout()
    now_ms, heard, marks = 1000.0, b"", list[tuple[str, bool]]()

    def collect() -> None:
        nonlocal heard
        for it in playout.advance(now_ms):
            if isinstance(it, Played):
                assert len(it.audio) == it.end_byte - it.start_byte
                heard += it.audio
            else:
                marks.append((it.name, True))

    for verb, value in program:
        if verb == "media":
            assert isinstance(value, bytes)
            playout.media(value, now_ms)
            naive.media(value)
        elif verb == "mark":
            playout.mark(str(value), now_ms)
            naive.mark(str(value))
        elif verb == "clear":
            cleared = playout.clear(now_ms)
            collect()
            marks += [(name, False) for name in cleared.marks]
            naive.clear()
        else:
            assert isinstance(value, int)
            for _ in range(value):
                naive.tick()
            now_ms += value / 8
        if ask_often:
            collect()
    collect()

    assert playout.position == len(naive.heard)
    assert heard == bytes(naive.heard)[: len(heard)]
    assert marks == naive.marks
    assert playout.buffered_bytes == sum(isinstance(it, int) for it in naive.queue)
