"""`callbridge token`: a new API token. It needs no settings, and hardly anything imported."""

import argparse

from bridge.api_tokens import hash_of, new_token
from bridge.cli.exits import FINE, complain


def add_options(_token: argparse.ArgumentParser) -> None:
    """There are none."""


def run(_options: argparse.Namespace) -> int:
    """Print a token, and the hash of it that belongs into the settings."""
    token = new_token()
    print(f"token: {token}")  # noqa: T201 - it is shown this once
    print(f"hash:  {hash_of(token)}", flush=True)  # noqa: T201
    complain(
        "Give the token to whoever may have calls made; it is shown this once. "
        "Add the hash to API_TOKENS, or to API_TOKENS_FILE."
    )
    return FINE
