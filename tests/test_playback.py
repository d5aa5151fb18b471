"""bridge.core.playback: the ledger of what was generated, sent and heard, per item."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.playback import ITEMS_MAX, MARK_SPACING_MS, Cut, Piece, Playback

MS = 8


def audio(duration_ms: float) -> bytes:
    """Some agent audio."""
    return b"\x11" * int(duration_ms * MS)


def marks(pieces: list[Piece]) -> list[str]:
    """The marks to send."""
    return [piece.mark for piece in pieces]


def test_a_delta_is_cut_at_the_mark_spacing() -> None:
    """700 ms become 300 + 300 + 100, each with a mark that says where it stands."""
    pieces = Playback().play("r1", "i1", audio(700), 0.0)

    assert [len(piece.audio) // MS for piece in pieces] == [300, 300, 100]
    assert marks(pieces) == ["g0:i1:2400", "g0:i1:4800", "g0:i1:5600"]


@given(st.lists(st.integers(0, 5000), max_size=8))
def test_nothing_is_lost_in_cutting(sizes: list[int]) -> None:
    """Whatever the sizes of deltas: all bytes, in order, in whole frames but for the last."""
    playback = Playback()
    generated = [bytes([number % 250]) * size for number, size in enumerate(sizes)]
    pieces = [piece for delta in generated for piece in playback.play("r1", "i1", delta, 0.0)]
    last = playback.item_done("i1", 0.0)

    assert all(len(piece.audio) % 160 == 0 for piece in pieces)
    assert all(len(piece.audio) <= MARK_SPACING_MS * MS for piece in pieces)
    assert len(last) <= 1
    assert b"".join(piece.audio for piece in pieces + last) == b"".join(generated)


def test_what_is_held_back_comes_with_the_end_of_its_item_or_response() -> None:
    """Part of a frame waits for more; the end of another item does not concern it."""
    playback = Playback()
    assert playback.play("r1", "i1", audio(5), 0.0) == []
    assert not playback.complete
    assert playback.item_done("i2", 0.0) == []
    assert playback.response_done("r2", 0.0) == []

    assert [len(piece.audio) for piece in playback.item_done("i1", 0.0)] == [40]
    assert playback.item_done("i1", 0.0) == []
    playback.play("r1", "i1", audio(5), 0.0)
    assert [len(piece.audio) for piece in playback.response_done("r1", 0.0)] == [40]
    playback.play("r1", "i1", audio(5), 0.0)
    assert [len(piece.audio) for piece in playback.flush(0.0)] == [40]


def test_another_item_pushes_out_what_is_held_back() -> None:
    """Items follow each other without mixing."""
    playback = Playback()
    playback.play("r1", "i1", audio(25), 0.0)
    pieces = playback.play("r1", "i2", audio(20), 0.0)

    assert marks(pieces) == ["g0:i1:200", "g0:i2:160"]


def test_complete_means_the_last_mark_is_back() -> None:
    """Sent is not heard."""
    playback = Playback()
    (piece,) = playback.play("r1", "i1", audio(100), 0.0)
    before = playback.complete
    known = playback.reached(piece.mark, 0.2)

    assert (before, known, playback.complete) == (False, True, True)
    assert not playback.reached(piece.mark, 0.3)


def test_an_interruption_cuts_each_item_that_was_not_fully_heard() -> None:
    """The first was heard, the second in part, the third not at all."""
    playback = Playback()
    for item_id in ("i1", "i2", "i3"):
        playback.play("r1", item_id, audio(200), 0.0)
    found = playback.interrupt(0.3)

    assert found.cuts == (Cut("i2", 100), Cut("i3", 0))
    assert found.response_ids == {"r1"}
    assert playback.complete
    assert not playback.audible(0.3)


def test_an_items_position_survives_a_pause() -> None:
    """Heard counts from the item's own start, though the sound stopped in between."""
    playback = Playback()
    playback.play("r1", "i1", audio(200), 0.0)
    playback.play("r1", "i1", audio(200), 5.0)

    assert playback.interrupt(5.05).cuts == (Cut("i1", 250),)


def test_an_item_in_two_parts_is_cut_once() -> None:
    """Interleaved items: the first unheard byte of each counts."""
    playback = Playback()
    for item_id in ("i1", "i2", "i1"):
        playback.play("r1", item_id, audio(100), 0.0)

    assert playback.interrupt(0.05).cuts == (Cut("i1", 50), Cut("i2", 0))


def test_after_an_interruption_marks_are_of_another_generation() -> None:
    """An echo of the old generation cannot be taken for a new mark."""
    playback = Playback()
    old = marks(playback.play("r1", "i1", audio(200), 0.0))
    playback.interrupt(0.1)
    new = marks(playback.play("r2", "i2", audio(200), 0.1))

    assert not playback.reached(old[0], 0.2)
    assert new == ["g1:i2:1600"]


def test_late_audio_cuts_an_item_once() -> None:
    """An item first seen after the interruption was not heard at all."""
    playback = Playback()

    assert playback.late("i9") == Cut("i9", 0)
    assert playback.late("i9") is None


def test_late_audio_of_an_item_that_had_been_heard_out() -> None:
    """All sent was heard, so nothing was cut; then more of it comes and is dropped."""
    playback = Playback()
    (piece,) = playback.play("r1", "i1", audio(200), 0.0)
    playback.reached(piece.mark, 0.3)

    assert playback.late("i1") == Cut("i1", 200)


def test_a_probe_needs_silence() -> None:
    """A mark behind sound, or before the last mark is back, would measure the sound."""
    playback = Playback()
    assert playback.probe(0.0) == "g1:probe"

    (piece,) = playback.play("r1", "i1", audio(200), 1.0)
    assert playback.probe(1.1) is None
    assert playback.probe(1.3) is None
    playback.reached(piece.mark, 1.4)
    assert playback.probe(1.4) == "g2:probe"


def test_what_is_held_back_can_be_dropped() -> None:
    """An interruption between two frames leaves nothing behind."""
    playback = Playback()
    playback.play("r1", "i1", audio(5), 0.0)
    playback.drop_held()

    assert playback.response_done("r1", 0.0) == []


def test_what_was_heard_of_an_item_is_known_while_it_sounds_and_behind_it() -> None:
    """Of one that lies behind another nothing yet; of one that nobody knows, nothing is known."""
    playback = Playback()
    playback.play("r1", "i1", audio(1000), 0.0)
    playback.play("r1", "i2", audio(1000), 0.0)
    playback.play("r1", "i1", audio(1000), 0.0)

    assert playback.heard_of("i1", 0.4) == (400 * MS, True)
    assert playback.heard_of("i2", 0.4) == (0, True)
    assert playback.heard_of("i2", 1.25) == (250 * MS, True)
    assert playback.heard_of("i2", 2.5) == (1000 * MS, False)
    assert playback.heard_of("i1", 2.5) == (1500 * MS, True)
    assert playback.heard_of("i1", 3.5) == (2000 * MS, False)
    assert playback.heard_of("i9", 0.4) is None


def test_the_ledger_is_bounded() -> None:
    """A server that invents items cannot make it grow; what is held back survives that."""
    playback = Playback()
    playback.play("r1", "i1", audio(5), 0.0)
    for number in range(ITEMS_MAX + 5):
        playback.late(f"x{number}")

    assert [len(piece.audio) for piece in playback.item_done("i1", 0.0)] == [40]
    assert playback.late("i1") == Cut("i1", 0)
