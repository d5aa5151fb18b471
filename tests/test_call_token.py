"""The call token: signed, bound to one call, soon too old, and spelled in one way only."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.call_token import CallTokens, derived_secret

SECRET = derived_secret("sk-something", "token")
CALL = "CA" + "1" * 32
OTHER = "CA" + "2" * 32


class WallClock:
    """A clock that stands until it is moved."""

    now = 1_790_000_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def test_a_token_opens_its_own_call_only() -> None:
    """The token of one call is worth nothing for another."""
    tokens = CallTokens(SECRET, 300, WallClock())
    token = tokens.issue(CALL)

    assert tokens.is_valid(token, CALL)
    assert not tokens.is_valid(token, OTHER)
    assert not tokens.is_valid(token, "")


def test_a_token_expires() -> None:
    """It is good for its seconds and not longer, by the clock that was injected."""
    clock = WallClock()
    tokens = CallTokens(SECRET, 300, clock)
    token = tokens.issue(CALL)
    clock.now += 300
    in_time = tokens.is_valid(token, CALL)
    clock.now += 1

    assert in_time
    assert not tokens.is_valid(token, CALL)


def test_processes_with_the_same_keys_agree() -> None:
    """The derived secret depends on the keys alone, and a different key gives a different one."""
    token = CallTokens(derived_secret("a", "b"), 300, WallClock()).issue(CALL)

    assert CallTokens(derived_secret("a", "b"), 300, WallClock()).is_valid(token, CALL)
    assert not CallTokens(derived_secret("ab", ""), 300, WallClock()).is_valid(token, CALL)
    assert derived_secret("a") != b"a"


def test_a_token_fits_into_a_parameter() -> None:
    """Twilio limits name and value to 500 characters together, and the token needs no escaping."""
    token = CallTokens(SECRET, 300, WallClock()).issue(CALL)

    assert len(token) < 200
    assert token.isascii()
    assert not set(token) & set("<>&\"' ")


@pytest.mark.parametrize("more", ["=", "==", "!!!!", "\n", "\u00e9", "\ud800", "A==="])
def test_what_base64_would_overlook_is_another_token(more: str) -> None:
    """A used token with something behind it that a decoder skips opens no second stream."""
    tokens = CallTokens(SECRET, 300, WallClock())
    token = tokens.issue(CALL)

    assert tokens.use(token, CALL)
    assert not tokens.use(token + more, CALL)


def test_no_other_last_character_will_do() -> None:
    """A signature's last character has two bits that say nothing; they must be as we wrote them."""
    tokens = CallTokens(SECRET, 300, WallClock())
    token = tokens.issue(CALL)
    alphabet = string.ascii_letters + string.digits + "-_+/=."
    good = [last for last in alphabet if tokens.is_valid(token[:-1] + last, CALL)]

    assert good == [token[-1]]


@given(st.data())
def test_a_token_has_one_spelling(data: st.DataObject) -> None:
    """Whatever is put into it, or in place of a part of it, is refused."""
    tokens = CallTokens(SECRET, 300, WallClock())
    token = tokens.issue(CALL)
    begin = data.draw(st.integers(0, len(token)), "begin")
    end = data.draw(st.integers(begin, min(begin + 3, len(token))), "end")
    middle = data.draw(st.text(st.characters(codec=None), max_size=5), "middle")
    spelled = token[:begin] + middle + token[end:]

    assert tokens.is_valid(spelled, CALL) == (spelled == token)


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_a_stranger_cannot_crash_the_check(token: str, call_sid: str) -> None:
    """Any text at all, lone surrogates included, is refused and nothing else."""
    assert not CallTokens(SECRET, 300, WallClock()).is_valid(token, call_sid)
