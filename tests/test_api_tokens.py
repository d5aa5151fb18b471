"""API tokens: made once, stored hashed, compared whole."""

import hashlib

import pytest

from bridge.api_tokens import ApiTokens, hash_of, is_hash, new_token

TOKEN = "cb_a-token-of-nobody"


def test_a_token_is_long_random_and_recognisable() -> None:
    """No two are alike, and each has 256 bits."""
    one, other = new_token(), new_token()

    assert one != other
    assert one.startswith("cb_")
    assert len(one) == len("cb_") + 43


def test_the_hash_is_plain_sha256() -> None:
    """Anybody can compute it, and it does not hold the token."""
    stored = hash_of(TOKEN)

    assert stored == "sha256$" + hashlib.sha256(TOKEN.encode()).hexdigest()
    assert is_hash(stored)
    assert TOKEN not in stored


@pytest.mark.parametrize(
    "text", ["", TOKEN, "sha256$", "sha256$" + "g" * 64, "sha256$" + "A" * 64, "md5$" + "a" * 64]
)
def test_what_is_no_hash(text: str) -> None:
    """A token itself above all: it must not be stored."""
    assert not is_hash(text)


@pytest.mark.parametrize("header", [f"Bearer {TOKEN}", f"bearer  {TOKEN} "])
def test_a_known_token_is_let_in(header: str) -> None:
    """The scheme's case does not matter; the owner's name is a part of the hash."""
    tokens = ApiTokens([hash_of("another"), hash_of(TOKEN)])

    assert tokens.owner(header) == hashlib.sha256(TOKEN.encode()).hexdigest()[:12]


@pytest.mark.parametrize(
    "header",
    [
        *("", "Bearer", "Bearer ", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x"),
        *(f"Bearer {TOKEN} {TOKEN}", f"Bearer {hash_of(TOKEN)}", "Bearer " + "x" * 10_000),
        "Bearer \udcff\ud800",
    ],
)
def test_everything_else_is_not(header: str) -> None:
    """No header, another scheme, another token, the hash itself, or nonsense."""
    assert ApiTokens([hash_of(TOKEN)]).owner(header) is None


def test_without_tokens_nobody_is_let_in() -> None:
    """An empty list is no open door."""
    assert ApiTokens([]).owner(f"Bearer {TOKEN}") is None
