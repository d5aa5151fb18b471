"""The call token: signed, bound to one call, soon too old."""

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


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_a_stranger_cannot_crash_the_check(token: str, call_sid: str) -> None:
    """Any text at all, lone surrogates included, is refused and nothing else."""
    assert not CallTokens(SECRET, 300, WallClock()).is_valid(token, call_sid)
