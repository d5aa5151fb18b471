"""The developer's own environment, which must not decide a test."""

import pytest

from bridge.settings import Settings


def forget_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take each setting's variable away, however it is written, and those that name its file."""
    for name in Settings.model_fields:
        for variable in (name, name.upper(), f"{name.upper()}_FILE"):
            monkeypatch.delenv(variable, raising=False)
